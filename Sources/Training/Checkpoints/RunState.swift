internal import Objectives

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
    /// How often the run has gone back to a checkpoint since loss or gradient norm leapt.
    private(set) var rollbacks = 0
    /// By how many steps the data are ahead of `step`: whose rows were passed over then.
    private(set) var skippedBatches = 0
    /// What a leap is judged by.
    private var recent = SpikeHistory()

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

    /// Whether the step that was counted last has leapt beyond `factor` times the running medians; it joins them.
    mutating func noteSpike(_ report: StepReport, factor: Double) -> Bool {
        recent.note(loss: report.statistics.mean(.loss), gradientNorm: report.gradientNorm, factor: factor)
    }

    /// The state of a checkpoint, where the run goes back to it from this one: the rows until now are passed over.
    func rolledBack(to earlier: RunState) -> RunState {
        var state = earlier
        (state.rollbacks, state.skippedBatches) = (rollbacks + 1, skippedBatches + step - earlier.step)
        return state
    }

    /// Begins the next line of metrics.
    mutating func closeWindow() { window = StepReport() }
}

extension RunState {
    /// The keys of `espalier-state.json`.
    private enum CodingKeys: String, CodingKey {
        case step, skippedInRow, window, total, trainSeconds, speeds, evaluationSeconds, rollbacks, recent
        case skippedBatches = "passedOver"
    }
}
