internal import Collectives
internal import Compute
internal import Configuration
internal import Formats
package import SystemPackage
internal import Training
package import Transformer

/// The model that a benchmark trains.
package enum BenchmarkModel: Sendable, Equatable {
    /// A Hugging Face model directory.
    case directory(FilePath)
    /// Random weights; with a number of layers, only the first ones of the model.
    case synthetic(SyntheticModel, layers: Int?)

    /// The name in reports.
    package var label: String {
        switch self {
        case .directory(let path): return path.string
        case .synthetic(let model, let layers):
            return "synthetic-\(model.rawValue)" + (layers.map { "-\($0)-layers" } ?? "")
        }
    }

    /// The directory, with the tokenizer.
    var directory: FilePath? {
        guard case .directory(let path) = self else { return nil }
        return path
    }

    /// Its description, known before any weight.
    package var description: ModelDescription {
        get throws {
            switch self {
            case .directory(let path): return try ModelDescription(directory: path)
            case .synthetic(let model, let layers):
                let architecture = try layers.map(model.architecture(layers:)) ?? model.architecture
                return ModelDescription(architecture, family: model.family)
            }
        }
    }

    /// Reads or generates the model, with the threads and the seed of `configuration`.
    func policy(_ configuration: TrainingConfiguration, communicator: any Communicator) throws -> Policy {
        switch self {
        case .directory(let path):
            return try Policy.read(
                configuration,
                directory: path,
                adapter: configuration.adapterSource,
                communicator: communicator
            )
        case .synthetic:
            let team = try ThreadTeam.reporting(count: threadCount(configuration.threads, on: communicator))
            let adapter = configuration.adapterSource
            return try Policy.random(
                description,
                adapter: adapter,
                dtype: configuration.dtype,
                seed: configuration.seed,
                team: team
            )
        }
    }
}
