/// Reduces in stages, in each of which small groups of ranks exchange their values directly.
///
/// The number of ranks is the product of the group sizes of all stages. Ranks of a first-stage group are consecutive; those
/// of a second-stage group are one first-stage group apart, and so on. Each stage divides the range that the previous stage
/// has left to a rank. One stage of all ranks is the direct exchange; groups of two are recursive halving, nearest rank
/// first; groups of the ranks of a host, then of one rank of each host, are hierarchical: each element crosses the network
/// once per host.
///
/// The sums of a group form a balanced tree: `(r0 + r1) + (r2 + r3)` and so on, where an odd last operand moves up to the
/// next level. If every size but the last is a power of two, this is the same tree over all ranks for any division into
/// stages: the sums have the same bits.
final class StagedExchange: SlicedReduction {
    private let rank: Int
    private let sizes: [Int]
    private let channel: Channel
    private let scratch: Scratch<Float>

    /// - Parameters:
    ///   - sizes: The group sizes of the stages; their product is the number of ranks.
    ///   - capacity: Elements of the largest bucket.
    init(rank: Int, sizes: [Int], channel: Channel, capacity: Int) {
        (self.rank, self.sizes, self.channel) = (rank, sizes, channel)
        // A part exceeds the mean by at most one unit.
        scratch = Scratch(count: capacity + (sizes.max() ?? 1) * reductionUnit, of: 0)
    }

    /// A rank's share of a stage.
    private struct Stage {
        /// The ranks of the group, ascending.
        let ranks: [Int]
        /// The rank's position in the group.
        let index: Int
        /// The units that each rank of the group reduces.
        let parts: [Range<Int>]

        /// The positions of the other ranks.
        var others: [Int] { ranks.indices.filter { $0 != index } }
    }

    private func stages(of rank: Int, units: Int) -> [Stage] {
        var (range, distance) = (0..<units, 1)
        return sizes.map { size in
            let index = rank / distance % size
            let ranks = (0..<size).map { rank + ($0 - index) * distance }
            let stage = Stage(ranks: ranks, index: index, parts: divided(range, in: size))
            (range, distance) = (stage.parts[index], distance * size)
            return stage
        }
    }

    func slice(of rank: Int, units: Int) -> Range<Int> {
        stages(of: rank, units: units).last.map { $0.parts[$0.index] } ?? 0..<units
    }

    func reduceScatter(_ values: inout MutableSpan<Float>) throws {
        try channel.exchange(&values) { values in
            for stage in stages(of: rank, units: unitCount(of: values.count)) { try reduce(values, stage) }
        }
    }

    private func reduce(_ values: UnsafeMutableBufferPointer<Float>, _ stage: Stage) throws {
        let parts = stage.parts.map { values.part(elements(of: $0, count: values.count)) }
        let own = parts[stage.index]
        var pieces = Array(repeating: own, count: parts.count)
        for (place, other) in stage.others.enumerated() {
            pieces[other] = scratch.elements.part(place * own.count..<(place + 1) * own.count)
        }
        try channel.exchange(among: stage.ranks, index: stage.index) {
            parts[$0]
        } receiving: {
            pieces[$0]
        }
        sum(pieces, own: own)
    }

    /// Sums the pieces as a balanced tree, into the rank's own piece.
    private func sum(_ pieces: [UnsafeMutableBufferPointer<Float>], own: UnsafeMutableBufferPointer<Float>) {
        var pieces = pieces
        while pieces.count > 1 {
            pieces = stride(from: 0, to: pieces.count, by: 2).map { left in
                guard left + 1 < pieces.count else { return pieces[left] }
                // Addition is commutative: the bits do not depend on the order of two operands.
                let isOwn = pieces[left + 1].baseAddress == own.baseAddress
                let (total, other) = isOwn ? (pieces[left + 1], pieces[left]) : (pieces[left], pieces[left + 1])
                total.add(other)
                return total
            }
        }
    }

    func allGather<Element: BitwiseCopyable>(_ values: inout MutableSpan<Element>) throws {
        try channel.exchange(&values) { values in
            for stage in stages(of: rank, units: unitCount(of: values.count)).reversed() {
                let parts = stage.parts.map { values.part(elements(of: $0, count: values.count)) }
                try channel.exchange(among: stage.ranks, index: stage.index) { _ in
                    parts[stage.index]
                } receiving: {
                    parts[$0]
                }
            }
        }
    }
}
