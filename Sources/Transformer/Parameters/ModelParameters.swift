package import Compute

/// A model's operations over its weights, together with the gradients that they add to.
///
/// Views only: cheap to create, valid as long as the buffers.
package struct ModelParameters: Sendable {
    let embedding: Embedding
    let layers: [Layer]
    let finalNorm: Norm
    /// The vocabulary projection `[V, D]`; the embedding if they are tied.
    let vocabulary: Linear
    /// The first layer with a gradient; nil if no layer has one.
    let lowestTrainedLayer: Int?

    /// The operations of a model of this architecture.
    ///
    /// - Parameters:
    ///   - weights: Buffers that together hold all parameters.
    ///   - gradients: A buffer of the trained parameters' gradients; nil for scores only.
    ///   - adapter: The adapter whose parameters are among them; nil for the model without it.
    ///   - products: How products with weights are computed.
    package init(
        _ architecture: Architecture,
        weights: [ParameterBuffer],
        gradients: ParameterBuffer? = nil,
        adapter: Adapter? = nil,
        products: Products = .float32
    ) {
        let source = ParameterSource(weights: weights, gradients: gradients, adapter: adapter, products: products)
        embedding = Embedding(source)
        finalNorm = Norm(architecture.norm, source, .finalNorm)
        vocabulary = Linear(source, [architecture.tiesEmbeddings ? .embedding : .head])
        layers = (0..<architecture.layerCount).map { Layer(architecture, source, index: $0) }
        lowestTrainedLayer = layers.firstIndex(where: \.isTrained)
    }

    /// Computes what depends on all weights of an adapter with magnitudes, before a pass and after each change of weights.
    ///
    /// - Parameter scratch: A matrix for each thread.
    func updateGains(team: ThreadTeam, scratch: [Matrix]) {
        let products = layers.flatMap(\.products).filter { $0.lowRank?.hasMagnitudes == true }
        guard !products.isEmpty else { return }
        team.run("magnitudes") { thread in
            for product in products {
                for part in product.lowRank?.parts ?? [] {
                    let outputs = team.share(of: part.outputs.count, thread: thread)
                    product.lowRank?.updateGains(
                        of: part,
                        weight: product.weight,
                        outputs: outputs,
                        scratch: scratch[thread]
                    )
                }
            }
        }
    }
}

/// The source of the weights and gradients of operations.
struct ParameterSource {
    let weights: [ParameterBuffer]
    let gradients: ParameterBuffer?
    let adapter: Adapter?
    var products = Products.float32

    /// Whether the adapter has a trained copy of the module.
    func copies(_ module: Module) -> Bool { adapter?.copiedModules.contains(module) == true }

    /// The weight or bias of adjacent modules as one matrix; nil if the architecture has none.
    func weight(_ modules: [Module], _ part: Parameter.Part = .weight) -> Matrix? {
        weights.lazy.compactMap { $0.matrix(modules, part) }.first
    }

    /// The same matrix as it is stored.
    func stored(_ modules: [Module], _ part: Parameter.Part = .weight) -> StoredMatrix? {
        weights.lazy.compactMap { $0.storedMatrix(modules, part) }.first
    }

    /// The gradient of the same matrix; nil if it is frozen, or without gradients.
    func gradient(_ modules: [Module], _ part: Parameter.Part = .weight) -> Matrix? {
        gradients?.matrix(modules, part)
    }
}
