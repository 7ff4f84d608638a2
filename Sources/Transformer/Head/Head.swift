package import Compute
package import Preferences

/// The scores that a model computes from the normalized hidden states of its last layer.
///
/// The pass is independent of the kind of scores and of the head's parameters.
package protocol Head {
    /// The scores of a packed sequence.
    associatedtype Scores

    /// The head of a model of this architecture, with buffers for packed sequences within `capacity`.
    init(_ architecture: Architecture, capacity: Workspace.Capacity, team: ThreadTeam) throws

    /// The bytes of those buffers.
    static func byteCount(_ architecture: Architecture, capacity: Workspace.Capacity, threads: Int) -> Int

    /// Touches all buffers, so that the system provides their memory.
    func touchMemory()

    /// Scores a packed sequence from the hidden states of its prediction positions, `[L, D]`.
    func score(_ row: PackedSequence, hidden: Matrix, parameters: ModelParameters) -> Scores
}

/// A head that also computes gradients.
package protocol TrainedHead: Head {
    /// Scores a packed sequence, calls `lossGradient` as soon as the scores of some examples are known, writes the
    /// gradient of `hidden` to `dhidden`, and adds those of the head's own parameters.
    func scoreAndBackward(
        _ row: PackedSequence,
        hidden: Matrix,
        parameters: ModelParameters,
        dhidden: Matrix,
        lossGradient: LossGradient<Scores>
    ) -> Scores
}

/// The derivatives of the loss with respect to the scores of the responses of `examples`, response by response.
///
/// Called once the scores of all those examples are known.
package typealias LossGradient<Scores> = (_ scores: Scores, _ examples: Range<Int>) -> [Double]
