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
    /// several limits for such trees are tried, and the plan is taken whose costliest shard has the least to do.
    package func plan(rows: [Int]) -> StepPlan {
        let groups = sharing == .prefix ? PromptGroups(dataset, rows: rows) : PromptGroups(alone: rows)
        let divisions = limits(for: groups).map { limit in
            divide(TokenTree.trees(dataset, groups: groups, sharing: sharing, limit: limit))
        }
        let best = divisions.min { ($0.costliest, $0.total) < ($1.costliest, $1.total) }!
        return StepPlan(
            shardTrees: best.trees,
            shardFLOPs: best.flops,
            rowTokens: rowTokens,
            counts: counts(of: rows),
            unsharedTokens: rows.reduce(0) { $0 + dataset.unsharedTokens(of: $1) }
        )
    }

    /// The most tokens that trees of several rows may have: all, a shard's share, parts of it, or none.
    private func limits(for groups: PromptGroups) -> [Int] {
        guard groups.joinsAny else { return [0] }
        let total = groups.groups.joined().reduce(0) { sum, row in
            sum + TokenTree.tokenCount(dataset, row: row, sharing: sharing)
        }
        return [total, total / shards, total / shards / 2, total / shards / 4, 0].map { min(rowTokens, $0) }
    }

    /// Trees over shards, with the forward FLOPs of each shard.
    private struct Division {
        var trees: [[TokenTree]]
        var flops: [Double]

        var costliest: Double { flops.max() ?? 0 }
        var total: Double { flops.reduce(0, +) }
    }

    /// Trees go by descending cost, each to the shard with the least so far (longest processing time first, Graham
    /// 1969); ties go to the lower row and the lower shard.
    private func divide(_ trees: [TokenTree]) -> Division {
        let costed = trees.map { (tree: $0, cost: cost.forwardFLOPs(of: $0.work)) }
        let order = costed.sorted { (-$0.cost, $0.tree.firstExample) < (-$1.cost, $1.tree.firstExample) }
        var division = Division(
            trees: Array(repeating: [], count: shards),
            flops: Array(repeating: 0, count: shards)
        )
        for (tree, cost) in order {
            let shard = division.flops.indices.min { (division.flops[$0], $0) < (division.flops[$1], $1) }!
            division.trees[shard].append(tree)
            division.flops[shard] += cost
        }
        return division
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
            let count = TokenTree.tokenCount(dataset, row: row, sharing: sharing)
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
    private let rowTokens: Int
    /// Rows, pairs and tokens that the step's loss is a mean of.
    package let counts: LossCounts
    /// The tokens that would be computed without sharing.
    package let unsharedTokens: Int

    fileprivate init(
        shardTrees: [[TokenTree]],
        shardFLOPs: [Double],
        rowTokens: Int,
        counts: LossCounts,
        unsharedTokens: Int
    ) {
        self.shardTrees = shardTrees
        self.shardFLOPs = shardFLOPs
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

    /// The costliest shard's share over the mean: 1 where all take equally long.
    package var imbalance: Double {
        flops > 0 ? (shardFLOPs.max() ?? 0) * Double(shardFLOPs.count) / flops : 1
    }

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
