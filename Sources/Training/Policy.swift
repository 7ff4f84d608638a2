package import Collectives
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
    /// SHA-256 of the architecture and of what the weights were made from, in hexadecimal.
    package let digest: String
    /// An index of shards that exists and was not read; nil where there is none.
    package let ignoredIndex: FilePath?
    /// The threads of this rank.
    package let team: ThreadTeam

    /// Reads a Hugging Face model directory.
    ///
    /// - Throws: The error of the file, tensor or setting that does not fit.
    package init(directory: FilePath, team: ThreadTeam) throws {
        configuration = try ModelConfiguration(directory: directory)
        layout = ParameterLayout(configuration)
        let files = try ModelWeights(directory: directory)
        // First, so that no more memory is taken than there are weights for.
        for tensor in layout.tensors { try files.check(tensor.name, shape: tensor.shape) }
        var parameters = try FloatBuffer(count: layout.count)
        for tensor in layout.tensors {
            try parameters.withMutableSpan(tensor.range) { span in
                try files.read(tensor.name, shape: tensor.shape, into: &span)
            }
        }
        var digest = Digest()
        digest.update(try files.digest())
        // The same weights in another architecture are another model.
        digest.update("\(configuration)")
        self.digest = digest.hexadecimal
        ignoredIndex = files.ignoredIndex
        weights = ParameterViews(parameters, layout: layout, model: configuration)
        self.parameters = consume parameters
        self.team = team
    }

    /// Makes a model up, for measurements: random weights, the same for the same seed whatever the team.
    package init(random configuration: ModelConfiguration, seed: UInt64, team: ThreadTeam) throws {
        self.configuration = configuration
        layout = ParameterLayout(configuration)
        let parameters = try FloatBuffer(count: layout.count)
        weights = ParameterViews(parameters, layout: layout, model: configuration)
        RandomWeights(seed: seed).fill(parameters.matrix(rows: 1, columns: layout.count), layout, team: team)
        self.parameters = consume parameters
        var digest = Digest()
        digest.update("random \(seed) \(configuration)")
        self.digest = digest.hexadecimal
        ignoredIndex = nil
        self.team = team
    }

    /// Reports on rank 0 what of the model's directory was not read, and should perhaps have been.
    func reportIgnoredFiles(rank: Int) {
        guard rank == 0, let ignoredIndex else { return }
        let reason = "model.safetensors exists, which transformers reads too"
        tell("warning: \(ignoredIndex): ignored, because \(reason); remove whichever is stale".printable())
    }

    /// All weights as one row.
    var flat: Matrix { parameters.matrix(rows: 1, columns: parameters.count) }

    /// Buffers for the rows that `planner` can pack of these rows of its dataset.
    package func model(for rows: [Int], planner: Planner, trains: Bool) throws -> ForestModel {
        try ForestModel(
            configuration,
            positions: planner.dataset.longestSequence,
            capacity: Workspace.Capacity(tokens: planner.largestRow(of: rows), trains: trains),
            team: team
        )
    }

    /// Buffers for all that a training run computes.
    func model(for rows: TrainingRows) throws -> ForestModel {
        try ForestModel(configuration, positions: rows.positions, capacity: rows.capacity, team: team)
    }
}

extension Policy {
    /// Reads the model in `directory` for the threads that `configuration` asks for.
    package convenience init(
        _ configuration: TrainingConfiguration,
        directory: FilePath,
        communicator: any Communicator
    ) throws {
        let threads = threadCount(configuration.threads, on: communicator)
        try self.init(directory: directory, team: ThreadTeam(count: threads))
    }
}
