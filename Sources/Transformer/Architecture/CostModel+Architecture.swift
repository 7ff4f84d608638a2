package import Preferences

extension CostModel {
    /// The costs of a model of this architecture, and of its adapter if one is trained.
    package init(_ architecture: Architecture, adapter: Adapter? = nil) {
        self.init(
            bodyParameters: architecture.bodyParameterCount,
            layers: architecture.layerCount,
            windowedLayers: architecture.windowedLayerCount,
            window: architecture.window,
            heads: architecture.attention.heads,
            headDimension: architecture.attention.headWidth,
            vocabulary: architecture.vocabularySize,
            width: architecture.width
        )
        self.adapter = adapter.map { adapter in
            let trainsEmbedding = adapter.copiedModules.contains(.embedding) && architecture.tiesEmbeddings
            return AdapterCost(
                parameters: adapter.matrixParameterCount(of: architecture),
                needsWholeGradients: adapter.hasMagnitudes,
                trainsHead: adapter.copiedModules.contains(.head) || trainsEmbedding
            )
        }
    }
}
