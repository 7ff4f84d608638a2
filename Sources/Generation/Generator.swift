package import Compute
internal import Preferences
package import Transformer

/// Continues prompts with a model, token by token.
///
/// Keys and values of earlier tokens are kept, so that each new token costs one pass over one token. Its logits have the bits
/// of a pass over the whole text.
package final class Generator {
    private let model: GenerationModel
    private let parameters: ModelParameters
    private let kept: KeptKeys

    /// A generator for texts of up to `positions` tokens, prompt and continuation together.
    ///
    /// - Parameters:
    ///   - capacity: The largest prompt.
    ///   - parameters: The model's operations.
    /// - Throws: `MemoryError` if the system refuses the memory.
    package init(
        _ architecture: Architecture,
        positions: Int,
        capacity: Workspace.Capacity,
        parameters: ModelParameters,
        team: ThreadTeam
    ) throws {
        self.parameters = parameters
        model = try GenerationModel(architecture, positions: positions, capacity: capacity, team: team)
        kept = try KeptKeys(architecture, capacity: positions)
    }

    /// The tokens after a prompt, until one of `ends`, which is the last one then, or `count` tokens.
    ///
    /// - Parameter prompt: At least one token.
    package func tokens(
        after prompt: [Int32],
        count: Int,
        ends: Set<Int32>,
        sampler: inout TokenSampler
    ) -> [Int32] {
        precondition(!prompt.isEmpty && prompt.count + count <= kept.capacity, "a prompt within capacity")
        kept.removeAll()
        var tokens: [Int32] = []
        var next = prompt
        while tokens.count < count {
            let row = PackedSequence(chain: next, from: kept.count)
            let token = sampler.token(model.score(row, continuing: kept, parameters: parameters)[0])
            tokens.append(token)
            if ends.contains(token) { break }
            next = [token]
        }
        return tokens
    }
}
