internal import ArgumentParser
internal import Collectives
internal import Configuration
internal import Formats
internal import Preferences
internal import Reporting
internal import SystemPackage
internal import Training
internal import Transformer

struct Plan: ConfiguredCommand {
    static let configuration = CommandConfiguration(
        abstract: "Predicts the computation and memory of a run, without running it.",
        usage: "espalier plan --model DIR --data FILE [<options>]",
        discussion: """
            Prints the token lengths of the data, the tokens and forward and backward FLOPs of a run with each sharing \
            mode, the packed sequences and how full they are, the load and memory of each rank, and the tree of one \
            example. Reads the configuration of the model and the headers of its weights, if it has some.
            """
    )

    @OptionGroup var shared: SharedOptions

    @OptionGroup var newAdapter: NewAdapterOptions

    @OptionGroup var schedule: ScheduleOptions

    @OptionGroup var warmup: WarmupOptions

    @OptionGroup var evaluation: EvaluationOptions

    @Option(name: .long, help: "Number of ranks to plan for (default: the ranks of this job, 1 without mpirun).")
    var ranks: Int?

    @Option(name: .customLong("row"), help: "Index of the example whose tree is drawn, from 0.")
    var drawnExample = 0

    func run() throws {
        let status = World.run { communicator in
            try communicator.agree {
                guard communicator.rank == 0 else { return }
                print(try summary(ranks: ranks ?? communicator.size, communicator), terminator: "")
            }
        }
        throw ExitCode(status)
    }

    /// The model, whose weights are checked by their headers unless there are none yet.
    private func description(_ directory: FilePath) throws -> ModelDescription {
        let description = try ModelDescription(directory: directory)
        if ModelWeights.exist(in: directory) { try description.parameters.check(ModelWeights(directory: directory)) }
        return description
    }

    func checkSettings() throws { _ = try resolved() }

    private func resolved() throws -> TrainingConfiguration {
        var (configuration, translation) = try shared.settings()
        newAdapter.override(&configuration.adapter)
        schedule.override(&configuration)
        warmup.override(&configuration)
        evaluation.override(&configuration.evaluation)
        if let translation { configuration = try translation.completed(configuration).run }
        try configuration.validate()
        return configuration
    }

    private func summary(ranks: Int, _ communicator: any Communicator) throws -> String {
        let configuration = try resolved()
        let directory = FilePath(configuration.model)
        let description = try description(directory)
        let model = description.architecture
        let adapter = try configuration.adapterSource.map { try PolicyAdapter($0, of: description).adapter }
        let path = FilePath(configuration.data)
        let dataset = try PreferenceDataset.read(path: path)
        guard ranks > 0 else {
            throw TrainingError.invalid(key: "--ranks", expected: "at least 1", found: "\(ranks)")
        }
        try dataset.validate(
            from: path,
            for: model,
            in: directory,
            ranks: ranks,
            batchSize: configuration.globalBatchSize
        )
        dataset.reportDifferences(from: configuration.data, for: configuration.model)
        guard (0..<dataset.count).contains(drawnExample) else {
            throw TrainingError.invalid(
                key: "--row",
                expected: "from 0 to \(dataset.count - 1)",
                found: "\(drawnExample)"
            )
        }
        let heldOut = try configuration.heldOutData(for: model)
        let forecast = try RunForecast.compute(
            dataset,
            heldOut: heldOut,
            configuration,
            model: model,
            adapter: adapter,
            storesHalf: try configuration.dtype.storesHalf(description, in: directory, isTrained: adapter == nil),
            ranks: ranks,
            threads: threadCount(configuration.threads, on: communicator)
        )
        let tree = PackedSequence([TokenTree(dataset, example: drawnExample, sharing: configuration.sharing)])
        let width = Terminal.outputColumns ?? 100
        return """
            \(PlanSummary(dataset, configuration, forecast).text)

            \(drawing(of: tree, tree: 0, width: width))

            """
    }
}
