package import Collectives
package import Compute
package import Configuration
internal import Formats
package import Preferences
internal import Reporting
package import SystemPackage
package import Transformer

/// The model that is trained or evaluated: its architecture, its weights, and the threads that compute it.
package final class Policy {
    package let description: ModelDescription
    /// The weights, in the layout's order.
    package let weights: ParameterBuffer
    /// The digest of the architecture and of the source of the weights; see `ModelDigest`.
    package let digest: String
    /// An index of weight files that was ignored; nil if there is none.
    package let ignoredIndex: FilePath?
    /// The threads of this rank.
    package let team: ThreadTeam

    /// Reads a Hugging Face model directory.
    ///
    /// - Throws: An error that names the invalid file, tensor or setting.
    package static func read(directory: FilePath, team: ThreadTeam) throws -> Policy {
        let description = try ModelDescription(directory: directory)
        let (files, table) = (try ModelWeights(directory: directory), description.parameters)
        try table.check(files)
        let weights = try ParameterBuffer(table.trained)
        try table.read(files, into: weights)
        let (source, ignored) = (try files.digest(), files.ignoredIndex)
        return try Policy(description, weights: weights, source: source, ignoredIndex: ignored, team: team)
    }

    /// Creates a model with random weights for measurements; they depend on the seed but not on the team.
    package static func random(_ description: ModelDescription, seed: UInt64, team: ThreadTeam) throws -> Policy {
        let weights = try ParameterBuffer(description.parameters.trained)
        RandomWeights(seed: seed).fill(weights, team: team)
        return try Policy(description, weights: weights, source: "random \(seed)", team: team)
    }

    /// - Parameter source: Identifies the weights; the same weights in another architecture are another model.
    private init(
        _ description: ModelDescription,
        weights: ParameterBuffer,
        source: String,
        ignoredIndex: FilePath? = nil,
        team: ThreadTeam
    ) throws {
        (self.description, self.weights, self.team) = (description, weights, team)
        self.ignoredIndex = ignoredIndex
        var digest = Digest()
        digest.update("\(source)\n\(try description.architecture.canonicalForm)")
        self.digest = ModelDigest.version + digest.hexadecimal
    }

    package var architecture: Architecture { description.architecture }
    /// The layout of the trained weights, which gradients, moments, exchange and checkpoints follow.
    package var layout: ParameterLayout { weights.layout }
    /// Reports ignored files and settings of the model's directory, on rank 0.
    package func reportIgnoredFiles(rank: Int) {
        guard rank == 0 else { return }
        for remark in description.remarks { printNotice("note: config.json: \(remark)".printable()) }
        guard let ignoredIndex else { return }
        let reason = "model.safetensors exists, which transformers reads too"
        printNotice("warning: \(ignoredIndex): ignored, because \(reason); remove the outdated one".printable())
    }

    /// All trained weights as one row.
    var flat: Matrix { weights.flat }

    /// The model's operations over these weights.
    ///
    /// - Parameter gradients: The buffer that they add gradients to; nil for scores only.
    package func parameters(gradients: ParameterBuffer? = nil) -> ModelParameters {
        ModelParameters(architecture, weights: [weights], gradients: gradients)
    }

    /// Buffers for the packed sequences that `planner` can pack of these examples.
    package func model(for rows: [Int], planner: Planner, trains: Bool) throws -> ForestModel {
        try ForestModel(
            architecture,
            positions: planner.dataset.longestSequence,
            capacity: Workspace.Capacity(tokens: planner.maximumPackedTokens(of: rows), trains: trains),
            team: team
        )
    }

    /// Buffers for all computations of a training run.
    func model(for preparation: RunPreparation) throws -> ForestModel {
        try ForestModel(architecture, positions: preparation.positions, capacity: preparation.capacity, team: team)
    }
}

extension Policy {
    /// Reads the model in `directory`, for the number of threads in `configuration`.
    package static func read(
        _ configuration: TrainingConfiguration,
        directory: FilePath,
        communicator: any Communicator
    ) throws -> Policy {
        let threads = threadCount(configuration.threads, on: communicator)
        return try read(directory: directory, team: .reporting(count: threads))
    }
}
