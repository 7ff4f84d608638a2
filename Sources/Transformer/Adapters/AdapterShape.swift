/// The sizes of an adapter that determine the buffers of a pass: the largest of all layers.
package struct AdapterShape: Sendable, Equatable {
    /// The ranks of the modules of each product together.
    var queryKeyValue = 0
    var output = 0
    var gateUp = 0
    var down = 0
    /// Whether blocks of adapted weights are computed.
    var hasMagnitudes = false

    /// That of a model without an adapter.
    package static let none = AdapterShape()

    /// The largest rank of a product.
    var largestRank: Int { max(queryKeyValue, output, gateUp, down) }

    /// The ranks in all layers of the products of a model, without an adapter none.
    package init(_ adapter: Adapter? = nil, of model: Architecture? = nil) {
        guard let adapter, let model else { return }
        func rank(_ product: [LayerModule]) -> Int {
            let ranks = (0..<model.layerCount).map { layer in
                product.reduce(0) { $0 + (adapter.modules[.layer(layer, $1)]?.rank ?? 0) }
            }
            return ranks.max() ?? 0
        }
        queryKeyValue = rank(model.attention.inputModules)
        output = rank([.output])
        gateUp = rank(model.feedForward.inputModules)
        down = rank([.down])
        hasMagnitudes = adapter.hasMagnitudes
    }
}
