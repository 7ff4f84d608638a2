package import Compute
internal import Formats
package import Preferences
internal import Reporting
package import SystemPackage
package import Transformer

/// The model that is trained or evaluated: its architecture, its weights, and the threads that compute it.
package final class Policy {
    package let description: ModelDescription
    /// The trained weights, in the layout's order: all of the model, or those of its adapter.
    package let weights: ParameterBuffer
    /// The adapter; nil for none.
    package let adapter: PolicyAdapter?
    /// The weights of the model under an adapter, which stay as they are, and the gains of its magnitudes; none without one.
    private let fixed: [ParameterBuffer]
    /// The weights of the model under an adapter; none without one.
    var frozen: [ParameterBuffer] { Array(fixed.prefix(1)) }
    /// The digest of the architecture and of the source of the weights; see `ModelDigest`.
    package let digest: String
    /// An index of weight files that was ignored; nil if there is none.
    package let ignoredIndex: FilePath?
    /// The threads of this rank.
    package let team: ThreadTeam
    /// How products with weights are computed.
    package private(set) var products = Products.float32

    /// - Parameters:
    ///   - source: Identifies the weights; the same weights in another architecture are another model.
    ///   - matrixType: The type of the model's matrices; nil for float32.
    ///   - fill: Fills a buffer of the model's own weights.
    init(
        _ description: ModelDescription,
        adapter: (source: PolicyAdapter.Source, resolved: PolicyAdapter)?,
        matrixType: HalfType?,
        source: String,
        ignoredIndex: FilePath? = nil,
        team: ThreadTeam,
        fill: (ParameterBuffer) throws -> Void
    ) throws {
        (self.description, self.team, self.ignoredIndex) = (description, team, ignoredIndex)
        self.adapter = adapter?.resolved
        var source = source
        if let (adapterSource, adapter) = adapter {
            let table = adapter.parameters(of: description)
            let frozen = try ParameterBuffer(table.frozen, matrixType: matrixType)
            try fill(frozen)
            weights = try ParameterBuffer(table.trained)
            let identity = try adapter.read(adapterSource, into: weights, base: [frozen], of: description)
            fixed = [frozen, try ParameterBuffer(adapter.adapter.gains(of: description.architecture))]
            source += identity.map { "\n" + $0 } ?? ""
        } else {
            weights = try ParameterBuffer(description.parameters.trained, matrixType: matrixType)
            try fill(weights)
            fixed = []
        }
        var digest = Digest()
        digest.update("\(source)\n\(try description.architecture.canonicalForm)")
        self.digest = ModelDigest.version + digest.hexadecimal
    }

    package var architecture: Architecture { description.architecture }

    /// The digest of what log-probabilities depend on: the model, and the precision of products.
    var scoringDigest: String { digest + (products.roundsOperands ? "+bfloat16" : "") }

    /// Computes products with weights in this way from now on.
    package func use(_ products: Products) { self.products = products }

    /// The layout of the trained weights, which gradients, moments, exchange and checkpoints follow.
    package var layout: ParameterLayout { weights.layout }
    /// Reports ignored files and settings of the model's directory, on rank 0.
    package func reportIgnoredFiles(rank: Int) {
        guard rank == 0 else { return }
        for remark in description.remarks { printNotice("note: config.json: \(remark)".printable()) }
        for remark in (try? adapter?.configuration.remarks(in: description)) ?? [] {
            printNotice("note: adapter: \(remark)".printable())
        }
        guard let ignoredIndex else { return }
        let reason = "model.safetensors exists, which transformers reads too"
        printNotice("warning: \(ignoredIndex): ignored, because \(reason); remove the outdated one".printable())
    }

    /// All trained weights as one row, unless they are in 16 bits.
    var flat: Matrix { weights.flat }

    /// The model's operations over these weights.
    ///
    /// - Parameters:
    ///   - weights: The trained weights, by default the policy's own.
    ///   - gradients: The buffer that they add gradients to; nil for scores only.
    package func parameters(weights: ParameterBuffer? = nil, gradients: ParameterBuffer? = nil) -> ModelParameters {
        ModelParameters(
            architecture,
            weights: [weights ?? self.weights] + fixed,
            gradients: gradients,
            adapter: adapter?.adapter,
            products: products
        )
    }

    /// The operations of the model that the policy was before training, as long as its weights are the initial ones:
    /// without a new adapter, which has no effect yet.
    func initialParameters() -> ModelParameters {
        guard let adapter, adapter.isNew else { return parameters() }
        return ModelParameters(architecture, weights: fixed, products: products)
    }

    /// The capacity with the buffers that these weights need.
    package func suited(_ capacity: Workspace.Capacity) -> Workspace.Capacity {
        var capacity = capacity
        capacity.adapter = AdapterShape(adapter?.adapter, of: architecture)
        capacity.widensWeights = widensWeights
        return capacity
    }

    /// Buffers for the packed sequences that `planner` can pack of these examples.
    package func model(for rows: [Int], planner: Planner, trains: Bool) throws -> ForestModel {
        try ForestModel(
            architecture,
            positions: planner.dataset.longestSequence,
            capacity: suited(Workspace.Capacity(tokens: planner.maximumPackedTokens(of: rows), trains: trains)),
            team: team
        )
    }

    /// Whether the buffers for another policy serve this one: those without an adapter do if this one has none.
    func isComputed(by model: ForestModel, of other: Policy) -> Bool {
        adapter == nil && architecture == other.architecture && (other.widensWeights || !widensWeights)
    }

    private var widensWeights: Bool { ([weights] + fixed).contains { $0.matrixType != nil } }

    /// Buffers for all computations of a training run.
    func model(for preparation: RunPreparation) throws -> ForestModel {
        let capacity = suited(preparation.capacity)
        return try ForestModel(architecture, positions: preparation.positions, capacity: capacity, team: team)
    }
}
