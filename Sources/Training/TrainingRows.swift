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
    private let recomputes: Bool

    /// The rows of the first `steps` steps from `cursor`.
    init(_ configuration: TrainingConfiguration, planner: Planner, heldOut: Planner?, cursor: StepCursor, steps: Int) {
        (self.planner, self.heldOut) = (planner, heldOut)
        visited = cursor.rows(ofSteps: steps)
        recomputes = configuration.gradientCheckpointing
    }

    /// Room for any packed row of them.
    var capacity: Workspace.Capacity {
        let steps = planner.largestRow(of: visited)
        let judged = heldOut.map { $0.largestRow(of: 0..<$0.dataset.count) } ?? 0
        return Workspace.Capacity(tokens: max(steps, judged), trains: true, recomputes: recomputes)
    }

    /// One more than the largest position.
    var positions: Int { max(planner.dataset.longestSequence, heldOut?.dataset.longestSequence ?? 0) }
}
