internal import Objectives

/// The progress of a run: everything that its next step depends on in addition to weights and moments.
///
/// The order of the data, the learning rate and all randomness are functions of the settings and of `step`.
struct RunState: Codable, Sendable {
    /// Steps taken, including skipped ones, which left the weights unchanged.
    private(set) var step = 0
    /// The number of consecutive steps up to now that were skipped.
    private(set) var skippedInRow = 0
    /// The steps since the last line of metrics.
    private(set) var window = StepReport()
    /// All steps.
    private(set) var total = StepReport()
    /// Seconds of all steps, without evaluations and checkpoints.
    private(set) var trainSeconds = 0.0
    /// The measured speed of each rank.
    private(set) var speeds = RankSpeeds()
    /// Seconds of all evaluations.
    var evaluationSeconds = 0.0
    /// The number of rollbacks after spikes.
    private(set) var rollbacks = 0
    /// The number of steps whose examples were skipped by rollbacks: the data is ahead of `step` by this number.
    private(set) var skippedBatches = 0
    /// Recent steps, against which spikes are detected.
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

    /// Whether the last step exceeded `factor` times the running medians; adds it to them.
    mutating func noteSpike(_ report: StepReport, factor: Double) -> Bool {
        recent.note(loss: report.statistics.mean(.loss), gradientNorm: report.gradientNorm, factor: factor)
    }

    /// The state after a rollback to a checkpoint's state: the examples since then are skipped.
    func rolledBack(to earlier: RunState) -> RunState {
        var state = earlier
        (state.rollbacks, state.skippedBatches) = (rollbacks + 1, skippedBatches + step - earlier.step)
        return state
    }

    /// Starts the next line of metrics.
    mutating func closeWindow() { window = StepReport() }
}

extension RunState {
    /// The keys of `espalier-state.json`.
    private enum CodingKeys: String, CodingKey {
        case step, skippedInRow, window, total, trainSeconds, speeds, evaluationSeconds, rollbacks, recent
        case skippedBatches = "passedOver"
    }
}
