package import Compute
package import Formats
internal import Foundation
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

    /// All weights as one row.
    var flat: Matrix { parameters.matrix(rows: 1, columns: parameters.count) }

    /// Checks that `dataset` was made for this model's tokenizer, fits its vocabulary and context, and gives every
    /// rank something to do.
    package func validate(_ dataset: PreferenceDataset, ranks: Int, batchSize: Int? = nil) throws {
        let tokenizer = directory.appending("tokenizer.json")
        if FileManager.default.fileExists(atPath: tokenizer.string) {
            try dataset.validate(tokenizerDigest: Digest.sha256(ofFile: tokenizer))
        }
        try dataset.validate(vocabularySize: configuration.vocabularySize)
        let longest = dataset.longestSequence
        guard longest <= configuration.maxPositions else {
            throw TrainingError.sequenceTooLong(
                found: longest,
                limit: configuration.maxPositions,
                model: directory.string
            )
        }
        for (rows, what) in [(dataset.count, "the data"), (batchSize ?? .max, "a step")] where ranks > rows {
            throw TrainingError.moreRanksThanRows(ranks: ranks, rows: rows, what: what)
        }
    }

    /// Buffers for the rows that `planner` can pack of these rows of its dataset.
    package func model(for rows: [Int], planner: Planner, trains: Bool) throws -> ForestModel {
        try ForestModel(
            configuration,
            positions: planner.dataset.longestSequence,
            capacity: .init(tokens: planner.largestRow(of: rows), trains: trains),
            team: team
        )
    }
}

extension Policy {
    /// Reads the model in `directory` for the threads that `configuration` asks for.
    package convenience init(_ configuration: TrainingConfiguration, directory: FilePath) throws {
        try self.init(directory: directory, team: ThreadTeam(count: threadCount(configuration.threads)))
    }
}

extension Planner {
    /// A planner with the sharing and row size of `configuration` and the costs of `policy`.
    package init(_ dataset: PreferenceDataset, _ configuration: TrainingConfiguration, policy: Policy, shards: Int) {
        self.init(
            dataset: dataset,
            sharing: configuration.sharing,
            rowTokens: configuration.rowTokens,
            shards: shards,
            cost: policy.cost
        )
    }
}

/// The threads of a rank: as many as asked for, else its share of the processors that it may run on.
package func threadCount(_ wanted: Int) -> Int {
    guard wanted == 0 else { return wanted }
    // Open MPI tells how many ranks share this host; a rank that is bound has fewer processors of its own.
    let environment = ProcessInfo.processInfo.environment
    let ranksOnHost = environment["OMPI_COMM_WORLD_LOCAL_SIZE"].flatMap { Int($0) } ?? 1
    let available = Processor.availableCount
    return available < ProcessInfo.processInfo.processorCount ? available : max(1, available / ranksOnHost)
}
