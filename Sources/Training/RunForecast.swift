package import Formats
package import Preferences
internal import Transformer

/// What a run will compute, known without reading a weight.
package struct RunForecast {
    /// The packed rows of all steps.
    package struct Rows {
        package private(set) var count = 0
        package private(set) var tokens = 0
        /// Rows that hold a single tree larger than the limit.
        package private(set) var oversized = 0
        /// The tokens that would fill them; a row with a larger tree is full.
        package private(set) var room = 0
        /// The most tokens in one.
        package private(set) var largest = 0

        mutating func add(_ row: PackedRow, limit: Int) {
            count += 1
            tokens += row.tokens.count
            room += max(limit, row.tokens.count)
            oversized += row.tokens.count > limit ? 1 : 0
            largest = max(largest, row.tokens.count)
        }
    }

    /// One way of sharing, and what it computes over all steps.
    package struct Sharing {
        package let mode: Preferences.Sharing
        /// Whether steps keep rows together whose prompts continue one another.
        package let isGrouped: Bool
        package let tokens: Int
        /// Of the forward and backward pass.
        package let flops: Double
    }

    package let ranks: Int
    package let steps: Int
    package let stepsPerEpoch: Int
    package let rows: Rows
    /// Each mode over the same steps, then `prefix` over steps that keep rows together.
    package let sharing: [Sharing]
    /// The costliest rank's share over the mean, for each step.
    package let imbalance: [Double]
    /// Steps in which some rank has no tree.
    package let stepsWithIdleRanks: Int
    /// Bytes that a rank's buffers take.
    package let memory: Memory
    /// What is judged on the way; nil without held-out data.
    package let evaluation: Evaluation?

    /// Judgements on held-out data.
    package struct Evaluation {
        /// How often, where the run is not stopped early.
        package let count: Int
        /// Rows of the held-out data.
        package let rows: Int
        /// Of one judgement, over all ranks.
        package let flops: Double
    }

    /// The bytes that a training rank takes.
    package struct Memory {
        /// Weights, gradients, also of shards that wait for others, and a slice of the optimizer's two moments; on rank 0
        /// copies of weights and all moments, where a run saves.
        package let model: Int
        /// Activations, their gradients and the logits that are kept.
        package let workspace: Int

        /// All of a rank's buffers.
        package var total: Int { model + workspace }
    }

    /// Plans every step of the run, as each rank does.
    ///
    /// - Parameter heldOut: Preferences to judge by, where the run has some.
    package init(
        _ dataset: PreferenceDataset,
        heldOut: PreferenceDataset? = nil,
        _ configuration: TrainingConfiguration,
        model: ModelConfiguration,
        ranks: Int
    ) throws {
        let shards = try configuration.communication.shardCount(ranks: ranks)
        let planner = Planner(dataset, configuration, model: model, shards: shards)
        var cursor = StepCursor(dataset, configuration)
        self.ranks = ranks
        stepsPerEpoch = cursor.stepsPerEpoch
        steps = configuration.totalSteps(stepsPerEpoch: stepsPerEpoch)
        let judge = heldOut.map { Planner($0, configuration, model: model, shards: shards) }
        let computed = TrainingRows(
            configuration,
            planner: planner,
            heldOut: judge,
            cursor: cursor,
            steps: steps,
            skippedSteps: 0
        )
        var (rows, imbalance, idle) = (Rows(), [Double](), 0)
        for _ in 0..<steps {
            let examples = cursor.next()
            let plan = planner.plan(rows: examples)
            imbalance.append(plan.imbalance)
            let each = shards / ranks
            let isIdle = (0..<ranks).contains { rank in
                plan.shardFLOPs[rank * each..<(rank + 1) * each].allSatisfy { $0 == 0 }
            }
            idle += isIdle ? 1 : 0
            for shard in 0..<shards {
                for row in plan.packedRows(shard: shard) { rows.add(row, limit: configuration.rowTokens) }
            }
        }
        (self.rows, self.imbalance, stepsWithIdleRanks) = (rows, imbalance, idle)
        let steps = steps
        sharing = (Preferences.Sharing.allCases.map { ($0, false) } + [(.prefix, true)]).map { mode, isGrouped in
            var way = configuration
            (way.sharing, way.groupByPrompt) = (mode, isGrouped)
            let planner = Planner(dataset, way, model: model, shards: shards)
            var cursor = StepCursor(dataset, way)
            let work = (0..<steps).reduce(Work.zero) { sum, _ in sum + planner.plan(rows: cursor.next()).work }
            return Sharing(
                mode: mode,
                isGrouped: isGrouped,
                tokens: work.tokens,
                flops: 3 * planner.cost.forwardFLOPs(of: work)
            )
        }
        // Weights and gradients, those of subtrees that wait, moments of a slice, and rank 0's copies.
        let copies = 2 + (shards / ranks).trailingZeroBitCount + (configuration.saving.saveSteps == nil ? 0 : 3)
        let count = ParameterLayout(model).count
        memory = Memory(
            model: (copies * count + 2 * (count + ranks - 1) / ranks) * MemoryLayout<Float>.stride,
            workspace: Workspace.byteCount(
                model,
                capacity: computed.capacity,
                members: threadCount(configuration.threads)
            )
        )
        let judgements = configuration.evaluation.count(steps: steps)
        evaluation = judge.map { judge in
            let rows = judge.dataset.count
            return Evaluation(count: judgements, rows: rows, flops: judge.plan(rows: Array(0..<rows)).flops)
        }
    }
}
