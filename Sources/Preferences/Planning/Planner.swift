/// Distributes examples over shards and packs them; every rank computes the same plan without communication.
package struct Planner: Sendable {
    package let dataset: PreferenceDataset
    package let sharing: Sharing
    /// The pairs of responses that enter the loss.
    package let pairing: Pairing
    /// The maximum number of tokens in a packed sequence; a larger tree gets a sequence of its own.
    package let rowTokens: Int
    package let shards: Int
    package let cost: CostModel

    /// A planner for a dataset, a sharing mode and a number of shards.
    package init(
        dataset: PreferenceDataset,
        sharing: Sharing,
        pairing: Pairing = .bestVersusRest,
        rowTokens: Int,
        shards: Int,
        cost: CostModel
    ) {
        precondition(rowTokens > 0 && shards > 0, "a positive number of tokens and shards")
        self.dataset = dataset
        self.sharing = sharing
        self.pairing = pairing
        self.rowTokens = rowTokens
        self.shards = shards
        self.cost = cost
    }

    /// Plans a step of these examples.
    ///
    /// With `prefix`, examples whose prompts extend one another form one tree. A tree cannot be split over shards, so
    /// several size limits for such trees are tried, and the plan with the smallest makespan is chosen.
    ///
    /// - Parameter speeds: The relative speed of each shard, above 0; nil if all are equally fast.
    package func plan(examples rows: [Int], speeds: [Double]? = nil) -> StepPlan {
        precondition(speeds.map { $0.count == shards } ?? true, "a speed for each shard")
        let groups = sharing == .prefix ? PromptGroups(dataset, rows: rows) : PromptGroups(alone: rows)
        let plans = limits(for: groups).map { limit in
            let trees = groups.groups.flatMap {
                TokenTree.trees(dataset, group: $0, sharing: sharing, limit: limit, window: cost.window)
            }
            return partition(trees, speeds)
        }
        let best = plans.min { ($0.makespan, $0.total) < ($1.makespan, $1.total) }!
        return StepPlan(
            shardTrees: best.shards,
            partition: best.partition,
            rowTokens: rowTokens,
            counts: counts(of: rows),
            unsharedTokens: rows.reduce(0) { $0 + dataset.unsharedTokens(of: $1) },
            cost: cost
        )
    }

    /// The size limits in tokens for trees of several examples: all tokens, a shard's share, fractions of it, or none.
    private func limits(for groups: PromptGroups) -> [Int] {
        guard groups.joinsAny else { return [0] }
        let total = groups.groups.joined().reduce(0) { sum, row in
            sum + TokenTree(dataset, example: row, sharing: sharing).count
        }
        let limits = [total, total / shards, total / shards / 2, total / shards / 4, 0].map { min(rowTokens, $0) }
        // Descending, without duplicates.
        return Set(limits).sorted(by: >)
    }

    /// The trees of each shard, and the partition of their costs.
    private struct PartitionedTrees {
        let shards: [[TokenTree]]
        let partition: LoadPartition

        /// The time of the slowest shard.
        var makespan: Double { partition.times.max() ?? 0 }
        var total: Double { partition.loads.reduce(0, +) }
    }

    /// Partitions trees by cost, ties by the index of the first example, independent of the order of `trees`.
    private func partition(_ trees: [TokenTree], _ speeds: [Double]?) -> PartitionedTrees {
        let order = trees.indices.sorted { trees[$0].firstExample < trees[$1].firstExample }
        let partition = LoadPartition(
            order.map { cost.forwardFLOPs(of: trees[$0].work) },
            speeds: speeds ?? Array(repeating: 1, count: shards)
        )
        return PartitionedTrees(shards: partition.pieces.map { $0.map { trees[order[$0]] } }, partition: partition)
    }

    /// The denominators of the losses of these examples.
    package func counts(of rows: some Sequence<Int>) -> LossCounts {
        LossCounts(dataset, rows: rows, pairing: pairing)
    }

    /// An upper bound of the number of tokens in a packed sequence of these examples.
    package func maximumPackedTokens(of rows: some Sequence<Int>) -> Int {
        var largest = 0
        var total = 0
        for row in rows {
            let count = TokenTree(dataset, example: row, sharing: sharing).count
            largest = max(largest, count)
            total += count
        }
        return max(largest, min(rowTokens, total))
    }
}

/// The trees of a step, distributed over shards.
package struct StepPlan: Sendable {
    private let shardTrees: [[TokenTree]]
    /// Forward FLOPs of each shard.
    package let shardFLOPs: [Double]
    /// The planned time of the slowest shard over the mean: 1 if all take equally long.
    package let imbalance: Double
    private let rowTokens: Int
    /// The denominators of the step's loss: examples, pairs and tokens.
    package let counts: LossCounts
    /// The tokens that would be computed without sharing.
    package let unsharedTokens: Int
    private let cost: CostModel

    fileprivate init(
        shardTrees: [[TokenTree]],
        partition: LoadPartition,
        rowTokens: Int,
        counts: LossCounts,
        unsharedTokens: Int,
        cost: CostModel
    ) {
        self.shardTrees = shardTrees
        (shardFLOPs, imbalance) = (partition.loads, partition.imbalance)
        self.rowTokens = rowTokens
        self.counts = counts
        self.unsharedTokens = unsharedTokens
        self.cost = cost
    }

    /// The work of each shard.
    package var shardWork: [Work] { shardTrees.map { $0.reduce(.zero) { $0 + $1.work } } }
    /// The work of the step.
    package var work: Work { shardWork.reduce(.zero, +) }
    /// Forward FLOPs of the step.
    package var flops: Double { shardFLOPs.reduce(0, +) }
    /// FLOPs of the step's forward and backward pass.
    package var trainingFLOPs: Double { cost.trainingFLOPs(of: work) }

    /// Packs the trees of a shard: first fit, descending by tokens; no sequences if the shard is idle.
    package func packedSequences(shard: Int) -> [PackedSequence] {
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
        return bins.map { bin in PackedSequence(bin.trees.sorted { $0.firstExample < $1.firstExample }) }
    }
}
