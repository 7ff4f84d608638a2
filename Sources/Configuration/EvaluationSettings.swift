internal import Formats
internal import Reporting

/// The schedule of evaluations on held-out preferences and their consequences, under Hugging Face's names.
package struct EvaluationSettings: Codable, Sendable, Equatable {
    /// Prepared held-out preferences; nil for no evaluation.
    package var evalData: String?
    /// Steps between two evaluations, at least 1; nil for only the final one, which always takes place.
    package var evalSteps: Int?
    /// Whether to evaluate before the first step too.
    package var evalOnStart = false
    /// Whether the output is the model of the best evaluation instead of that of the last step.
    package var loadBestModelAtEnd = false
    /// The metric that compares evaluations, with or without `eval_`.
    package var metricForBestModel = "eval_loss"
    /// Whether a greater value is better; nil to derive it from the name: less is better if it ends in `loss`.
    package var greaterIsBetter: Bool?
    /// Consecutive evaluations without an improvement after which a run ends, at least 1; nil for never.
    package var earlyStoppingPatience: Int?
    /// The difference to the best value that counts as an improvement, at least 0.
    package var earlyStoppingThreshold = 0.0

    package enum CodingKeys: String, CodingKey, CaseIterable {
        case evalData = "eval_data"
        case evalSteps = "eval_steps"
        case evalOnStart = "eval_on_start"
        case loadBestModelAtEnd = "load_best_model_at_end"
        case metricForBestModel = "metric_for_best_model"
        case greaterIsBetter = "greater_is_better"
        case earlyStoppingPatience = "early_stopping_patience"
        case earlyStoppingThreshold = "early_stopping_threshold"
    }

    /// No evaluation.
    package init() {}

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        evalData = try values.decodeIfPresent(String.self, forKey: .evalData)
        evalSteps = try values.decodeIfPresent(Int.self, forKey: .evalSteps)
        try values.read(.evalOnStart, into: &evalOnStart)
        try values.read(.loadBestModelAtEnd, into: &loadBestModelAtEnd)
        try values.read(.metricForBestModel, into: &metricForBestModel)
        greaterIsBetter = try values.decodeIfPresent(Bool.self, forKey: .greaterIsBetter)
        earlyStoppingPatience = try values.decodeIfPresent(Int.self, forKey: .earlyStoppingPatience)
        try values.read(.earlyStoppingThreshold, into: &earlyStoppingThreshold)
    }

    // MARK: Meaning

    /// Whether an evaluation is due after this step, counted from 1.
    package func isDue(step: Int, of totalSteps: Int) -> Bool {
        guard evalData != nil else { return false }
        return step == totalSteps || evalSteps.map { step % $0 == 0 } ?? false
    }

    /// The number of evaluations of a run without early stopping.
    package func count(steps: Int) -> Int {
        guard evalData != nil else { return 0 }
        return (evalOnStart ? 1 : 0) + (evalSteps.map { (steps + $0 - 1) / $0 } ?? 1)
    }

    /// `metricForBestModel` with `eval_` in front.
    package var bestMetric: String {
        metricForBestModel.hasPrefix("eval_") ? metricForBestModel : "eval_" + metricForBestModel
    }

    /// Whether one value of the metric is better than another, as Hugging Face's trainer decides; NaN is never better.
    package func isBetter(_ value: Double, than other: Double) -> Bool {
        greaterIsBetter ?? !bestMetric.hasSuffix("loss") ? value > other : value < other
    }

    // MARK: Checks

    /// Checks ranges, and that no setting requires an evaluation that does not take place.
    ///
    /// - Throws: `TrainingError` for the first invalid setting.
    package func validate() throws {
        func check(_ key: CodingKeys, _ isValid: Bool, _ expected: String, _ found: some Any) throws {
            guard isValid else { throw TrainingError.invalid(key: key.rawValue, expected: expected, found: "\(found)") }
        }
        func need(_ other: CodingKeys, _ isThere: Bool, for key: CodingKeys, _ isUsed: Bool) throws {
            guard isThere || !isUsed else {
                throw TrainingError.missing(key: other.rawValue, for: key.rawValue)
            }
        }
        let isMade = evalData != nil
        try check(.evalData, evalData != "", "a file that espalier-prepare wrote", "nothing")
        try need(.evalData, isMade, for: .evalSteps, evalSteps != nil)
        try need(.evalData, isMade, for: .evalOnStart, evalOnStart)
        try need(.evalData, isMade, for: .loadBestModelAtEnd, loadBestModelAtEnd)
        try need(.evalData, isMade, for: .earlyStoppingPatience, earlyStoppingPatience != nil)
        try check(.evalSteps, evalSteps ?? 1 > 0, "at least 1", evalSteps ?? 0)
        try check(.earlyStoppingPatience, earlyStoppingPatience ?? 1 > 0, "at least 1", earlyStoppingPatience ?? 0)
        let threshold = earlyStoppingThreshold
        try need(.earlyStoppingPatience, earlyStoppingPatience != nil, for: .earlyStoppingThreshold, threshold != 0)
        try check(.earlyStoppingThreshold, threshold.isFinite && threshold >= 0, "at least 0", threshold)
        let known = EvaluationReport.metricNames.map { "eval_" + $0 }
        let hint = nearest(to: bestMetric, among: known).map { "; did you mean \($0)?" } ?? ""
        let expected = "one of \(known.joined(separator: ", "))"
        try check(.metricForBestModel, known.contains(bestMetric), expected, metricForBestModel + hint)
    }
}
