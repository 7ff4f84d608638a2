internal import Compute

/// A model's operations over its weights, together with the gradients that they add to.
///
/// Views only: cheap to create, valid as long as the buffers.
package struct ModelParameters: Sendable {
    let embedding: Embedding
    let layers: [Layer]
    let finalNorm: Norm
    /// The vocabulary projection `[V, D]`; the embedding if they are tied.
    let vocabulary: Linear

    /// The operations of a model of this architecture.
    ///
    /// - Parameters:
    ///   - weights: Buffers that together hold all parameters.
    ///   - gradients: A buffer of the trained parameters' gradients; nil for scores only.
    package init(_ architecture: Architecture, weights: [ParameterBuffer], gradients: ParameterBuffer? = nil) {
        let source = ParameterSource(weights: weights, gradients: gradients)
        embedding = Embedding(source)
        finalNorm = Norm(architecture.norm, source, .finalNorm)
        vocabulary = Linear(source, [architecture.tiesEmbeddings ? .embedding : .head])
        layers = (0..<architecture.layerCount).map { Layer(architecture, source, index: $0) }
    }
}

/// The source of the weights and gradients of operations.
struct ParameterSource {
    let weights: [ParameterBuffer]
    let gradients: ParameterBuffer?

    /// The weight or bias of adjacent modules as one matrix; nil if the architecture has none.
    func weight(_ modules: [Module], _ part: Parameter.Part = .weight) -> Matrix? {
        weights.lazy.compactMap { $0.matrix(modules, part) }.first
    }

    /// The weight of adjacent modules as it is stored, in float32 or in 16 bits; nil if the architecture has none.
    func storedWeight(_ modules: [Module], _ part: Parameter.Part = .weight) -> StoredMatrix? {
        weights.lazy.compactMap { $0.storedMatrix(modules, part) }.first
    }

    /// The gradient of the same matrix; nil if it is frozen, or without gradients.
    func gradient(_ modules: [Module], _ part: Parameter.Part = .weight) -> Matrix? {
        gradients?.matrix(modules, part)
    }
}
