internal import Compute
internal import Configuration
internal import Formats
internal import Preferences
internal import Transformer

/// The work of a run before its first step, after model and data are read: it determines the examples to compute and
/// the capacity of buffers, measures the peak rate, runs the self-check, and completes the reference.
struct RunPreparation {
    /// The plan of the training data.
    let planner: Planner
    /// The plan of held-out data, all of whose examples are computed; nil without such data.
    let heldOut: Planner?
    /// Examples of the training data that steps take.
    let visited: [Int]
    /// The self-check; nil if it is disabled.
    let selfCheck: SelfCheck?
    private let recomputes: Bool
    /// How products are computed; nil of a forecast, which computes none.
    var products: ProductChoice?
    /// The peak rates of all ranks together, set by `measurePeakRate`.
    var peakRate = PeakRate.unmeasured
    /// The largest difference that the self-check found; nil if it did not run.
    var selfCheckDifference: Double?
    var selfCheckSeconds = 0.0
    /// The number of examples whose reference was in no cache.
    var referenceRows = 0
    var referenceSeconds = 0.0
    /// From the start of the process to the first step, without reference and self-check.
    var startupSeconds = 0.0

    /// The preparation of a run of `steps` steps that starts at `cursor`, independent of where it resumes.
    ///
    /// - Parameter skippedSteps: The number of steps whose examples the run has skipped: its last step is that much
    ///   later in the data. With `rollback_on_spike` it may skip more, so that every example may be visited.
    init(
        _ configuration: TrainingConfiguration,
        planner: Planner,
        heldOut: Planner?,
        cursor: BatchSampler,
        steps: Int,
        skippedSteps: Int
    ) {
        (self.planner, self.heldOut) = (planner, heldOut)
        let maySkip = configuration.saving.rollbackOnSpike != nil
        visited = cursor.examples(ofSteps: max(steps + skippedSteps, maySkip ? cursor.stepsPerEpoch : 0))
        var cursor = cursor
        selfCheck = SelfCheck(
            of: planner.dataset,
            among: cursor.next(),
            count: configuration.selfCheck,
            sharing: configuration.sharing
        )
        recomputes = configuration.gradientCheckpointing
    }

    /// The preparation of a run from its first step, independent of where it resumes.
    init(
        _ configuration: TrainingConfiguration,
        _ inputs: Inputs,
        _ products: ProductChoice,
        _ schedule: RunSchedule,
        skippedSteps: Int
    ) {
        self.init(
            configuration,
            planner: inputs.planner,
            heldOut: inputs.heldOut,
            cursor: schedule.start,
            steps: schedule.totalSteps,
            skippedSteps: skippedSteps
        )
        self.products = products
    }

    /// The capacity for any packed sequence of these examples.
    var capacity: Workspace.Capacity {
        let steps = planner.maximumPackedTokens(of: visited)
        let evaluated = heldOut.map { $0.maximumPackedTokens(of: 0..<$0.dataset.count) } ?? 0
        let tokens = max(steps, evaluated, selfCheck?.maximumPackedTokens ?? 0)
        return Workspace.Capacity(tokens: tokens, trains: true, recomputes: recomputes)
    }

    /// The number of positions: one more than the largest.
    var positions: Int { max(planner.dataset.longestSequence, heldOut?.dataset.longestSequence ?? 0) }
}
