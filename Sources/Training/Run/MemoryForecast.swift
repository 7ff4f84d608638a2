package import Transformer

/// A forecast of the bytes of a rank's buffers, without allocating any.
///
/// Excludes the program, its libraries, the data, and the tables of the rotary embedding.
package struct MemoryForecast: Sendable, Equatable, Encodable {
    /// All parameters of the model and of its adapter, in float32.
    package let weights: Int
    /// Their gradients, including the partial sums of a rank's shards.
    package let gradients: Int
    /// The rank's slices of AdamW's two moments.
    package let optimizer: Int
    /// On rank 0 of a run that saves, copies of the weights and of all moments.
    package let snapshot: Int
    /// Activations, their gradients, and the logits that are kept.
    package let workspace: Int

    /// Weights, gradients, optimizer state and their copies.
    package var model: Int { weights + gradients + optimizer + snapshot }
    /// All of a rank's buffers.
    package var total: Int { model + workspace }

    /// The memory of training.
    ///
    /// With `n` trained parameters, `P` ranks and `s` shards for each: weights `n` and those that are not trained, gradients
    /// `(1 + log2 s) n` since shards are summed as a balanced tree, moments `2 ⌈n / P⌉`, and `3n` for the copies of rank 0,
    /// four bytes for each.
    ///
    /// - Parameters:
    ///   - adapter: What is trained in place of the model; nil for the model.
    ///   - storesHalf: Whether matrices that are not trained are stored in 16 bits.
    ///   - ranks: `P`.
    ///   - shards: Of all ranks, a multiple of `ranks` by a power of two.
    ///   - saves: Whether the run saves checkpoints.
    ///   - capacity: Of the largest packed sequence.
    ///   - threads: The threads of a rank.
    package static func training(
        _ model: Architecture,
        adapter: Adapter? = nil,
        storesHalf: Bool = false,
        ranks: Int,
        shards: Int,
        saves: Bool,
        capacity: Workspace.Capacity,
        threads: Int
    ) -> MemoryForecast {
        let count = adapter?.parameterCount(of: model) ?? model.parameterCount
        let frozen = adapter.map { frozenBytes(model, storesHalf: storesHalf) + bytes($0.gains(of: model).count) }
        return MemoryForecast(
            weights: bytes(count) + (frozen ?? 0),
            gradients: bytes((1 + (shards / ranks).trailingZeroBitCount) * count),
            optimizer: bytes(2 * ((count + ranks - 1) / ranks)),
            snapshot: bytes(saves ? 3 * count : 0),
            workspace: ForestModel.byteCount(model, capacity: capacity, threads: threads)
        )
    }

    /// The memory of scoring packed sequences of at most `tokens` tokens.
    package static func scoring(
        _ model: Architecture,
        storesHalf: Bool = false,
        tokens: Int,
        threads: Int
    ) -> MemoryForecast {
        let capacity = Workspace.Capacity(tokens: tokens, trains: false, widensWeights: storesHalf)
        return MemoryForecast(
            weights: frozenBytes(model, storesHalf: storesHalf),
            gradients: 0,
            optimizer: 0,
            snapshot: 0,
            workspace: ForestModel.byteCount(model, capacity: capacity, threads: threads)
        )
    }

    /// The weights of a model that are not trained.
    private static func frozenBytes(_ model: Architecture, storesHalf: Bool) -> Int {
        let saved = storesHalf ? model.matrixParameterCount * MemoryLayout<UInt16>.stride : 0
        return bytes(model.parameterCount) - saved
    }

    private static func bytes(_ elements: Int) -> Int { elements * MemoryLayout<Float>.stride }
}
