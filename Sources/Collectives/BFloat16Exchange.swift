internal import CKernels

/// Sends gradients as bfloat16, half as many bytes, and weights as they are.
///
/// Each rank rounds its part once, also the slice that it keeps; each slice goes directly to the rank that receives its sums,
/// which adds them in float32 in the order of ranks.
final class BFloat16Exchange: SlicedReduction {
    private let rank: Int
    private let size: Int
    private let channel: Channel
    private let base: any SlicedReduction
    private let outgoing: Scratch<UInt16>
    private let incoming: Scratch<UInt16>

    /// - Parameters:
    ///   - base: Divides the slices, and gathers weights.
    ///   - capacity: Elements of the largest bucket.
    init(rank: Int, size: Int, channel: Channel, base: any SlicedReduction, capacity: Int) {
        (self.rank, self.size, self.channel, self.base) = (rank, size, channel, base)
        outgoing = Scratch(count: capacity, of: 0)
        // A slice is at most a unit longer than the mean.
        incoming = Scratch(count: capacity + (size + 1) * reductionUnit, of: 0)
    }

    func slice(of rank: Int, units: Int) -> Range<Int> { base.slice(of: rank, units: units) }

    func allGather(_ values: inout MutableSpan<Float>) throws { try base.allGather(&values) }

    func reduceScatter(_ values: inout MutableSpan<Float>) throws {
        try channel.exchange(&values) { values in
            guard !values.isEmpty else { return }
            ek_round_bfloat16(values.baseAddress, outgoing.elements.baseAddress, values.count)
            let sums = values.part(slice(of: rank, count: values.count))
            let slices = (0..<size).map { part(outgoing, slice(of: $0, count: values.count)) }
            var pieces = (0..<size).map { part(incoming, $0 * sums.count..<($0 + 1) * sums.count) }
            pieces[rank] = slices[rank]
            try channel.exchange(among: Array(0..<size), index: rank) {
                slices[$0]
            } receiving: {
                pieces[$0]
            }
            guard let first = sums.baseAddress, !sums.isEmpty else { return }
            sums.update(repeating: 0)
            for piece in pieces { ek_add_bfloat16(piece.baseAddress, first, sums.count) }
        }
    }

    private func part(_ scratch: Scratch<UInt16>, _ range: Range<Int>) -> UnsafeMutableBufferPointer<UInt16> {
        UnsafeMutableBufferPointer(rebasing: scratch.elements[range])
    }
}
