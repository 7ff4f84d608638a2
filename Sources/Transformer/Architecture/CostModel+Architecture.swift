package import Preferences

extension CostModel {
    /// The costs of a model of this architecture.
    package init(_ architecture: Architecture) {
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
    }
}
