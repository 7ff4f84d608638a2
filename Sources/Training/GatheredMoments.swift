internal import Collectives
internal import Compute
internal import Formats
internal import Transformer

/// AdamW's moments of all ranks, as rank 0 writes them without a copy of both: each kind is gathered when its first
/// tensor is due, into one buffer.
///
/// The other ranks send the first moments, then the second (`Moments.collect`), and large messages wait for their
/// receiver: rank 0 receives both kinds whatever becomes of the file (`finish`).
final class GatheredMoments {
    private let moments: Moments
    private let layout: ParameterLayout
    private let buffer: Matrix
    private let team: ThreadTeam
    /// Kinds that have not been received yet, in the order in which they are sent.
    private var pending = Moments.Kind.allCases[...]
    /// The kind that the buffer holds.
    private var held: Moments.Kind?

    /// - Parameter buffer: Of all parameters, in the layout's order; overwritten.
    init(_ moments: Moments, layout: ParameterLayout, buffer: Matrix, team: ThreadTeam) {
        (self.moments, self.layout, self.buffer, self.team) = (moments, layout, buffer, team)
    }

    /// The moments of each weight, with `first.` and `second.` before its name, in the order in which a file has them.
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

    /// Receives what has not been asked for, so that no other rank waits to send it.
    func finish() throws {
        while let kind = pending.first { try hold(kind) }
    }

    private func hold(_ kind: Moments.Kind) throws {
        guard held != kind else { return }
        precondition(pending.first == kind, "a file has the first moments before the second")
        pending.removeFirst()
        held = kind
        try moments.collect(kind, into: buffer, team: team)
    }
}
