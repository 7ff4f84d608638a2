/// How far a run is: all that its next step depends on beside weights and moments.
///
/// The order of the data, the learning rate and all randomness are functions of the settings and `step`.
struct RunState: Codable, Sendable {
    /// Steps taken, also those that left the weights as they were.
    private(set) var step = 0
    /// Of the last steps in succession, how many did that.
    private(set) var skippedInRow = 0
    /// The steps since the last line of metrics.
    private(set) var window = StepReport()
    /// All steps.
    private(set) var total = StepReport()
    /// What they took, evaluations and checkpoints left out.
    private(set) var trainSeconds = 0.0
    /// What each rank does in a second.
    private(set) var speeds = RankSpeeds()
    /// What evaluations took.
    var evaluationSeconds = 0.0

    /// Updates of the weights.
    var updates: Int { step - total.skipped }

    /// Counts a step.
    mutating func add(_ outcome: StepOutcome, seconds: Double) {
        step += 1
        skippedInRow = outcome.fault == nil ? 0 : skippedInRow + 1
        window.add(outcome.report)
        total.add(outcome.report)
        speeds.add(outcome.rankRates)
        trainSeconds += seconds
    }

    /// Begins the next line of metrics.
    mutating func closeWindow() { window = StepReport() }
}
