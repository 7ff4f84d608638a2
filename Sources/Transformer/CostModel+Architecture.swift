package import Formats
package import Preferences

extension CostModel {
    /// The costs of a model of this architecture.
    package init(_ model: ModelConfiguration) {
        let matrices = ParameterLayout(model).tensors.filter { $0.decays && $0.name.hasPrefix("model.layers.") }
        self.init(
            bodyParameters: matrices.reduce(0) { $0 + $1.count },
            layers: model.layerCount,
            heads: model.headCount,
            headDimension: model.headDimension,
            vocabulary: model.vocabularySize,
            width: model.hiddenSize
        )
    }
}
