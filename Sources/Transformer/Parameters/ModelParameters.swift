internal import Compute

/// A model's operations over its weights, together with the gradients that they add to.
///
/// Views only: as cheap to make as to pass, valid as long as the buffers are.
package struct ModelParameters: Sendable {
    let embedding: Embedding
    let layers: [Layer]
    let finalNorm: Norm
    /// The vocabulary projection `[V, D]`; the embedding itself where they are tied.
    let vocabulary: Linear

    /// The operations of a model of this architecture.
    ///
    /// - Parameters:
    ///   - weights: Buffers that hold all parameters among them.
    ///   - gradients: A buffer of those that are trained; nil where only scores are wanted.
    package init(_ architecture: Architecture, weights: [ParameterBuffer], gradients: ParameterBuffer? = nil) {
        let source = ParameterSource(weights: weights, gradients: gradients)
        embedding = Embedding(source)
        finalNorm = Norm(architecture.norm, source, .finalNorm)
        vocabulary = Linear(source, [architecture.tiesEmbeddings ? .embedding : .head])
        layers = (0..<architecture.layerCount).map { Layer(architecture, source, index: $0) }
    }
}

/// Where operations find their weights and gradients.
struct ParameterSource {
    let weights: [ParameterBuffer]
    let gradients: ParameterBuffer?

    /// The weight or bias of neighboring modules as one matrix; nil where the architecture has none.
    func weight(_ modules: [Module], _ part: Parameter.Part = .weight) -> Matrix? {
        weights.lazy.compactMap { $0.matrix(modules, part) }.first
    }

    /// Where the gradient of the same matrix is added up; nil where it is not trained, or no gradient is wanted.
    func gradient(_ modules: [Module], _ part: Parameter.Part = .weight) -> Matrix? {
        gradients?.matrix(modules, part)
    }
}
