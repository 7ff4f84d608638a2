/// The trees of a step, divided over shards and packed into sequences.
struct StepDivision: Sendable {
    /// The packed sequences of each shard.
    let sequences: [[PackedTrees]]
    /// The cost of each shard, in forward FLOPs.
    let loads: [Double]
    /// The time that each shard takes.
    let times: [Double]

    /// Divides pieces of the trees of `packing` by their costs, and packs each shard.
    ///
    /// - Parameters:
    ///   - pieces: Trees that go to one shard, as indices of the trees, with their cost.
    ///   - speeds: The speed of each shard.
    private init(_ pieces: [Piece], of packing: TreePacking, cost: CostModel, speeds: [Double]) {
        // Ties go to the piece with the lower first example, independent of the order of the trees.
        let pieces = pieces.sorted { $0.firstExample < $1.firstExample }
        let partition = LoadPartition(pieces.map(\.cost), speeds: speeds)
        sequences = partition.pieces.map { packing.sequences(of: $0.flatMap { pieces[$0].trees }.sorted()) }
        let loads = sequences.map { sequences in
            cost.forwardFLOPs(of: sequences.reduce(.zero) { $0 + $1.work })
        }
        self.loads = loads
        times = zip(loads, speeds).map { $0 / $1 }
    }

    /// The time of the slowest shard, then the cost of all.
    var rating: (Double, Double) { (times.max() ?? 0, loads.reduce(0, +)) }

    /// Trees that go to one shard.
    private struct Piece {
        let trees: [Int]
        let cost: Double
        let firstExample: Int
    }

    /// The division of trees by their own costs, as if they shared nothing.
    ///
    /// What they share is saved afterwards, so that no shard has more to do than without sharing.
    static func apart(_ packing: TreePacking, cost: CostModel, speeds: [Double]) -> StepDivision {
        let pieces = packing.trees.enumerated().map { index, tree in
            Piece(trees: [index], cost: cost.forwardFLOPs(of: tree.work), firstExample: tree.firstExample)
        }
        return StepDivision(pieces, of: packing, cost: cost, speeds: speeds)
    }

    /// Divisions of trees that share stems, by what is left of their costs: of each tree without its longest stem, and
    /// of pieces of several trees that share stems, of at most a sequence, a shard's share of the tokens, and fractions
    /// of it.
    ///
    /// - Returns: None if no trees share a stem, or there is one shard.
    static func together(_ packing: TreePacking, cost: CostModel, speeds: [Double]) -> [StepDivision] {
        let shared = packing.sharedLengths
        guard speeds.count > 1, shared.contains(where: { $0 > 0 }) else { return [] }
        let rest = packing.trees.enumerated().map { index, tree in
            let work = tree.work - Work(ofChain: shared[index], window: packing.window)
            return Piece(trees: [index], cost: cost.forwardFLOPs(of: work), firstExample: tree.firstExample)
        }
        let share = packing.trees.reduce(0) { $0 + $1.count } / speeds.count
        let limits = Set([packing.limit, share, share / 2, share / 4].map { min($0, packing.limit) })
        let joined = limits.sorted(by: >).map { limit in
            packing.pieces(of: Array(packing.trees.indices), limit: limit).map {
                Piece(trees: $0.indices, cost: cost.forwardFLOPs(of: $0.work), firstExample: $0.firstExample)
            }
        }
        return ([rest] + joined).map { StepDivision($0, of: packing, cost: cost, speeds: speeds) }
    }
}
