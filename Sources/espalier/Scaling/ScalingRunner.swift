internal import Formats
internal import Foundation
internal import Glibc
internal import Reporting
internal import ScalingStudy
internal import SystemPackage

/// Runs `espalier bench` on several numbers of ranks, alternately.
struct ScalingRunner {
    let launcher: RankLauncher
    /// The options of bench.
    let benchOptions: [String]
    let mode: ScalingStudy.Mode
    let rows: Int
    let steps: Int
    let warmUpSteps: Int
    /// The report that rank 0 writes, in the working directory, which the hosts of a cluster share, unlike /tmp.
    private let report = FilePath(FileManager.default.currentDirectoryPath)
        .appending(".espalier-scaling-\(getpid()).json")

    init(
        launcher: RankLauncher,
        benchOptions: [String],
        mode: ScalingStudy.Mode,
        rows: Int,
        steps: Int,
        warmUpSteps: Int
    ) throws {
        (self.launcher, self.benchOptions, self.mode) = (launcher, benchOptions, mode)
        (self.rows, self.steps, self.warmUpSteps) = (rows, steps, warmUpSteps)
        try AtomicFile.checkWritable(report)
    }

    /// Runs the study; calls `save` after each run with the study so far.
    ///
    /// Every other turn goes from many ranks to few, so that drift of the machine's speed does not favor either.
    func run(_ ranks: [Int], repeats: Int, save: (ScalingStudy) throws -> Void) throws -> ScalingStudy {
        let progress = ProgressLine(title: "scaling", rank: 0)
        let order = (1...repeats).flatMap { turn in
            (turn % 2 == 1 ? ranks : ranks.reversed()).map { (ranks: $0, turn: turn) }
        }
        var study: ScalingStudy?
        for (done, next) in order.enumerated() {
            let (subject, run) = try measure(ranks: next.ranks, turn: next.turn)
            var grown = study ?? ScalingStudy(mode: mode, rows: rows, subject: subject, runs: [])
            grown.add(run)
            try save(grown)
            study = grown
            let seconds = rounded(run.median(\.seconds), 3)
            let rank = next.ranks == 1 ? "rank" : "ranks"
            progress.show(
                Double(done + 1) / Double(order.count),
                details: "\(next.ranks) \(rank), turn \(next.turn)/\(repeats)  \(seconds) s per step"
            )
        }
        progress.finish()
        guard let study else { preconditionFailure("at least one number of ranks and one turn") }
        return study
    }

    private func measure(ranks: Int, turn: Int) throws -> (subject: ScalingStudy.Subject, run: ScalingRun) {
        let errors = FilePath(report.string + ".errors")
        defer { for file in [report, errors] { unlink(file.string) } }
        let command = try launcher.command(
            program: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"),
            arguments: ["bench"] + benchOptions + [
                "--global-batch-size", "\(ScalingStudy.rows(rows, mode: mode, ranks: ranks))",
                "--repeats", "\(steps)", "--warm-up", "\(warmUpSteps)", "--json", report.string,
            ],
            isRoot: getuid() == 0,
            ranks: ranks
        )
        let status = try command.run(errors: errors)
        guard status == 0 else { throw ScalingRunFailure(command: command, status: status, errors: errors) }
        return try ScalingStudy.run(report: report, turn: turn)
    }
}

/// A run of a study ended with an error.
private struct ScalingRunFailure: Error, CustomStringConvertible {
    let description: String

    init(command: ShellCommand, status: Int32, errors: FilePath) {
        let text = (try? String(contentsOfFile: errors.string, encoding: .utf8)) ?? ""
        let lines = text.split(separator: "\n").map(String.init)
        let prefix = "error: "
        // The error that espalier reported, else the last line.
        let own = lines.first { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
        let reason = own ?? lines.last ?? "exit code \(status) without a message"
        description = "\(reason)\nthe failed run:\n\(command.text)"
    }
}
