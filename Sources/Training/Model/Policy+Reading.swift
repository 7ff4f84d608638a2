package import Collectives
package import Compute
package import Configuration
internal import Formats
package import SystemPackage
package import Transformer

extension Policy {
    /// Reads a Hugging Face model directory, and an adapter of the model.
    ///
    /// - Throws: An error that names the invalid file, tensor or setting.
    package static func read(
        directory: FilePath,
        adapter: PolicyAdapter.Source? = nil,
        dtype: WeightDType = .auto,
        trains: Bool = true,
        team: ThreadTeam
    ) throws -> Policy {
        let description = try ModelDescription(directory: directory)
        let files = try ModelWeights(directory: directory)
        // First: settings that do not fit are reported before memory is taken.
        let resolved = try adapter.map { try PolicyAdapter($0, of: description) }
        try description.parameters.check(files)
        let layout = description.parameters.trained
        // As transformers does with this type, which rounds norms and biases too.
        let roundsVectors = dtype == .bfloat16
        let isRounded = try roundsVectors && layout.halfType(in: files, includingVectors: true) != .bfloat16
        return try Policy(
            description,
            adapter: adapter.flatMap { source in resolved.map { (source, $0) } },
            matrixType: dtype.halfType(ofFiles: try layout.halfType(in: files), isTrained: trains && adapter == nil),
            // Rounded weights are another model.
            source: files.digest() + (isRounded ? " rounded to \(dtype.rawValue)" : ""),
            ignoredIndex: files.ignoredIndex,
            team: team
        ) { try description.parameters.read(files, into: $0, roundsVectors: roundsVectors) }
    }

    /// Creates a model with random weights for measurements; they depend on the seed but not on the team.
    package static func random(
        _ description: ModelDescription,
        adapter: PolicyAdapter.Source? = nil,
        dtype: WeightDType = .auto,
        seed: UInt64,
        team: ThreadTeam
    ) throws -> Policy {
        let resolved = try adapter.map { ($0, try PolicyAdapter($0, of: description)) }
        return try Policy(
            description,
            adapter: resolved,
            matrixType: dtype.halfType(ofFiles: nil, isTrained: adapter == nil),
            source: "random \(seed)",
            team: team
        ) {
            RandomWeights(seed: seed).fill($0, team: team)
            $0.roundVectors()
        }
    }

    /// Reads the model in `directory`, for the number of threads in `configuration`.
    package static func read(
        _ configuration: TrainingConfiguration,
        directory: FilePath,
        adapter: PolicyAdapter.Source? = nil,
        trains: Bool = true,
        communicator: any Communicator
    ) throws -> Policy {
        let threads = threadCount(configuration.threads, on: communicator)
        return try read(
            directory: directory,
            adapter: adapter,
            dtype: configuration.dtype,
            trains: trains,
            team: .reporting(count: threads)
        )
    }
}

extension WeightDType {
    /// Whether the matrices of a model are stored in 16 bits; the files' type is read from headers.
    ///
    /// - Parameter isTrained: Whether the model is trained, not only an adapter.
    package func storesHalf(_ model: ModelDescription, in directory: FilePath, isTrained: Bool) throws -> Bool {
        guard self == .auto, !isTrained else { return self == .bfloat16 }
        guard let files = try? ModelWeights(directory: directory) else { return false }
        return try model.parameters.trained.halfType(in: files) != nil
    }

    /// The 16-bit type of a model's matrices; nil for float32.
    ///
    /// - Parameters:
    ///   - stored: That of the model's files.
    ///   - isTrained: Whether the model is trained, not only an adapter.
    func halfType(ofFiles stored: HalfType?, isTrained: Bool) -> HalfType? {
        switch self {
        case .auto: return isTrained ? nil : stored
        case .float32: return nil
        case .bfloat16: return .bfloat16
        }
    }
}
