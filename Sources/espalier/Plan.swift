internal import ArgumentParser
internal import Collectives
internal import Formats
internal import Preferences
internal import SystemPackage
internal import Training

struct Plan: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows what a run will compute, without running it.",
        discussion: """
            Lengths, what each way of sharing computes, packed rows and their fill, each rank's cost and memory, and \
            the tree of one row of the data. Reads the model's configuration, not its weights.
            """
    )

    @OptionGroup var shared: SharedOptions

    @OptionGroup var course: CourseOptions

    @OptionGroup var evaluation: EvaluationOptions

    @Option(name: .long, help: "The ranks to plan for (default: those that run this, 1 without mpirun).")
    var ranks: Int?

    @Option(name: .customLong("row"), help: "The row of the data whose tree is drawn (default 0).")
    var drawnRow = 0

    func run() throws {
        let status = World.run { communicator in
            try communicator.agree {
                guard communicator.rank == 0 else { return }
                print(try page(ranks: ranks ?? communicator.size, communicator), terminator: "")
            }
        }
        throw ExitCode(status)
    }

    private func page(ranks: Int, _ communicator: any Communicator) throws -> String {
        var configuration = try shared.resolved()
        course.override(&configuration)
        evaluation.override(&configuration.evaluation)
        try configuration.validate()
        let directory = FilePath(configuration.model)
        let model = try ModelConfiguration(directory: directory)
        let path = FilePath(configuration.data)
        let dataset = try PreferenceDataset(path: path)
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
        guard (0..<dataset.count).contains(drawnRow) else {
            throw TrainingError.invalid(key: "--row", expected: "from 0 to \(dataset.count - 1)", found: "\(drawnRow)")
        }
        let heldOut = try configuration.heldOutData(for: model)
        let forecast = try RunForecast(
            dataset,
            heldOut: heldOut,
            configuration,
            model: model,
            ranks: ranks,
            threads: threadCount(configuration.threads, on: communicator)
        )
        let tree = PackedRow([TokenTree(dataset, row: drawnRow, sharing: configuration.sharing)])
        let width = Terminal.outputColumns ?? 100
        return """
            \(PlanPage(dataset, configuration, forecast).text)

            \(drawing(of: tree, tree: 0, width: width))

            """
    }
}
