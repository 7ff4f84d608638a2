internal import Collectives
internal import Preferences
internal import Reporting
internal import Transformer

/// Judges a run's model on held-out preferences, exactly, over all ranks; the weights stay as they are.
///
/// What it decides comes from reduced sums, which are the same bits on every rank, and so are the decisions.
final class RunEvaluation {
    /// One evaluation.
    struct Outcome {
        /// The line of `metrics.jsonl`.
        let record: MetricsRecord
        /// What the progress line says.
        let details: String
        /// Whether the weights are the best so far.
        let isBest: Bool
    }

    /// What a checkpoint keeps of the evaluations before it.
    struct Progress: Codable, Sendable {
        let memory: EvaluationHistory.Memory
        let count: Int
    }

    let settings: EvaluationSettings
    private let pass: ScoringPass
    private let model: ForestModel
    private let scoring: PairScoring
    private(set) var history: EvaluationHistory
    /// Evaluations so far.
    private(set) var count = 0

    /// - Parameters:
    ///   - pass: Over all rows of its planner's dataset.
    ///   - scoring: With the reference of those rows.
    init(_ settings: EvaluationSettings, pass: ScoringPass, model: ForestModel, scoring: PairScoring) {
        (self.settings, self.pass, self.model, self.scoring) = (settings, pass, model, scoring)
        history = EvaluationHistory(settings)
    }

    /// How far the evaluations are.
    var progress: Progress { Progress(memory: history.memory, count: count) }

    /// Goes on from there.
    func resume(from progress: Progress) {
        (history, count) = (EvaluationHistory(settings, memory: progress.memory), progress.count)
    }

    /// Judges the model after `step`; that before the first step, 0, is none of those to choose the best from.
    func run(step: Int, epoch: Double) throws -> Outcome {
        let start = ContinuousClock().now
        let rows = Array(0..<pass.planner.dataset.count)
        var tally = EvaluationTally(try pass.losses(scoring, rows: rows, model: model), rows: rows.count)
        pass.visit(rows: rows, model: model, title: "evaluate") { tally.count($0, scores: $1) }
        let report = try tally.report(pass.communicator)
        count += 1
        let value = report[settings.bestMetric]
        let isBest = step > 0 && history.note(value, step: step)
        var record = MetricsRecord()
        record.add("step", step)
        record.add("epoch", epoch)
        record.add(report, intervals: false, seconds: (ContinuousClock().now - start) / .seconds(1))
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
