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
        /// The number of packed sequences of a single tree above the limit.
        package private(set) var oversized = 0
        /// The token capacity of all packed sequences; one with a larger tree counts as full.
        package private(set) var capacity = 0
        /// The most tokens in a packed sequence.
        package private(set) var largest = 0

        mutating func add(_ row: PackedSequence, limit: Int) {
            count += 1
            tokens += row.tokens.count
            capacity += max(limit, row.tokens.count)
            oversized += row.tokens.count > limit ? 1 : 0
            largest = max(largest, row.tokens.count)
        }
    }

    /// The computation of all steps with a kind of sharing.
    package struct Sharing {
        package let kind: SharingKind
        package let tokens: Int
        /// Of the forward and backward pass.
        package let flops: Double
    }

    package let ranks: Int
    package let steps: Int
    package let stepsPerEpoch: Int
    package let rows: Rows
    /// Each kind of sharing over the same steps, but for `grouped`.
    package let sharing: [Sharing]
    /// The cost of the costliest rank over the mean, for each step.
    package let imbalance: [Double]
    /// Steps in which some rank has no tree.
    package let stepsWithIdleRanks: Int
    /// The bytes of a rank's buffers.
    package let memory: MemoryForecast
    /// The evaluations of the run; nil without held-out data.
    package let evaluation: Evaluation?

    /// Evaluations on held-out data.
    package struct Evaluation {
        /// The number of evaluations without early stopping.
        package let count: Int
        /// The number of held-out examples.
        package let rows: Int
        /// FLOPs of one evaluation, over all ranks.
        package let flops: Double
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
        adapter: Adapter? = nil,
        storesHalf: Bool = false,
        ranks: Int,
        threads: Int
    ) throws -> RunForecast {
        let shards = try configuration.communication.shardCount(ranks: ranks)
        let planner = Planner(dataset, configuration, model: model, adapter: adapter, shards: shards)
        var cursor = BatchSampler(dataset, configuration)
        let stepsPerEpoch = cursor.stepsPerEpoch
        let steps = configuration.totalSteps(stepsPerEpoch: stepsPerEpoch)
        let heldOutPlanner = heldOut.map { Planner($0, configuration, model: model, adapter: adapter, shards: shards) }
        let computed = RunPreparation(
            configuration,
            planner: planner,
            heldOut: heldOutPlanner,
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
        let sharing = SharingKind.allCases.map { kind in
            let work = work(kind, of: dataset, configuration, planner, steps: steps)
            return Sharing(kind: kind, tokens: work.tokens, flops: planner.cost.trainingFLOPs(of: work))
        }
        var capacity = computed.capacity
        capacity.adapter = AdapterShape(adapter, of: model)
        capacity.widensWeights = storesHalf
        let memory = MemoryForecast.training(
            model,
            adapter: adapter,
            storesHalf: storesHalf,
            ranks: ranks,
            shards: shards,
            saves: configuration.saving.saveSteps != nil,
            capacity: capacity,
            threads: threads
        )
        let evaluationCount = configuration.evaluation.count(steps: steps)
        let evaluation = heldOutPlanner.map { planner in
            let rows = planner.dataset.count
            return Evaluation(count: evaluationCount, rows: rows, flops: planner.plan(examples: Array(0..<rows)).flops)
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

    /// The work of a run's steps with a kind of sharing.
    ///
    /// - Parameter planner: Of the run.
    private static func work(
        _ kind: SharingKind,
        of dataset: PreferenceDataset,
        _ configuration: TrainingConfiguration,
        _ planner: Planner,
        steps: Int
    ) -> Work {
        var settings = configuration
        settings.groupByPrompt = kind == .grouped
        let mode = kind.mode(configuration.sharing)
        var cursor = BatchSampler(dataset, settings)
        let planner = planner.with(sharing: mode)
        return (0..<steps).reduce(.zero) { sum, _ in
            let examples = cursor.next()
            return sum
                + (kind == .example ? planner.workWithinExamples(examples) : planner.plan(examples: examples).work)
        }
    }
}
