/// Reduces along a ring: each rank adds its values to the partial sum of its predecessor and sends it to its successor.
///
/// Each link carries `(P - 1) / P` of a bucket in each direction, in `P - 1` successive messages (Patarasuk & Yuan 2009).
/// The sum of slice `s` starts at rank `s + 1` and ends at rank `s`.
final class RingExchange: SlicedReduction {
    private let rank: Int
    private let size: Int
    private let channel: Channel
    private let scratch: Scratch<Float>

    /// - Parameter capacity: Elements of the largest bucket.
    init(rank: Int, size: Int, channel: Channel, capacity: Int) {
        (self.rank, self.size, self.channel) = (rank, size, channel)
        scratch = Scratch(count: min(capacity, capacity / size + 2 * reductionUnit), of: 0)
    }

    func slice(of rank: Int, units: Int) -> Range<Int> { divided(0..<units, in: size)[rank] }

    func reduceScatter(_ values: inout MutableSpan<Float>) throws {
        try channel.exchange(&values) { values in
            let parts = parts(of: values)
            for step in 1..<size {
                let (sent, received) = (parts[neighbor(-step)], parts[neighbor(-step - 1)])
                let arriving = scratch.elements.part(0..<received.count)
                try transfer(sent, receiving: arriving)
                received.add(arriving)
            }
        }
    }

    func allGather<Element: BitwiseCopyable>(_ values: inout MutableSpan<Element>) throws {
        try channel.exchange(&values) { values in
            let parts = parts(of: values)
            for step in 1..<size { try transfer(parts[neighbor(1 - step)], receiving: parts[neighbor(-step)]) }
        }
    }

    private func transfer<Element>(
        _ sent: UnsafeMutableBufferPointer<Element>,
        receiving received: UnsafeMutableBufferPointer<Element>
    ) throws {
        try channel.transfer(
            [Channel.Message(peer: neighbor(1), elements: sent)],
            receiving: [Channel.Message(peer: neighbor(-1), elements: received)]
        )
    }

    /// The rank at an offset along the ring.
    private func neighbor(_ offset: Int) -> Int { (rank + offset + size) % size }

    private func parts<Element>(
        of values: UnsafeMutableBufferPointer<Element>
    ) -> [UnsafeMutableBufferPointer<Element>] {
        (0..<size).map { values.part(slice(of: $0, count: values.count)) }
    }
}
