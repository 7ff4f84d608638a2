internal import Collectives
internal import Configuration
internal import Preferences
internal import Reporting
internal import Transformer

/// Evaluates a run's model on held-out preferences, exactly, over all ranks, without changing the weights.
///
/// Its decisions depend on reduced sums, which have the same bits on every rank.
final class RunEvaluation {
    /// One evaluation.
    struct Outcome {
        /// The line of `metrics.jsonl`.
        let record: MetricsRecord
        /// The details of the progress line.
        let details: String
        /// Whether the weights are the best so far.
        let isBest: Bool
    }

    /// The state that a checkpoint stores.
    struct Progress: Codable, Sendable {
        let memory: EvaluationHistory.Memory
        let count: Int
    }

    let settings: EvaluationSettings
    private let pass: ScoringPass
    private let model: ForestModel
    private let scoring: PairScoring
    private(set) var history: EvaluationHistory
    /// The number of evaluations so far.
    private(set) var count = 0

    /// - Parameters:
    ///   - pass: A pass over all examples of its planner's dataset.
    ///   - scoring: The scoring with the reference of those examples.
    init(_ settings: EvaluationSettings, pass: ScoringPass, model: ForestModel, scoring: PairScoring) {
        (self.settings, self.pass, self.model, self.scoring) = (settings, pass, model, scoring)
        history = EvaluationHistory(settings)
    }

    /// The held-out examples.
    var dataset: PreferenceDataset { pass.planner.dataset }

    /// The state for a checkpoint.
    var progress: Progress { Progress(memory: history.memory, count: count) }

    /// Restores the state of a checkpoint.
    func resume(from progress: Progress) {
        (history, count) = (EvaluationHistory(settings, memory: progress.memory), progress.count)
    }

    /// Evaluates the model after `step`; an evaluation at step 0 is never the best.
    ///
    /// Collective.
    func run(step: Int, epoch: Double) throws -> Outcome {
        let start = ContinuousClock().now
        let rows = Array(0..<pass.planner.dataset.count)
        var tally = EvaluationTally(try pass.losses(scoring, rows: rows, model: model), rows: rows.count)
        pass.visit(rows: rows, model: model, title: "evaluate") { tally.count($0, scores: $1) }
        let report = try tally.report(pass.communicator)
        if pass.communicator.rank == 0, !report.nonFiniteRows.isEmpty {
            let examples = TrainingError.list(report.nonFiniteRows, of: "the eval data")
            printNotice("warning: evaluation after step \(step): losses are \(examples); it does not count as the best")
        }
        count += 1
        let value = report[settings.bestMetric]
        let isBest = step > 0 && history.note(value, step: step)
        var record = MetricsRecord()
        record.add("step", step)
        record.add("epoch", epoch)
        record.add(report, seconds: (ContinuousClock().now - start) / .seconds(1))
        return Outcome(record: record, details: details(report) + (isBest ? "  best so far" : ""), isBest: isBest)
    }

    private func details(_ report: EvaluationReport) -> String {
        var names = ["eval_loss", "eval_rewards/accuracies"]
        if !names.contains(settings.bestMetric) { names.append(settings.bestMetric) }
        return names.map { "\($0) \(rounded(report[$0], 4))" }.joined(separator: "  ")
    }

    /// Adds the best evaluation to the summary of a run.
    func addSummary(to record: inout MetricsRecord) {
        record.add("evaluations", count)
        record.add("metric_for_best_model", settings.bestMetric)
        guard let best = history.best else { return }
        record.add("best_metric", best.value)
        record.add("best_global_step", best.step)
    }
}
