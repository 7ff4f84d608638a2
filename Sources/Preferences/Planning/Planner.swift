/// Distributes examples over shards and packs them; every rank computes the same plan without communication.
package struct Planner: Sendable {
    /// The length from which trees of a packed sequence share a prefix, their stem.
    ///
    /// A stem adds a tile of keys to each block of queries below it: in trees of 1,000 tokens this takes as long as a
    /// token saves, and more in longer ones. 16 pay in trees of up to about 16,000 tokens, and the few tokens by which
    /// all prompts of a chat template begin do not decide how trees are packed.
    package static let shortestStem = 16

    package let dataset: PreferenceDataset
    package let sharing: Sharing
    /// The pairs of responses that enter the loss.
    package let pairing: Pairing
    /// The maximum number of tokens in a packed sequence; a larger tree gets a sequence of its own.
    package let rowTokens: Int
    package let shards: Int
    package let cost: CostModel
    /// With `any`, the length from which trees of a packed sequence share a prefix.
    package let shortestStem: Int

    /// A planner for a dataset, a sharing mode and a number of shards.
    package init(
        dataset: PreferenceDataset,
        sharing: Sharing,
        pairing: Pairing = .bestVersusRest,
        rowTokens: Int,
        shards: Int,
        cost: CostModel,
        shortestStem: Int = Self.shortestStem
    ) {
        precondition(rowTokens > 0 && shards > 0, "a positive number of tokens and shards")
        precondition(shortestStem > 0, "a stem of at least one token")
        self.dataset = dataset
        self.sharing = sharing
        self.pairing = pairing
        self.rowTokens = rowTokens
        self.shards = shards
        self.cost = cost
        self.shortestStem = shortestStem
    }

    /// Plans a step of these examples.
    ///
    /// With `prefix` and `any`, examples whose prompts extend one another form one tree. A tree cannot be split over
    /// shards, so several size limits for such trees are tried, and the plan with the smallest makespan is chosen.
    ///
    /// With `any`, the trees of a packed sequence share further prefixes. Divisions that bring such trees together are
    /// tried too, and chosen if they reduce the makespan.
    ///
    /// - Parameter speeds: The relative speed of each shard, above 0; nil if all are equally fast.
    package func plan(examples rows: [Int], speeds: [Double]? = nil) -> StepPlan {
        precondition(speeds.map { $0.count == shards } ?? true, "a speed for each shard")
        let groups = sharing.joinsExamples ? PromptGroups(dataset, rows: rows) : PromptGroups(alone: rows)
        let speeds = speeds ?? Array(repeating: 1, count: shards)
        let plans = limits(for: groups).map { limit in
            let packing = packing(of: groups, limit: limit)
            return (packing: packing, division: StepDivision.apart(packing, cost: cost, speeds: speeds))
        }
        let best = plans.min { $0.division.rating < $1.division.rating }!
        let divisions = [best.division] + StepDivision.together(best.packing, cost: cost, speeds: speeds)
        return StepPlan(
            division: divisions.min { $0.rating < $1.rating }!,
            counts: counts(of: rows),
            unsharedTokens: rows.reduce(0) { $0 + dataset.unsharedTokens(of: $1) },
            cost: cost
        )
    }

    /// The trees of some groups, to be packed.
    ///
    /// - Parameter limit: The maximum number of tokens in a tree of several examples.
    private func packing(of groups: PromptGroups, limit: Int) -> TreePacking {
        let trees = groups.groups.flatMap {
            TokenTree.trees(dataset, group: $0, sharing: sharing, limit: limit, window: cost.window)
        }
        let shortestStem = sharing == .any ? shortestStem : nil
        return TreePacking(trees, limit: rowTokens, window: cost.window, shortestStem: shortestStem)
    }

    /// The same planner with another sharing mode.
    package func with(sharing: Sharing) -> Planner {
        Planner(
            dataset: dataset,
            sharing: sharing,
            pairing: pairing,
            rowTokens: rowTokens,
            shards: shards,
            cost: cost,
            shortestStem: shortestStem
        )
    }

    /// The work of these examples if none shares anything with another one.
    package func workWithinExamples(_ rows: [Int]) -> Work {
        rows.reduce(.zero) {
            $0 + TokenTree(dataset, example: $1, sharing: sharing, window: cost.window).work
        }
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

/// The trees of a step, distributed over shards and packed.
package struct StepPlan: Sendable {
    private let division: StepDivision
    /// The denominators of the step's loss: examples, pairs and tokens.
    package let counts: LossCounts
    /// The tokens that would be computed without sharing.
    package let unsharedTokens: Int
    private let cost: CostModel

    fileprivate init(division: StepDivision, counts: LossCounts, unsharedTokens: Int, cost: CostModel) {
        self.division = division
        self.counts = counts
        self.unsharedTokens = unsharedTokens
        self.cost = cost
    }

    /// Forward FLOPs of each shard.
    package var shardFLOPs: [Double] { division.loads }
    /// The planned time of the slowest shard over the mean: 1 if all take equally long.
    package var imbalance: Double { LoadPartition.imbalance(of: division.times) }
    /// The work of each shard.
    package var shardWork: [Work] { division.sequences.map { $0.reduce(.zero) { $0 + $1.work } } }
    /// The work of the step.
    package var work: Work { shardWork.reduce(.zero, +) }
    /// Forward FLOPs of the step.
    package var flops: Double { shardFLOPs.reduce(0, +) }
    /// FLOPs of the step's forward and backward pass.
    package var trainingFLOPs: Double { cost.trainingFLOPs(of: work) }

    /// The packed sequences of a shard; none if the shard is idle.
    package func packedSequences(shard: Int) -> [PackedSequence] { division.sequences[shard].map(PackedSequence.init) }
}
