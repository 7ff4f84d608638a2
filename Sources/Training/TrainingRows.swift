internal import Formats
internal import Preferences
internal import Transformer

/// All rows that a training run computes, for which its buffers need room.
struct TrainingRows {
    /// Of the training data.
    let planner: Planner
    /// Of held-out data, all of whose rows are computed; nil where there is none.
    let heldOut: Planner?
    /// Rows of the training data that steps take.
    let visited: [Int]
    /// What the run checks itself by; nil where it does not.
    let selfCheck: SelfCheck?
    private let recomputes: Bool

    /// The rows of a run of `steps` steps that begins at `cursor`, wherever it resumes.
    ///
    /// - Parameter skippedSteps: Steps whose rows the run has skipped so far; as many more are visited at its end. With
    ///   `rollback_on_spike` it may skip others yet, so that it may come to every row.
    init(
        _ configuration: TrainingConfiguration,
        planner: Planner,
        heldOut: Planner?,
        cursor: StepCursor,
        steps: Int,
        skippedSteps: Int
    ) {
        (self.planner, self.heldOut) = (planner, heldOut)
        let maySkip = configuration.saving.rollbackOnSpike != nil
        visited = cursor.rows(ofSteps: max(steps + skippedSteps, maySkip ? cursor.stepsPerEpoch : 0))
        var cursor = cursor
        selfCheck = SelfCheck(
            of: planner.dataset,
            among: cursor.next(),
            count: configuration.selfCheck,
            sharing: configuration.sharing
        )
        recomputes = configuration.gradientCheckpointing
    }

    /// The rows of a run from its beginning, wherever it resumes.
    init(_ configuration: TrainingConfiguration, _ inputs: Inputs, _ course: RunCourse, skippedSteps: Int) {
        self.init(
            configuration,
            planner: inputs.planner,
            heldOut: inputs.heldOut,
            cursor: course.beginning,
            steps: course.totalSteps,
            skippedSteps: skippedSteps
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
