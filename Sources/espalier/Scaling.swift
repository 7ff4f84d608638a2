internal import ArgumentParser
internal import Benchmarking
internal import Collectives
internal import Formats
internal import Foundation
internal import Reporting
internal import ScalingStudy
internal import SystemPackage
internal import Training

extension ScalingStudy.Mode: ExpressibleByArgument {}

struct Scaling: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs bench on several numbers of ranks, and tells and foretells how it scales.",
        discussion: """
            Starts mpirun for each number of ranks, in turns. What to measure is said in bench's words: one model, one \
            source of rows, one way of sharing (default prefix). The JSON file keeps what was measured: --from draws and \
            foretells anew without running.

              espalier scaling --ranks 1,2,4 --mode strong --synthetic-model 135m --profile hh-rlhf --html page.html
              espalier scaling --from study.json --predict 1024 --network 10gbe
            """
    )

    @Option(name: .long, help: "Numbers of ranks, with commas between them.")
    var ranks: String?

    @Option(name: .long, help: "weak (default): a rank's rows stay the same; strong: a step's.")
    var mode = ScalingStudy.Mode.weak

    @Option(name: .long, help: "Preference rows of a rank (weak) or of a step (strong).")
    var rows = 8

    @Option(name: .long, help: "Runs of each number of ranks.")
    var repeats = 3

    @Option(name: .long, help: "Timed steps of a run.")
    var steps = 20

    @Option(name: .customLong("warm-up"), help: "Steps of a run before those.")
    var warmUpSteps = 3

    @Option(name: .long, help: "Threads of a rank (default: its share of this host with the most ranks).")
    var threads: Int?

    @Option(name: .long, help: "Starts the ranks on a cluster, as launch does (default: on this host).")
    var cluster: String?

    @Option(name: .customLong("from"), help: "A study that --json wrote: nothing is run.")
    var source: String?

    @OptionGroup var forecast: ForecastOptions

    @Option(name: .customLong("csv"), help: "A file for the figures, comma-separated.")
    var csvFile: String?

    @Option(name: .customLong("json"), help: "A file for the figures and all that was measured.")
    var jsonFile: String?

    @Option(name: .customLong("html"), help: "A file for the figures with plots, a page that needs no other.")
    var htmlFile: String?

    @Option(name: .long, help: ArgumentHelp("Where /sys and /proc are read.", visibility: .hidden))
    var systemRoot = "/"

    @Argument(parsing: .allUnrecognized, help: "What to measure, in bench's words.")
    var words: [String] = []

    func run() throws {
        let status = World.run { _ in
            guard !World.isLaunched else {
                throw TrainingError.invalid(key: "scaling", expected: "started alone", found: "a rank of MPI")
            }
            for file in [csvFile, jsonFile, htmlFile] { try file.map { try AtomicFile.checkWritable(FilePath($0)) } }
            let (question, other) = (try forecast.question(), try forecast.otherStudy())
            let study = try measuredStudy()
            let foretold = try question.map { try answer($0, from: study) }
            try write(ScalingReport(study, forecast: foretold, validating: other))
        }
        throw ExitCode(status)
    }

    private func answer(_ question: ScalingForecast.Question, from study: ScalingStudy) throws -> ScalingForecast {
        if let forecast = ScalingForecast.compute(study, question) { return forecast }
        let expected = "a network, since no run had two ranks"
        throw TrainingError.invalid(key: "--network", expected: expected, found: "measured")
    }

    // MARK: Output

    private func write(_ report: ScalingReport) throws {
        print(ScalingPage(report).text)
        func put(_ text: @autoclosure () -> String, into file: String?) throws {
            guard let file else { return }
            let text = text()
            try AtomicFile.write(to: FilePath(file)) { try $0.append(text) }
        }
        try put(report.record.page, into: jsonFile)
        try put(report.csv, into: csvFile)
        try put(ScalingWebPage(report).text, into: htmlFile)
    }

    // MARK: The study

    private func measuredStudy() throws -> ScalingStudy {
        if let source {
            guard ranks == nil, words.isEmpty else {
                let found = ranks.map { "--ranks \($0)" } ?? words.joined(separator: " ")
                throw TrainingError.invalid(key: "--from", expected: "given without anything to run", found: found)
            }
            return try ScalingStudy(path: FilePath(source))
        }
        let counts = try rankCounts()
        let runner = try ScalingRunner(
            launcher: try launcher(most: counts[counts.count - 1]),
            words: try checkedWords(),
            mode: mode,
            rows: rows,
            steps: steps,
            warmUpSteps: warmUpSteps
        )
        return try runner.run(counts, repeats: repeats) { study in
            // After every run, so that a long study is not lost with its last.
            guard let jsonFile else { return }
            let record = ScalingReport(study, forecast: nil, validating: nil).record
            try AtomicFile.write(to: FilePath(jsonFile)) { try $0.append(record.page) }
        }
    }

    private func launcher(most: Int) throws -> RankLauncher {
        let root = FilePath(systemRoot)
        guard let cluster else { return try RankLauncher(ranks: most, threads: threads, root: root) }
        try check("--threads", threads == nil, "left out, since \(cluster) decides it", threads ?? 0)
        let variables = ProcessInfo.processInfo.environment
        let launcher = try RankLauncher(FilePath(cluster), root: root, variables: variables)
        let room = try launcher.capacity ?? most
        try check("--ranks", most <= room, "at most \(room), for which \(cluster) has room", most)
        return launcher
    }

    /// The numbers of ranks, ascending.
    private func rankCounts() throws -> [Int] {
        let range = 1...1 << 16
        let numbers = (ranks ?? "").split(separator: ",", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
        let expected = "numbers from 1 to 65536 with commas between them, as in 1,2,4"
        try check("--ranks", numbers.allSatisfy(range.contains), expected, ranks ?? "nothing")
        try check("--ranks", Set(numbers).count == numbers.count, "each number once", ranks ?? "")
        try check("--rows", (1...1 << 20).contains(rows), "from 1 to 2^20", rows)
        let most = numbers.max() ?? 1
        let isEnough = ScalingStudy.rows(rows, mode: mode, ranks: most) >= most
        try check("--rows", isEnough, "at least \(most) with --mode strong, one for each rank", rows)
        try check("--repeats", (1...1000).contains(repeats), "from 1 to 1000", repeats)
        try check("--steps", (1...1000).contains(steps), "from 1 to 1000", steps)
        try check("--warm-up", (1...1000).contains(warmUpSteps), "from 1 to 1000", warmUpSteps)
        try check("--threads", (1...1024).contains(threads ?? 1), "from 1 to 1024", threads ?? 1)
        return numbers.sorted()
    }

    /// Bench's words, which it would take, and which measure one thing.
    private func checkedWords() throws -> [String] {
        for option in ["--global-batch-size", "--profile-phases", "--trace"] {
            let isGiven = words.contains { $0 == option || $0.hasPrefix(option + "=") }
            try check(option, !isGiven, "left out, since --rows and --mode decide what a run measures", "it")
        }
        let bench = try Bench.parse(words)
        let settings = try bench.resolved()
        let given = bench.sharing.isEmpty ? 1 : settings.sharing.count
        try check("what to measure", settings.sources.count == 1, "one source of rows", "\(settings.sources.count)")
        try check("--sharing", given == 1, "one way of sharing", bench.sharing.map(\.rawValue).joined(separator: " "))
        return words + (bench.sharing.isEmpty ? ["--sharing", "prefix"] : [])
    }
}

/// Demands that an option is as expected.
///
/// - Throws: `TrainingError.invalid` where it is not.
func check(_ key: String, _ isValid: Bool, _ expected: String, _ found: some Any) throws {
    guard isValid else { throw TrainingError.invalid(key: key, expected: expected, found: "\(found)") }
}
