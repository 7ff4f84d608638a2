internal import Compute
package import Transformer

/// A forecast of the bytes of a rank's buffers, without allocating any.
///
/// Excludes the program, its libraries, the data, and the tables of the rotary embedding.
package struct MemoryForecast: Sendable, Equatable, Encodable {
    /// All parameters of the model and of its adapter, as they are stored.
    package let weights: Int
    /// Their gradients, including the partial sums of a rank's shards.
    package let gradients: Int
    /// The rank's slices of AdamW's two moments, and of the master weights of those in 16 bits.
    package let optimizer: Int
    /// On rank 0 of a run that saves, copies of the weights and of all moments.
    package let snapshot: Int
    /// Activations, their gradients, the logits that are kept, and packed operands of products.
    package let workspace: Int

    /// Weights, gradients, optimizer state and their copies.
    package var model: Int { weights + gradients + optimizer + snapshot }
    /// All of a rank's buffers.
    package var total: Int { model + workspace }

    /// The memory of training.
    ///
    /// With `n` trained parameters, `P` ranks and `s` shards for each: weights `n` and those that are not trained, gradients
    /// `(1 + log2 s) n` since shards are summed as a balanced tree, moments `2 ⌈n / P⌉`, and `3n` for the copies of rank 0,
    /// four bytes for each. A model that is trained in 16 bits has weights of two bytes, and `⌈n / P⌉` master weights.
    ///
    /// - Parameters:
    ///   - adapter: What is trained in place of the model; nil for the model.
    ///   - storesHalf: Whether the model's matrices are stored in 16 bits.
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
        let modelBytes = modelBytes(model, storesHalf: storesHalf)
        let adapterBytes = adapter.map { bytes(count + $0.gains(of: model).count) } ?? 0
        let hasMasters = storesHalf && adapter == nil
        return MemoryForecast(
            weights: modelBytes + adapterBytes,
            gradients: bytes((1 + (shards / ranks).trailingZeroBitCount) * count),
            optimizer: bytes((hasMasters ? 3 : 2) * ((count + ranks - 1) / ranks)),
            snapshot: bytes(saves ? 3 * count : 0),
            workspace: workspace(model, capacity, threads)
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
            weights: modelBytes(model, storesHalf: storesHalf),
            gradients: 0,
            optimizer: 0,
            snapshot: 0,
            workspace: workspace(model, capacity, threads)
        )
    }

    private static func workspace(_ model: Architecture, _ capacity: Workspace.Capacity, _ threads: Int) -> Int {
        ForestModel.byteCount(model, capacity: capacity, threads: threads) + threads * Products.bufferBytes
    }

    /// The weights of a model; norms and biases are float32 in any case.
    private static func modelBytes(_ model: Architecture, storesHalf: Bool) -> Int {
        let count = model.parameterCount
        guard storesHalf else { return bytes(count) }
        return count * MemoryLayout<UInt16>.stride + bytes(count - model.matrixParameterCount)
    }

    private static func bytes(_ elements: Int) -> Int { elements * MemoryLayout<Float>.stride }
}
