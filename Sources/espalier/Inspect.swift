internal import ArgumentParser
internal import Collectives
internal import Configuration
internal import Foundation
internal import SystemPackage
internal import Training
internal import Transformer

struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Describes a model directory, and names everything in it that is not supported.",
        usage: "espalier inspect MODEL [<options>]",
        discussion: """
            Prints the family, the features and sizes that its configuration describes, the files, and the memory of a \
            rank in training and in scoring. Reads config.json and the headers of the weights; damaged or non-finite \
            weights are found only when a run reads them. ✗ is a reason for which the model is refused, → its remedy, \
            ! a setting that is not applied. Exits with code 1 if the model is refused.

              espalier inspect MODEL --ranks 2 --row-tokens 4096
            """
    )

    @Argument(help: "Hugging Face model directory.")
    var model: String

    @Option(name: .long, help: "Number of ranks that train.")
    var ranks = 1

    @Option(name: .long, help: "Threads per rank, 0 for the available processors.")
    var threads = 0

    @Option(name: .long, help: "Tokens in the largest packed sequence, as in train.")
    var rowTokens = TrainingConfiguration().rowTokens

    @Flag(
        name: [.customLong("gradient-checkpointing"), .customLong("recompute")],
        help: "Predict the memory of training that recomputes activations."
    )
    var recomputes = false

    @Flag(name: .long, help: "Print the same as one JSON object.")
    var json = false

    func run() throws {
        var isRefused = false
        let status = World.run { communicator in
            isRefused = try communicator.agree {
                let report = try report(communicator)
                if communicator.rank == 0 { print(json ? try report.json : InspectSummary(report).text) }
                return !report.problems.isEmpty
            }
        }
        throw ExitCode(status == 0 && isRefused ? ExitStatus.failed : status)
    }

    private func report(_ communicator: any Communicator) throws -> InspectReport {
        for (option, value, range) in [
            ("--ranks", ranks, 1...1 << 20), ("--threads", threads, 0...1024), ("--row-tokens", rowTokens, 1...1 << 24),
        ] where !range.contains(value) {
            let expected = "from \(range.lowerBound) to \(range.upperBound)"
            throw TrainingError.invalid(key: option, expected: expected, found: "\(value)")
        }
        let directory = FilePath(model)
        return try InspectReport(
            ModelInspection.read(directory: directory),
            directory: directory,
            InspectReport.Run(
                ranks: ranks,
                threads: threadCount(threads, on: communicator),
                rowTokens: rowTokens,
                recomputes: recomputes
            )
        )
    }
}
