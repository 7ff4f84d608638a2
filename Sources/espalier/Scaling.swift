internal import ArgumentParser
internal import Benchmarking
internal import Collectives
internal import Configuration
internal import Formats
internal import Foundation
internal import Reporting
internal import ScalingStudy
internal import SystemPackage

extension ScalingStudy.Mode: ExpressibleByArgument {}

struct Scaling: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures how training scales over ranks, and predicts it for more nodes.",
        usage: "espalier scaling (--ranks N,... | --from FILE) [<options>] [<options of bench>]",
        discussion: """
            Runs bench under mpirun on each number of ranks, alternately, and prints speed-up, efficiency and the parts \
            of a step, as tables, CSV, JSON and a web page with plots. Options that are not listed here are passed to \
            bench: one model, one data source, and one sharing mode (default any). The JSON file contains all \
            measurements: --from reads it to print, plot and predict again without running.

              espalier scaling --ranks 1,2,4 --synthetic-model 135m \\
                  --profile hh-rlhf --json study.json
              espalier scaling --from study.json --predict 1024 --network 10gbe
            """
    )

    @Option(name: .long, help: "Numbers of ranks, comma-separated, as in 1,2,4.")
    var ranks: String?

    @Option(name: .long, help: "weak, examples per rank are constant, or strong, examples per step are.")
    var mode = ScalingStudy.Mode.weak

    @Option(name: .long, help: "Examples per rank (weak) or per step (strong).")
    var rows = 8

    @Option(name: .long, help: "Runs per number of ranks.")
    var repeats = 3

    @Option(name: .long, help: "Timed steps per run.")
    var steps = 20

    @Option(name: .customLong("warm-up"), help: "Untimed steps before the timed ones.")
    var warmUpSteps = 3

    @Option(name: .long, help: "Threads per rank (default: the processors of this host over the most ranks).")
    var threads: Int?

    @Option(name: .long, help: "Cluster configuration to start ranks on, as for launch (default: this host).")
    var cluster: String?

    @Option(name: .customLong("from"), help: "JSON file of an earlier study to read, instead of running.")
    var source: String?

    @OptionGroup var forecast: ForecastOptions

    @Option(name: .customLong("csv"), help: "CSV file for the results.")
    var csvFile: String?

    @Option(name: .customLong("json"), help: "JSON file for the results and all measurements.")
    var jsonFile: String?

    @Option(name: .customLong("html"), help: "HTML file for the results with plots, a single self-contained page.")
    var htmlFile: String?

    @Option(name: .long, help: ArgumentHelp("Root of the /sys and /proc that are read.", visibility: .hidden))
    var systemRoot = "/"

    @Argument(parsing: .allUnrecognized, help: "Options of bench: model, data source, sharing mode and others.")
    var benchOptions: [String] = []

    func run() throws {
        let status = World.run { _ in
            guard !World.isLaunched else {
                throw TrainingError.invalid(key: "scaling", expected: "started alone", found: "a rank of MPI")
            }
            try checkFiles()
            let (question, other) = (try forecast.question(), try forecast.otherStudy())
            let study = try measuredStudy()
            let prediction = try question.map { try answer($0, from: study) }
            try write(ScalingReport(study, forecast: prediction, validating: other))
        }
        throw ExitCode(status)
    }

    private func answer(_ question: ScalingForecast.Question, from study: ScalingStudy) throws -> ScalingForecast {
        if let forecast = ScalingForecast.compute(study, question) { return forecast }
        let expected = "a network, since no run has two ranks"
        throw TrainingError.invalid(key: "--network", expected: expected, found: "measured")
    }

    /// Checks that the files of the results can be written, and are not those that the command reads.
    private func checkFiles() throws {
        var files = (try? Bench.parse(benchOptions))?.inputFiles ?? CommandFiles()
        for (file, name) in [(source, "--from"), (forecast.validate, "--validate"), (cluster, "--cluster")] {
            file.map { files.read(FilePath($0), as: name) }
        }
        for (file, name) in [(csvFile, "--csv"), (jsonFile, "--json"), (htmlFile, "--html")] {
            file.map { files.write(result: FilePath($0), as: name) }
        }
        try files.check()
        for file in [csvFile, jsonFile, htmlFile] { try file.map { try AtomicFile.checkWritable(FilePath($0)) } }
    }

    // MARK: Output

    private func write(_ report: ScalingReport) throws {
        print(ScalingSummary(report).text)
        func put(_ text: @autoclosure () -> String, into file: String?) throws {
            guard let file else { return }
            let text = text()
            try AtomicFile.write(to: FilePath(file)) { try $0.append(text) }
        }
        try put(report.record.page, into: jsonFile)
        try put(report.csv, into: csvFile)
        try put(ScalingHTML(report).text, into: htmlFile)
    }

    // MARK: The study

    private func measuredStudy() throws -> ScalingStudy {
        if let source {
            guard ranks == nil, benchOptions.isEmpty else {
                let found = ranks.map { "--ranks \($0)" } ?? benchOptions.joined(separator: " ")
                throw TrainingError.invalid(key: "--from", expected: "given without options of a run", found: found)
            }
            return try ScalingStudy(path: FilePath(source))
        }
        let counts = try rankCounts()
        let runner = try ScalingRunner(
            launcher: try launcher(most: counts[counts.count - 1]),
            benchOptions: try checkedBenchOptions(),
            mode: mode,
            rows: rows,
            steps: steps,
            warmUpSteps: warmUpSteps
        )
        return try runner.run(counts, repeats: repeats) { study in
            // After every run, so that the failure of the last one does not lose a long study.
            guard let jsonFile else { return }
            let record = ScalingReport(study, forecast: nil, validating: nil).record
            try AtomicFile.write(to: FilePath(jsonFile)) { try $0.append(record.page) }
        }
    }

    private func launcher(most: Int) throws -> RankLauncher {
        let root = FilePath(systemRoot)
        guard let cluster else { return try RankLauncher(ranks: most, threads: threads, root: root) }
        try check("--threads", threads == nil, "omitted, since \(cluster) sets it", threads ?? 0)
        let variables = ProcessInfo.processInfo.environment
        let launcher = try RankLauncher(FilePath(cluster), root: root, variables: variables)
        let capacity = try launcher.capacity ?? most
        try check("--ranks", most <= capacity, "at most \(capacity), the slots of \(cluster)", most)
        return launcher
    }

    /// The numbers of ranks, ascending.
    private func rankCounts() throws -> [Int] {
        let range = 1...1 << 16
        let numbers = (ranks ?? "").split(separator: ",", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
        let expected = "comma-separated numbers from 1 to 65536, as in 1,2,4"
        try check("--ranks", numbers.allSatisfy(range.contains), expected, ranks ?? "nothing")
        try check("--ranks", Set(numbers).count == numbers.count, "distinct numbers", ranks ?? "")
        try check("--rows", (1...1 << 20).contains(rows), "from 1 to 2^20", rows)
        let most = numbers.max() ?? 1
        let isEnough = ScalingStudy.rows(rows, mode: mode, ranks: most) >= most
        try check("--rows", isEnough, "at least \(most) with --mode strong, one per rank", rows)
        try check("--repeats", (1...1000).contains(repeats), "from 1 to 1000", repeats)
        try check("--steps", (1...1000).contains(steps), "from 1 to 1000", steps)
        try check("--warm-up", (1...1000).contains(warmUpSteps), "from 1 to 1000", warmUpSteps)
        try check("--threads", (1...1024).contains(threads ?? 1), "from 1 to 1024", threads ?? 1)
        return numbers.sorted()
    }

    /// The options of bench, checked that it accepts them and that they measure one configuration.
    private func checkedBenchOptions() throws -> [String] {
        for option in ["--global-batch-size", "--profile-phases", "--trace"] {
            let isGiven = benchOptions.contains { $0 == option || $0.hasPrefix(option + "=") }
            let expected = "omitted, since --rows and --mode set what a run measures"
            try check(option, !isGiven, expected, "it among the options of bench")
        }
        let bench = try ArgumentError.parse(Bench.self, benchOptions)
        let settings = try bench.resolved()
        let given = bench.sharing.isEmpty ? 1 : settings.sharing.count
        try check("the number of data sources", settings.sources.count == 1, "1", "\(settings.sources.count)")
        try check("--sharing", given == 1, "one sharing mode", bench.sharing.map(\.rawValue).joined(separator: " "))
        return benchOptions + (bench.sharing.isEmpty ? ["--sharing", "any"] : [])
    }
}

/// Checks that an option has a valid value.
///
/// - Throws: `TrainingError.invalid` if not.
func check(_ key: String, _ isValid: Bool, _ expected: String, _ found: some Any) throws {
    guard isValid else { throw TrainingError.invalid(key: key, expected: expected, found: "\(found)") }
}
