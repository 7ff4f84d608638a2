package import Configuration
internal import Formats
package import Preferences
package import Transformer

/// A forecast of a run's computation, without reading any weight.
package struct RunForecast {
    /// The packed sequences of all steps.
    package struct Rows {
        package private(set) var count = 0
        package private(set) var tokens = 0
        /// Rows with a single tree larger than the limit.
        package private(set) var oversized = 0
        /// The token capacity of all rows; a row with a larger tree counts as full.
        package private(set) var room = 0
        /// The most tokens in a row.
        package private(set) var largest = 0

        mutating func add(_ row: PackedSequence, limit: Int) {
            count += 1
            tokens += row.tokens.count
            room += max(limit, row.tokens.count)
            oversized += row.tokens.count > limit ? 1 : 0
            largest = max(largest, row.tokens.count)
        }
    }

    /// A sharing mode, and what it computes over all steps.
    package struct Sharing {
        package let mode: Preferences.Sharing
        /// Whether steps keep together rows whose prompts continue each other.
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
    /// The cost of the costliest rank over the mean, for each step.
    package let imbalance: [Double]
    /// Steps in which some rank has no tree.
    package let stepsWithIdleRanks: Int
    /// Bytes that a rank's buffers take.
    package let memory: Memory
    /// The evaluations of the run; nil without held-out data.
    package let evaluation: Evaluation?

    /// Evaluations on held-out data.
    package struct Evaluation {
        /// The number of evaluations without early stopping.
        package let count: Int
        /// Rows of the held-out data.
        package let rows: Int
        /// FLOPs of one evaluation, over all ranks.
        package let flops: Double
    }

    /// The bytes that a training rank takes.
    package struct Memory {
        /// Weights, gradients, including those of shards that wait for others, and a slice of the optimizer's two
        /// moments; on rank 0 copies of weights and all moments if the run saves.
        package let model: Int
        /// Activations, their gradients, and the logits that are kept.
        package let workspace: Int

        /// All of a rank's buffers.
        package var total: Int { model + workspace }
    }

    /// Plans every step of the run, as each rank does.
    ///
    /// - Parameters:
    ///   - heldOut: Held-out preferences, if the run evaluates.
    ///   - threads: The threads of a rank.
    package static func compute(
        _ dataset: PreferenceDataset,
        heldOut: PreferenceDataset? = nil,
        _ configuration: TrainingConfiguration,
        model: Architecture,
        ranks: Int,
        threads: Int
    ) throws -> RunForecast {
        let shards = try configuration.communication.shardCount(ranks: ranks)
        let planner = Planner(dataset, configuration, model: model, shards: shards)
        var cursor = BatchSampler(dataset, configuration)
        let stepsPerEpoch = cursor.stepsPerEpoch
        let steps = configuration.totalSteps(stepsPerEpoch: stepsPerEpoch)
        let judge = heldOut.map { Planner($0, configuration, model: model, shards: shards) }
        let computed = RunPreparation(
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
            let plan = planner.plan(examples: examples)
            imbalance.append(plan.imbalance)
            let each = shards / ranks
            let isIdle = (0..<ranks).contains { rank in
                plan.shardFLOPs[rank * each..<(rank + 1) * each].allSatisfy { $0 == 0 }
            }
            idle += isIdle ? 1 : 0
            for shard in 0..<shards {
                for row in plan.packedSequences(shard: shard) { rows.add(row, limit: configuration.rowTokens) }
            }
        }
        let sharing = (Preferences.Sharing.allCases.map { ($0, false) } + [(.prefix, true)]).map { mode, isGrouped in
            var way = configuration
            (way.sharing, way.groupByPrompt) = (mode, isGrouped)
            let planner = Planner(dataset, way, model: model, shards: shards)
            var cursor = BatchSampler(dataset, way)
            let work = (0..<steps).reduce(Work.zero) { sum, _ in sum + planner.plan(examples: cursor.next()).work }
            return Sharing(
                mode: mode,
                isGrouped: isGrouped,
                tokens: work.tokens,
                flops: 3 * planner.cost.forwardFLOPs(of: work)
            )
        }
        // Weights and gradients, those of subtrees that wait, moments of a slice, and rank 0's copies.
        let copies = 2 + (shards / ranks).trailingZeroBitCount + (configuration.saving.saveSteps == nil ? 0 : 3)
        let count = model.parameterCount
        let memory = Memory(
            model: (copies * count + 2 * (count + ranks - 1) / ranks) * MemoryLayout<Float>.stride,
            workspace: ForestModel.byteCount(
                model,
                capacity: computed.capacity,
                threads: threads
            )
        )
        let judgements = configuration.evaluation.count(steps: steps)
        let evaluation = judge.map { judge in
            let rows = judge.dataset.count
            return Evaluation(count: judgements, rows: rows, flops: judge.plan(examples: Array(0..<rows)).flops)
        }
        return RunForecast(
            ranks: ranks,
            steps: steps,
            stepsPerEpoch: stepsPerEpoch,
            rows: rows,
            sharing: sharing,
            imbalance: imbalance,
            stepsWithIdleRanks: idle,
            memory: memory,
            evaluation: evaluation
        )
    }
}
