package import Preferences

extension CostModel {
    /// The costs of a model of this architecture.
    package init(_ architecture: Architecture) {
        let matrices = ParameterTable(architecture).parameters.filter { $0.kind == .matrix && $0.module.layer != nil }
        self.init(
            bodyParameters: matrices.reduce(0) { $0 + $1.count },
            layers: architecture.layerCount,
            heads: architecture.attention.heads,
            headDimension: architecture.attention.headWidth,
            vocabulary: architecture.vocabularySize,
            width: architecture.width
        )
    }
}
