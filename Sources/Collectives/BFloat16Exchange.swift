internal import CKernels

/// Sends gradients as bfloat16, which halves their bytes, and weights unchanged.
///
/// Each rank rounds its values once, including the slice that it owns, and sends each slice directly to the slice's owner,
/// which adds the slices in float32 in rank order.
final class BFloat16Exchange: SlicedReduction {
    private let rank: Int
    private let size: Int
    private let channel: Channel
    private let base: any SlicedReduction
    private let outgoing: Scratch<UInt16>
    private let incoming: Scratch<UInt16>

    /// - Parameters:
    ///   - base: Defines the slices and gathers weights.
    ///   - capacity: Elements of the largest bucket.
    init(rank: Int, size: Int, channel: Channel, base: any SlicedReduction, capacity: Int) {
        (self.rank, self.size, self.channel, self.base) = (rank, size, channel, base)
        outgoing = Scratch(count: capacity, of: 0)
        // A slice exceeds the mean by at most one unit.
        incoming = Scratch(count: capacity + (size + 1) * reductionUnit, of: 0)
    }

    func slice(of rank: Int, units: Int) -> Range<Int> { base.slice(of: rank, units: units) }

    func allGather<Element: BitwiseCopyable>(_ values: inout MutableSpan<Element>) throws {
        try base.allGather(&values)
    }

    func reduceScatter(_ values: inout MutableSpan<Float>) throws {
        try channel.exchange(&values) { values in
            guard !values.isEmpty else { return }
            ek_round_bfloat16(values.baseAddress, outgoing.elements.baseAddress, values.count)
            let sums = values.part(slice(of: rank, count: values.count))
            let slices = (0..<size).map { outgoing.elements.part(slice(of: $0, count: values.count)) }
            var pieces = (0..<size).map { incoming.elements.part($0 * sums.count..<($0 + 1) * sums.count) }
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
}
