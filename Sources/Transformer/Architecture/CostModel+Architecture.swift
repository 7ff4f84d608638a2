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
        let last = architecture.layerCount - 1
        let behindInputs = architecture.adaptableModules.filter { !architecture.attention.inputModules.contains($0) }
            .map { Module.layer(last, $0) }
        lastLayer = LastLayerCost(
            parameters: behindInputs.map(architecture.shape).reduce(0) { $0 + $1.outputs * $1.inputs },
            isWindowed: architecture.kind(ofLayer: last).isWindowed
        )
        self.adapter = adapter.map { adapter in
            let trainsEmbedding = adapter.copiedModules.contains(.embedding) && architecture.tiesEmbeddings
            return AdapterCost(
                parameters: adapter.matrixParameterCount(of: architecture),
                lastParameters: adapter.matrixParameterCount(of: architecture) { behindInputs.contains($0) },
                needsWholeGradients: adapter.hasMagnitudes,
                trainsHead: adapter.copiedModules.contains(.head) || trainsEmbedding
            )
        }
    }
}
