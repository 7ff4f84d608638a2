internal import Formats
internal import Preferences
internal import Transformer

/// What a run does before its first step, once model and data are read: finds the rows that it will compute, for which its
/// buffers need capacity; measures the peak rate; runs the self-check; and completes the reference.
struct RunPreparation {
    /// Of the training data.
    let planner: Planner
    /// Of held-out data, all of whose rows are computed; nil where there is none.
    let heldOut: Planner?
    /// Rows of the training data that steps take.
    let visited: [Int]
    /// What the run checks itself by; nil where it does not.
    let selfCheck: SelfCheck?
    private let recomputes: Bool
    /// FLOP/s of all ranks; 0 until `measurePeakRate`.
    var peakRate = 0.0
    /// The largest difference that the self-check found; nil where it did not run.
    var selfCheckDifference: Double?
    var selfCheckSeconds = 0.0
    /// Examples whose reference no cache had.
    var referenceRows = 0
    var referenceSeconds = 0.0
    /// From the start of the process to the first step, without reference and self-check.
    var startupSeconds = 0.0

    /// The rows of the first `steps` steps from `cursor`.
    init(_ configuration: TrainingConfiguration, planner: Planner, heldOut: Planner?, cursor: StepCursor, steps: Int) {
        (self.planner, self.heldOut) = (planner, heldOut)
        visited = cursor.rows(ofSteps: steps)
        var cursor = cursor
        selfCheck = SelfCheck(
            of: planner.dataset,
            among: cursor.next(),
            count: configuration.selfCheck,
            sharing: configuration.sharing
        )
        recomputes = configuration.gradientCheckpointing
    }

    /// The rows of a run from its beginning, wherever it goes on.
    init(_ configuration: TrainingConfiguration, _ inputs: Inputs, _ schedule: RunSchedule) {
        // A run that goes back takes others of the rows than it would have taken.
        let passesOver = configuration.saving.rollbackOnSpike != nil
        self.init(
            configuration,
            planner: inputs.planner,
            heldOut: inputs.heldOut,
            cursor: schedule.beginning,
            steps: passesOver ? max(schedule.totalSteps, schedule.stepsPerEpoch) : schedule.totalSteps
        )
    }

    /// Room for any packed row of them.
    var capacity: Workspace.Capacity {
        let steps = planner.largestRow(of: visited)
        let judged = heldOut.map { $0.largestRow(of: 0..<$0.dataset.count) } ?? 0
        let tokens = max(steps, judged, selfCheck?.largestRow ?? 0)
        return Workspace.Capacity(tokens: tokens, trains: true, recomputes: recomputes)
    }

    /// One more than the largest position.
    var positions: Int { max(planner.dataset.longestSequence, heldOut?.dataset.longestSequence ?? 0) }
}
