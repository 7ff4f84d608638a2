internal import ArgumentParser
internal import Collectives
internal import Formats
internal import Reporting
internal import SystemPackage
internal import Training

struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Judges a model on held-out preferences, by TRL's eval metrics."
    )

    @OptionGroup var shared: SharedOptions

    @OptionGroup var objective: ObjectiveOptions

    @Option(name: .long, help: "The model that rewards are measured from (default: the model itself, all rewards 0).")
    var referenceModel: String?

    @Option(name: .long, help: "A file that keeps the reference model's log-probabilities of this data between runs.")
    var referenceCache: String?

    @Option(name: .long, help: "A JSON file for the metrics (default: standard output).")
    var output: String?

    func run() throws {
        let status = World.run { communicator in
            let configuration = try communicator.agree {
                if let output, communicator.rank == 0 { try AtomicFile.checkWritable(FilePath(output)) }
                return try resolved()
            }
            let record = try Evaluation(configuration, communicator: communicator)
                .run(referenceModel: referenceModel.map { FilePath($0) })
            try communicator.agree {
                guard communicator.rank == 0 else { return }
                guard let output else { return print(record.page, terminator: "") }
                try AtomicFile.write(to: FilePath(output)) { try $0.append(record.page) }
            }
        }
        throw ExitCode(status)
    }

    private func resolved() throws -> TrainingConfiguration {
        var configuration = try shared.resolved()
        objective.override(&configuration)
        // That of a training's settings belongs to its data.
        configuration.referenceCache = referenceCache
        return configuration
    }
}
