internal import Collectives
internal import Compute
internal import Formats
internal import Transformer

/// AdamW's moments of all ranks, which rank 0 writes without a copy of both: each kind is gathered into one buffer when
/// its first tensor is written.
///
/// The other ranks send the first moments, then the second (`Moments.gather`), and large messages block until they are
/// received: rank 0 receives both kinds even if the file cannot be written (`finish`).
final class GatheredMoments {
    private let moments: Moments
    private let layout: ParameterLayout
    private let buffer: Matrix
    private let team: ThreadTeam
    /// Kinds not yet received, in the order in which they are sent.
    private var pending = Moments.Kind.allCases[...]
    /// The kind in the buffer.
    private var held: Moments.Kind?

    /// The moments of all ranks, gathered in `buffer`, which has an element for each parameter and is overwritten.
    init(_ moments: Moments, layout: ParameterLayout, buffer: Matrix, team: ThreadTeam) {
        (self.moments, self.layout, self.buffer, self.team) = (moments, layout, buffer, team)
    }

    /// The moments of each weight, under its name with the prefix `first.` or `second.`, in the order of the file.
    var entries: [SafetensorsEntry] { Moments.Kind.allCases.flatMap(entries) }

    private func entries(of kind: Moments.Kind) -> [SafetensorsEntry] {
        layout.tensors.map { tensor in
            SafetensorsEntry(name: "\(kind.rawValue).\(tensor.name)", shape: tensor.shape) { body in
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

    private func hold(_ kind: Moments.Kind) throws {
        guard held != kind else { return }
        precondition(pending.first == kind, "the first moments precede the second in a file")
        pending.removeFirst()
        held = kind
        try moments.gather(kind, into: buffer, team: team)
    }
}
