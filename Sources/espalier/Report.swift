internal import ArgumentParser
internal import Collectives
internal import Configuration
internal import Formats
internal import RunReport
internal import SystemPackage

struct Report: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Draws the metrics of one or more runs as a web page.",
        usage: "espalier report RUN [RUN ...] --output FILE",
        discussion: """
            Writes a self-contained page, without scripts, with curves of the metrics over steps, held-out evaluations, \
            times, settings and totals. Several runs are laid over each other, with the settings in which they differ. \
            A run may be in progress. train writes report.html of its own run into the output directory.

              espalier report OUT --output report.html
              espalier report OUT1 OUT2 --output comparison.html
            """
    )

    @Argument(help: "Output directory of train, or a metrics.jsonl.")
    var runs: [String]

    @Option(name: .long, help: "HTML file for the page.")
    var output: String

    func run() throws {
        let status = World.run { communicator in
            try communicator.agree {
                guard communicator.rank == 0 else { return }
                try write()
            }
        }
        throw ExitCode(status)
    }

    private func write() throws {
        let most = RunReport.mostRuns
        try check("the number of runs", runs.count <= most, "at most \(most)", runs.count)
        let (paths, file) = (runs.map { FilePath($0) }, FilePath(output))
        var files = CommandFiles()
        for path in paths {
            for input in [path] + RecordedRun.fileNames.map({ path.appending($0) }) { files.read(input, as: "RUN") }
        }
        files.write(result: file, as: "--output")
        try files.check()
        let report = RunReport(try RecordedRun.read(paths))
        try AtomicFile.write(to: file) { try $0.append(report.html) }
    }
}
