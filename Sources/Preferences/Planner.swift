/// Divides dataset rows over shards and packs them; every rank computes the same plan without communication.
package struct Planner: Sendable {
    package let dataset: PreferenceDataset
    package let sharing: Sharing
    /// Which responses are compared.
    package let pairing: Pairing
    /// The most tokens of a packed row; a larger tree has a row of its own.
    package let rowTokens: Int
    package let shards: Int
    package let cost: CostModel

    /// A planner for these rows, sharing and shards.
    package init(
        dataset: PreferenceDataset,
        sharing: Sharing,
        pairing: Pairing = .bestVersusRest,
        rowTokens: Int,
        shards: Int,
        cost: CostModel
    ) {
        precondition(rowTokens > 0 && shards > 0, "rows and shards are there to hold something")
        self.dataset = dataset
        self.sharing = sharing
        self.pairing = pairing
        self.rowTokens = rowTokens
        self.shards = shards
        self.cost = cost
    }

    /// The plan for these rows of the dataset.
    ///
    /// With `prefix`, rows whose prompts continue one another become one tree. A tree cannot be divided over shards, so
    /// several limits for such trees are tried, and the plan is taken whose last shard is done first.
    ///
    /// - Parameter speeds: What each shard does in a unit of time, above 0; nil where all are alike.
    package func plan(rows: [Int], speeds: [Double]? = nil) -> StepPlan {
        precondition(speeds.map { $0.count == shards } ?? true, "a speed for each shard")
        let groups = sharing == .prefix ? PromptGroups(dataset, rows: rows) : PromptGroups(alone: rows)
        let plans = limits(for: groups).map { limit in
            let trees = groups.groups.flatMap {
                TokenTree.trees(dataset, group: $0, sharing: sharing, limit: limit)
            }
            return divide(trees, speeds)
        }
        let best = plans.min { ($0.last, $0.total) < ($1.last, $1.total) }!
        return StepPlan(
            shardTrees: best.shards,
            division: best.division,
            rowTokens: rowTokens,
            counts: counts(of: rows),
            unsharedTokens: rows.reduce(0) { $0 + dataset.unsharedTokens(of: $1) }
        )
    }

    /// The most tokens that trees of several rows may have: all, a shard's share, parts of it, or none.
    private func limits(for groups: PromptGroups) -> [Int] {
        guard groups.joinsAny else { return [0] }
        let total = groups.groups.joined().reduce(0) { sum, row in
            sum + TokenTree(dataset, row: row, sharing: sharing).count
        }
        let limits = [total, total / shards, total / shards / 2, total / shards / 4, 0].map { min(rowTokens, $0) }
        // Descending as they are, each once.
        return Set(limits).sorted(by: >)
    }

    /// Trees over shards, and how their costs are divided.
    private struct DividedTrees {
        let shards: [[TokenTree]]
        let division: LoadPartition

        /// When the last shard is done.
        var last: Double { division.times.max() ?? 0 }
        var total: Double { division.loads.reduce(0, +) }
    }

    /// Divides trees by cost; of equal ones that of the lower row goes first, in whichever order they come.
    private func divide(_ trees: [TokenTree], _ speeds: [Double]?) -> DividedTrees {
        let order = trees.indices.sorted { trees[$0].firstExample < trees[$1].firstExample }
        let division = LoadPartition(
            order.map { cost.forwardFLOPs(of: trees[$0].work) },
            speeds: speeds ?? Array(repeating: 1, count: shards)
        )
        return DividedTrees(shards: division.pieces.map { $0.map { trees[order[$0]] } }, division: division)
    }

    /// What the losses of these rows of the dataset are means of.
    package func counts(of rows: some Sequence<Int>) -> LossCounts {
        LossCounts(dataset, rows: rows, pairing: pairing)
    }

    /// The most tokens that a packed row of these dataset rows can have.
    package func largestRow(of rows: some Sequence<Int>) -> Int {
        var largest = 0
        var total = 0
        for row in rows {
            let count = TokenTree(dataset, row: row, sharing: sharing).count
            largest = max(largest, count)
            total += count
        }
        return max(largest, min(rowTokens, total))
    }
}

/// The trees of a step, divided over shards.
package struct StepPlan: Sendable {
    private let shardTrees: [[TokenTree]]
    /// Forward FLOPs of each shard.
    package let shardFLOPs: [Double]
    /// The planned time of the shard that is done last over the mean: 1 where all take equally long.
    package let imbalance: Double
    private let rowTokens: Int
    /// Rows, pairs and tokens that the step's loss is a mean of.
    package let counts: LossCounts
    /// The tokens that would be computed without sharing.
    package let unsharedTokens: Int

    fileprivate init(
        shardTrees: [[TokenTree]],
        division: LoadPartition,
        rowTokens: Int,
        counts: LossCounts,
        unsharedTokens: Int
    ) {
        self.shardTrees = shardTrees
        (shardFLOPs, imbalance) = (division.loads, division.imbalance)
        self.rowTokens = rowTokens
        self.counts = counts
        self.unsharedTokens = unsharedTokens
    }

    /// The work of each shard.
    package var shardWork: [Work] { shardTrees.map { $0.reduce(.zero) { $0 + $1.work } } }
    /// The work of the step.
    package var work: Work { shardWork.reduce(.zero, +) }
    /// Forward FLOPs of the step.
    package var flops: Double { shardFLOPs.reduce(0, +) }

    /// The packed rows of a shard, none where it is idle: first fit by descending tokens.
    package func packedRows(shard: Int) -> [PackedRow] {
        var bins: [(trees: [TokenTree], tokens: Int)] = []
        let trees = shardTrees[shard].sorted { (-$0.count, $0.firstExample) < (-$1.count, $1.firstExample) }
        for tree in trees {
            if let bin = bins.firstIndex(where: { $0.tokens + tree.count <= rowTokens }) {
                bins[bin].trees.append(tree)
                bins[bin].tokens += tree.count
            } else {
                bins.append(([tree], tree.count))
            }
        }
        return bins.map { bin in PackedRow(bin.trees.sorted { $0.firstExample < $1.firstExample }) }
    }
}
