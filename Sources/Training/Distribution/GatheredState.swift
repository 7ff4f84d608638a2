internal import Collectives
internal import Compute
internal import Formats
internal import Transformer

/// The optimizer state of all ranks, which rank 0 writes without a copy of it: each kind is gathered into one buffer when its
/// first tensor is written.
///
/// The other ranks send one kind after the other (`OptimizerState.gather`), and large messages block until they are received:
/// rank 0 receives all kinds even if a file cannot be written (`finish`).
final class GatheredState {
    private let state: OptimizerState
    private let layout: ParameterLayout
    private let buffer: Matrix
    private let team: ThreadTeam
    /// Kinds not yet received, in the order in which they are sent.
    private var pending: ArraySlice<OptimizerState.Kind>
    /// The kind in the buffer.
    private var held: OptimizerState.Kind?

    /// The state of all ranks, gathered in `buffer`, which has an element for each parameter and is overwritten.
    init(_ state: OptimizerState, layout: ParameterLayout, buffer: Matrix, team: ThreadTeam) {
        (self.state, self.layout, self.buffer, self.team) = (state, layout, buffer, team)
        pending = state.kinds[...]
    }

    /// The moments of each weight, under its name with the prefix `first.` or `second.`, in the order of the file.
    var momentEntries: [SafetensorsEntry] {
        entries(of: .first, prefix: "first.") + entries(of: .second, prefix: "second.")
    }

    /// The master weights as tensors of a model file, which is written after the moments; nil if the weights are float32.
    var masterEntries: [SafetensorsEntry]? { state.kinds.contains(.masters) ? entries(of: .masters, prefix: "") : nil }

    private func entries(of kind: OptimizerState.Kind, prefix: String) -> [SafetensorsEntry] {
        layout.tensors.map { tensor in
            SafetensorsEntry(name: prefix + tensor.name, shape: tensor.shape) { body in
                Progress.move()
                try self.hold(kind)
                try self.buffer.columns(tensor.range).withSpan(body)
            }
        }
    }

    /// Receives the kinds that were not written, so that no rank keeps waiting to send them.
    func finish() throws {
        while let kind = pending.first { try hold(kind) }
    }

    private func hold(_ kind: OptimizerState.Kind) throws {
        guard held != kind else { return }
        precondition(pending.first == kind, "kinds are written in the order in which ranks send them")
        pending.removeFirst()
        held = kind
        try state.gather(kind, into: buffer, team: team)
    }
}
