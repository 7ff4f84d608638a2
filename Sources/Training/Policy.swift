package import Compute
package import Formats
package import Preferences
package import SystemPackage
package import Transformer

/// The model that is trained or judged: its architecture, its weights, and the buffers to run it.
package final class Policy {
    package let configuration: ModelConfiguration
    package let layout: ParameterLayout
    /// The weights, in the layout's order.
    package var parameters: FloatBuffer
    /// The weights as matrices.
    package let weights: ParameterViews
    /// SHA-256 of the files that the weights were read from, in hexadecimal.
    package let digest: String
    /// The threads of this rank.
    package let team: ThreadTeam
    /// Where the model was read from.
    package let directory: FilePath

    /// Reads a Hugging Face model directory.
    ///
    /// - Throws: The error of the file, tensor or setting that does not fit.
    package init(directory: FilePath, team: ThreadTeam) throws {
        configuration = try ModelConfiguration(directory: directory)
        layout = ParameterLayout(configuration)
        let files = try ModelWeights(directory: directory)
        var parameters = try FloatBuffer(count: layout.count)
        for tensor in layout.tensors {
            try parameters.withMutableSpan(tensor.range) { span in
                try files.read(tensor.name, shape: tensor.shape, into: &span)
            }
        }
        digest = try files.digest()
        weights = ParameterViews(parameters, layout: layout, model: configuration)
        self.parameters = consume parameters
        self.team = team
        self.directory = directory
    }

    /// The measure of a tree's cost for this architecture.
    package var cost: CostModel {
        let body = layout.tensors.filter { $0.decays && $0.name.hasPrefix("model.layers.") }.reduce(0) { $0 + $1.count }
        return CostModel(
            bodyParameters: body,
            layers: configuration.layerCount,
            heads: configuration.headCount,
            headDimension: configuration.headDimension,
            vocabulary: configuration.vocabularySize,
            width: configuration.hiddenSize
        )
    }

    /// Checks that `dataset` was made for this model's tokenizer and fits its vocabulary and context.
    package func validate(_ dataset: PreferenceDataset) throws {
        let tokenizer = directory.appending("tokenizer.json")
        if FileDigest.exists(tokenizer) {
            try dataset.validate(tokenizerDigest: FileDigest.sha256(of: tokenizer))
        }
        try dataset.validate(vocabularySize: configuration.vocabularySize)
        guard dataset.longestSequence <= configuration.maxPositions else {
            throw TrainingError.sequenceTooLong(
                found: dataset.longestSequence, limit: configuration.maxPositions, model: directory.string
            )
        }
    }
}
