internal import ArgumentParser
internal import Collectives
internal import Configuration
internal import Formats
internal import Reporting
internal import SystemPackage
internal import Training

struct Evaluate: ConfiguredCommand {
    static let configuration = CommandConfiguration(
        abstract: "Evaluates a model on held-out preference data, with TRL's eval_ metrics.",
        usage: "espalier evaluate --model DIR --data FILE [<options>]",
        discussion: """
            Prints one JSON object, or writes it to --output: eval_loss, eval_rewards/accuracies and the others, each \
            with its 95 % confidence interval (eval_loss_ci …). Rewards and loss are relative to --reference-model; \
            without one they are null, unless the loss uses none, and eval_logps/accuracies is the accuracy.

              mpirun -np 2 --bind-to none espalier evaluate --model OUT \\
                  --reference-model DIR --data heldout.safetensors
            """
    )

    @OptionGroup var shared: SharedOptions

    @OptionGroup var objective: ObjectiveOptions

    @Option(name: .long, help: "Reference model directory for rewards and loss (default: none, they are null).")
    var referenceModel: String?

    @Option(
        name: .long,
        help: "Directory of an adapter of the reference model: the one that training with --adapter started from."
    )
    var referenceAdapter: String?

    @Option(
        name: .long,
        help: "File that caches the reference model's log-probabilities of this data between runs (default: none)."
    )
    var referenceCache: String?

    @Option(name: .long, help: "JSON file for the metrics (default: standard output).")
    var output: String?

    func run() throws {
        let status = World.run { communicator in
            let configuration = try communicator.agree {
                let configuration = try resolved(isRoot: communicator.rank == 0)
                if communicator.rank == 0 { try checkFiles(of: configuration) }
                return configuration
            }
            let record = try Evaluation(configuration, communicator: communicator)
                .run(
                    referenceModel: referenceModel.map { FilePath($0) },
                    referenceAdapter: referenceAdapter.map { FilePath($0) }
                )
            try communicator.agree {
                guard communicator.rank == 0 else { return }
                guard let output else { return print(record.page, terminator: "") }
                try AtomicFile.write(to: FilePath(output)) { try $0.append(record.page) }
            }
        }
        throw ExitCode(status)
    }

    func checkSettings() throws { try resolved(isRoot: false).validate() }

    private func checkFiles(of configuration: TrainingConfiguration) throws {
        try configuration.require([.model, .data])
        if referenceAdapter != nil, referenceModel == nil {
            throw TrainingError.missing(key: "--reference-model", for: "--reference-adapter")
        }
        var files = shared.files(of: configuration)
        referenceModel.map { files.read(modelIn: FilePath($0), as: "--reference-model") }
        referenceAdapter.map { files.read(adapterIn: FilePath($0), as: "--reference-adapter") }
        output.map { files.write(result: FilePath($0), as: "--output") }
        files.addReferenceCache(of: configuration)
        try files.check()
        try output.map { try AtomicFile.checkWritable(FilePath($0)) }
    }

    private func resolved(isRoot: Bool) throws -> TrainingConfiguration {
        var configuration = try shared.resolved()
        shared.model.adapter.applyStored(&configuration.adapter, isRoot: isRoot)
        objective.override(&configuration)
        // The cache in training settings belongs to the training data.
        configuration.referenceCache = referenceCache
        return configuration
    }
}
