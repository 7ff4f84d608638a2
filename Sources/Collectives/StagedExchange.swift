/// Reduces in stages, in each of which small groups of ranks send each other their parts directly.
///
/// The number of ranks is the product of the stages' group sizes. Ranks of a first group are neighbours, those of a second
/// as far apart as a first has members, and so on; each stage divides what the one before left to a rank. One stage of
/// all ranks is the direct exchange, groups of two are recursive halving with the nearest rank first, and groups of the
/// ranks of a host, then of one rank of each host, are hierarchical: each element crosses the network once for a host.
///
/// Group by group the sums are a balanced tree: `(r0 + r1) + (r2 + r3)` and so on, a last odd one being left over to the
/// next level. Where every size but the last is a power of two, that is the same tree over all ranks, whatever the
/// stages: the sums have the same bits.
final class StagedExchange: SlicedReduction {
    private let rank: Int
    private let sizes: [Int]
    private let channel: Channel
    private let scratch: Scratch<Float>

    /// - Parameters:
    ///   - sizes: Of the groups of each stage; their product is the number of ranks.
    ///   - capacity: Elements of the largest bucket.
    init(rank: Int, sizes: [Int], channel: Channel, capacity: Int) {
        (self.rank, self.sizes, self.channel) = (rank, sizes, channel)
        // A part is at most a unit longer than the mean.
        scratch = Scratch(count: capacity + (sizes.max() ?? 1) * reductionUnit, of: 0)
    }

    /// What a rank does in a stage.
    private struct Stage {
        /// The group, ascending.
        let members: [Int]
        /// The rank's place in it.
        let index: Int
        /// The units that each member goes on with.
        let parts: [Range<Int>]

        /// The others' places.
        var others: [Int] { members.indices.filter { $0 != index } }
    }

    private func stages(of rank: Int, units: Int) -> [Stage] {
        var (range, distance) = (0..<units, 1)
        return sizes.map { size in
            let index = rank / distance % size
            let members = (0..<size).map { rank + ($0 - index) * distance }
            let stage = Stage(members: members, index: index, parts: divided(range, in: size))
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
        try channel.exchange(among: stage.members, index: stage.index) {
            parts[$0]
        } receiving: {
            pieces[$0]
        }
        addUp(pieces, own: own)
    }

    /// Adds up the pieces as a balanced tree, into the rank's own.
    private func addUp(_ pieces: [UnsafeMutableBufferPointer<Float>], own: UnsafeMutableBufferPointer<Float>) {
        var pieces = pieces
        while pieces.count > 1 {
            pieces = stride(from: 0, to: pieces.count, by: 2).map { left in
                guard left + 1 < pieces.count else { return pieces[left] }
                // A sum has the same bits either way round.
                let isOwn = pieces[left + 1].baseAddress == own.baseAddress
                let (sum, other) = isOwn ? (pieces[left + 1], pieces[left]) : (pieces[left], pieces[left + 1])
                sum.add(other)
                return sum
            }
        }
    }

    func allGather(_ values: inout MutableSpan<Float>) throws {
        try channel.exchange(&values) { values in
            for stage in stages(of: rank, units: unitCount(of: values.count)).reversed() {
                let parts = stage.parts.map { values.part(elements(of: $0, count: values.count)) }
                try channel.exchange(among: stage.members, index: stage.index) { _ in
                    parts[stage.index]
                } receiving: {
                    parts[$0]
                }
            }
        }
    }
}
