internal import ArgumentParser
internal import Benchmarking
internal import Collectives
internal import Formats
internal import Preferences
internal import Reporting
internal import SystemPackage
internal import Training

extension BenchmarkSharing: ExpressibleByArgument {}

struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures training steps, with and without sharing.",
        discussion: """
            Takes the rows of one step and trains on them again and again, with each way of sharing in turn, after one \
            step that is not timed. Nothing is written but the report. Needs neither model nor data: random \
            weights and random tokens cost what real ones do.

              mpirun -np 2 --bind-to none espalier bench --synthetic-model 135m --profile all
            """
    )

    @Option(name: .long, help: "A Hugging Face model directory.")
    var model: String?

    @Option(name: .long, help: "Random weights instead: 135m, 360m (as SmolLM2) or 1b (as TinyLlama).")
    var syntheticModel: String?

    @Option(name: .long, help: "Preferences that espalier-prepare wrote; their first step is measured.")
    var data: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Random tokens with a dataset's lengths, cut at what the model takes: "
                + (LengthProfile.all.map(\.name) + ["all"]).joined(separator: ", ") + ". Repeatable.",
            valueName: "name"
        )
    )
    var profile: [String] = []

    @Option(name: .long, help: "Random tokens in trees of exactly so many tokens, half of them in the prompt.")
    var treeTokens: Int?

    @Option(
        name: .long,
        parsing: .upToNextOption,
        help: "Responses to a prompt of random tokens (default 2); several numbers make as many measurements."
    )
    var responses: [Int] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Which common tokens are computed once: none, prompt, prefix, or pairs, where each pair is a row of its own. "
                + "Repeatable (default none and prefix)."
        )
    )
    var sharing: [BenchmarkSharing] = []

    @Option(name: .long, help: "Preference rows of a step over all ranks.")
    var globalBatchSize = 16

    @Option(name: .long, help: "Timed steps of each source and way of sharing.")
    var repeats = 3

    @Option(name: .customLong("warm-up"), help: "Steps before those that are timed.")
    var warmUpSteps = 1

    @Option(name: .long, help: "The most tokens in a packed row (default 2048).")
    var rowTokens: Int?

    @Option(name: .long, help: "Threads of a rank (default: its share of the processors).")
    var threads: Int?

    @Option(name: .long, help: "Keys lengths, tokens, weights and the order of the data (default 42).")
    var seed: UInt64?

    @Flag(
        name: [.customLong("recompute"), .customLong("gradient-checkpointing")],
        help: "Keeps the layers' inputs alone and makes the rest again."
    )
    var recomputes = false

    @OptionGroup var communication: CommunicationOptions

    @Flag(name: .long, help: "Also prints where the time of rank 0 goes, and writes a trace for Perfetto.")
    var profilePhases = false

    @Option(name: .long, help: "The trace that --profile-phases writes.")
    var trace = "trace.json"

    @Option(name: .customLong("json"), help: "A JSON file for the report, which also has the parts of a step.")
    var jsonFile: String?

    func run() throws {
        let status = World.run { communicator in
            let settings = try communicator.agree {
                for file in [jsonFile, profilePhases ? trace : nil] where communicator.rank == 0 {
                    try file.map { try AtomicFile.checkWritable(FilePath($0)) }
                }
                return try resolved()
            }
            let report = try Benchmark.prepare(settings, communicator: communicator).run()
            try communicator.agree {
                guard communicator.rank == 0 else { return }
                print(BenchPage(report).text)
                try writeTrace(of: report)
                guard let jsonFile else { return }
                try AtomicFile.write(to: FilePath(jsonFile)) { try $0.append(report.record.page) }
            }
        }
        throw ExitCode(status)
    }

    private func writeTrace(of report: BenchmarkReport) throws {
        let profiles = report.results.compactMap { result in
            result.profile.map { (name: "\(result.source.label) \(result.sharing.rawValue)", profile: $0.steps) }
        }
        guard !profiles.isEmpty else { return }
        try StepProfile.writeTrace(of: profiles, to: FilePath(trace))
    }

    // MARK: Settings

    /// The settings, of which each word is known.
    func resolved() throws -> Benchmark.Settings {
        var training = TrainingConfiguration()
        training.globalBatchSize = globalBatchSize
        training.gradientCheckpointing = recomputes
        communication.override(&training.communication)
        rowTokens.map { training.rowTokens = $0 }
        threads.map { training.threads = $0 }
        seed.map { training.seed = $0 }
        return Benchmark.Settings(
            model: try benchmarkModel(),
            sources: try sources(),
            sharing: sharing.isEmpty ? [.none, .prefix] : eachOnce(sharing),
            repeats: repeats,
            warmUpSteps: warmUpSteps,
            profilesPhases: profilePhases,
            training: training
        )
    }

    private func benchmarkModel() throws -> BenchmarkModel {
        try requireOne(of: [("--model", model != nil), ("--synthetic-model", syntheticModel != nil)])
        guard let syntheticModel else { return .directory(FilePath(model ?? "")) }
        guard let synthetic = SyntheticModel(rawValue: syntheticModel) else {
            throw unknown(syntheticModel, "--synthetic-model", among: SyntheticModel.allCases.map(\.rawValue))
        }
        return .synthetic(synthetic)
    }

    private func sources() throws -> [BenchmarkSource] {
        try requireOne(
            of: [("--data", data != nil), ("--profile", !profile.isEmpty), ("--tree-tokens", treeTokens != nil)]
        )
        if let data {
            guard responses.isEmpty else {
                let found = responses.map(String.init).joined(separator: " ")
                throw TrainingError.invalid(key: "--responses", expected: "left out with --data", found: found)
            }
            return [.file(FilePath(data))]
        }
        let responses = responses.isEmpty ? [2] : eachOnce(responses)
        if let treeTokens { return responses.map { .uniform(treeTokens: treeTokens, responses: $0) } }
        let profiles = eachOnce(try profile.flatMap(profiles))
        return profiles.flatMap { profile in responses.map { .profile(profile, responses: $0) } }
    }

    private func profiles(named name: String) throws -> [LengthProfile] {
        if name == "all" { return LengthProfile.all }
        guard let profile = LengthProfile.named(name) else {
            throw unknown(name, "--profile", among: LengthProfile.all.map(\.name) + ["all"])
        }
        return [profile]
    }

    private func requireOne(of options: [(name: String, isGiven: Bool)]) throws {
        let given = options.filter(\.isGiven).map(\.name)
        guard given.count == 1 else { throw TrainingError.notOne(of: options.map(\.name), found: given) }
    }

    private func unknown(_ name: String, _ option: String, among known: [String]) -> TrainingError {
        let hint = nearest(to: name, among: known).map { "; did you mean \($0)?" } ?? ""
        let expected = "one of \(known.joined(separator: ", "))"
        return TrainingError.invalid(key: option, expected: expected, found: name + hint)
    }

    private func eachOnce<Element: Equatable>(_ elements: [Element]) -> [Element] {
        elements.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }
}
