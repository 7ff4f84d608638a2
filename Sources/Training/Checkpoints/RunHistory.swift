internal import Foundation

/// The starts of a run, which distinguish its checkpoints from those of other runs in the same directory.
///
/// Every start has a random identity. A start that resumes records those before it, each with the step that the next
/// one resumed from. Later checkpoints of such a start belong to abandoned steps, not to the run.
struct RunHistory: Codable, Sendable, Equatable {
    /// An earlier start, and the last of its steps that the run kept.
    struct Start: Codable, Sendable, Equatable {
        let run: String
        let lastStep: Int
        /// Nil if it was not recorded.
        let software: Software?

        private enum CodingKeys: String, CodingKey {
            case run, software
            case lastStep = "last_step"
        }
    }

    /// The identity of all starts by versions that did not record one.
    private static let unnamed = ""

    /// The identity of the present start.
    let run: String
    /// The earlier starts, in order.
    let earlier: [Start]
    /// What the present start computes with; nil if it was not recorded.
    let software: Software?

    /// The history of a run that starts now, resuming from a checkpoint if there is one.
    init(resuming checkpoint: CheckpointState?) {
        run = UUID().uuidString
        software = Software.current
        guard let checkpoint else {
            earlier = []
            return
        }
        let former = checkpoint.history
        let last = Start(run: former?.run ?? Self.unnamed, lastStep: checkpoint.run.step, software: former?.software)
        earlier = (former?.earlier ?? []) + [last]
    }

    /// Whether this run wrote the checkpoint, in this start or an earlier one, and did not abandon it.
    func contains(_ checkpoint: CheckpointState) -> Bool {
        let writer = checkpoint.history?.run ?? Self.unnamed
        return writer == run || earlier.contains { $0.run == writer && checkpoint.run.step <= $0.lastStep }
    }

    /// Whether the checkpoint has the same first start, including abandoned checkpoints of this run.
    func sharesFirstStart(with checkpoint: CheckpointState) -> Bool {
        firstStart == (checkpoint.history?.firstStart ?? Self.unnamed)
    }

    private var firstStart: String { earlier.first?.run ?? run }
}
