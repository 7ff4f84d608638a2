internal import Foundation
internal import Reporting

/// A metric of a run: its key in `metrics.jsonl`, its name, and how it is drawn.
struct Metric: Sendable {
    let key: String
    let name: String
    /// What values are multiplied with.
    var scale = 1.0
    var unit = ""
    /// The limits of what an axis shows beyond the values.
    var bounds: ClosedRange<Double> = -.infinity ... .infinity
    /// Whether an axis becomes logarithmic if spikes would flatten the rest of a curve.
    var maySpike = false

    static let loss = Metric(key: "loss", name: "loss", maySpike: true)
    static let chosenReward = Metric(key: "rewards/chosen", name: "chosen")
    static let rejectedReward = Metric(key: "rewards/rejected", name: "rejected")
    static let margin = Metric(key: "rewards/margins", name: "margin")
    static let accuracy = Metric(key: "rewards/accuracies", name: "accuracy", scale: 100, unit: " %", bounds: 0...100)
    static let chosenLogp = Metric(key: "logps/chosen", name: "chosen")
    static let rejectedLogp = Metric(key: "logps/rejected", name: "rejected")
    static let logpAccuracy = Metric(
        key: "logps/accuracies",
        name: "accuracy of log-probabilities",
        scale: 100,
        unit: " %",
        bounds: 0...100
    )
    static let entropy = Metric(key: "entropy", name: "entropy", bounds: 0 ... .infinity)
    static let tokenAccuracy = Metric(
        key: "mean_token_accuracy",
        name: "token accuracy",
        scale: 100,
        unit: " %",
        bounds: 0...100
    )
    static let gradientNorm = Metric(key: "grad_norm", name: "norm", bounds: 0 ... .infinity, maySpike: true)
    static let learningRate = Metric(key: "learning_rate", name: "learning rate", bounds: 0 ... .infinity)
    static let epoch = Metric(key: "epoch", name: "epoch")
    static let pairRate = Metric(key: "pairs_per_second", name: "pairs per second", bounds: 0 ... .infinity)
    static let utilization = Metric(key: "mfu", name: "mfu", scale: 100, unit: " %", bounds: 0 ... .infinity)
    static let plannedImbalance = Metric(key: "imbalance", name: "planned", bounds: 1 ... .infinity)
    static let measuredImbalance = Metric(key: "measured_imbalance", name: "measured", bounds: 1 ... .infinity)
    static let tokensComputed = Metric(key: "tokens_computed", name: "computed")
    static let tokensUnshared = Metric(key: "tokens_unshared", name: "without sharing")
    /// Computed from the two above.
    static let savedTokens = Metric(key: "", name: "saved", scale: 100, unit: " %", bounds: 0...100)
    static let skippedSteps = Metric(key: "skipped_steps", name: "skipped steps")
    static let stepSeconds = Metric(key: "step_seconds", name: "seconds")

    /// The parts of a step's time that do not overlap; what is left is the rest.
    static let parts = [
        Metric(key: "forward_seconds", name: "forward"), Metric(key: "backward_seconds", name: "backward"),
        Metric(key: "head_seconds", name: "head"), Metric(key: "optimizer_seconds", name: "optimizer"),
        Metric(key: "waiting_seconds", name: "waiting for other ranks"),
        Metric(key: "exposed_communication_seconds", name: "exposed communication"),
    ]

    /// The metrics of a step that may not be finite if its loss or gradient is not.
    static let learned = [
        loss, gradientNorm, chosenReward, rejectedReward, margin, accuracy, chosenLogp, rejectedLogp, entropy,
        tokenAccuracy,
    ]
    /// The metrics of a line for steps.
    static let ofSteps =
        [epoch, learningRate] + learned + [
            pairRate, utilization, tokensComputed, tokensUnshared, plannedImbalance, measuredImbalance, stepSeconds,
            skippedSteps,
        ] + parts
    /// The metrics of a line for an evaluation, where their keys begin with `eval_`.
    static let ofEvaluations = [
        loss, chosenReward, rejectedReward, margin, accuracy, chosenLogp, rejectedLogp, logpAccuracy, entropy,
        tokenAccuracy,
    ]
}
