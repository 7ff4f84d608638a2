internal import ArgumentParser
internal import Benchmarking
internal import Collectives
internal import Configuration
internal import Formats
internal import Preferences
internal import Reporting
internal import SystemPackage
internal import Training

extension BenchmarkSharing: ExpressibleByArgument {}

struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures the speed of training steps, with and without sharing.",
        usage:
            "espalier bench (--model DIR | --synthetic-model NAME)\n           (--data FILE | --profile NAME | --tree-tokens N |\n            --prompt-tokens N) [<options>]",
        discussion: """
            Runs one training step on the same examples several times, with each sharing mode in turn, and prints \
            seconds per step, model FLOPs utilization (mfu), pairs and tokens per second, and the speed-up over no \
            sharing. It needs one model (--model or --synthetic-model) and one source of examples (--data, --profile, \
            --tree-tokens or --prompt-tokens). Random weights and tokens take as much time as real ones.

              mpirun -np 2 --bind-to none espalier bench \\
                  --synthetic-model 135m --profile all
              espalier bench --synthetic-model 135m --prompt-tokens 4096 8192 --responses 4 8 \\
                  --sharing none --sharing pairs --sharing prefix --global-batch-size 1
            """
    )

    @Option(name: .long, help: "Hugging Face model directory.")
    var model: String?

    @Option(
        name: .long,
        help: "Model with random weights, as SmolLM2 (135m, 360m), TinyLlama (1b) or the named model."
    )
    var syntheticModel: String?

    @Option(name: .long, help: "Compute only this number of layers of a model with random weights (default all).")
    var layers: Int?

    @Option(name: .long, help: "Preference data written by espalier-prepare; the examples of its first step are used.")
    var data: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Random tokens with the lengths of a dataset, truncated to the model's maximum: "
                + (LengthProfile.all.map(\.name) + ["all"]).joined(separator: ", ") + ". Repeatable.",
            valueName: "name"
        )
    )
    var profile: [String] = []

    @Option(
        name: .long,
        help: "Random tokens in trees of this size, half of it in the prompt."
    )
    var treeTokens: Int?

    @Option(
        name: .long,
        parsing: .upToNextOption,
        help: "Random tokens after a prompt of this length; several numbers are measured in turn."
    )
    var promptTokens: [Int] = []

    @Option(name: .long, help: "Tokens of each response of --prompt-tokens (default 256).")
    var responseTokens: Int?

    @Option(
        name: .long,
        help: "Turns of a conversation up to --prompt-tokens, each an example that extends the one before (default 1)."
    )
    var turns: Int?

    @Option(
        name: .long,
        parsing: .upToNextOption,
        help: "Responses per prompt of random tokens (default 2); several numbers are measured in turn."
    )
    var responses: [Int] = []

    @Option(
        name: .long,
        help: "Tokens before every prompt of random tokens, the same for all, as of a system message (default 0)."
    )
    var sharedPrefix: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Tokens that are computed once: none, prompt, prefix, any, as for train, or pairs: the prompt of each "
                + "pair, with ranked responses as separate pairs. Repeatable (default none and any)."
        )
    )
    var sharing: [BenchmarkSharing] = []

    @Option(name: .long, help: "Pairs of ranked responses in the loss, and of --sharing pairs (default best-vs-rest).")
    var pairs: Pairing?

    @Option(name: .long, help: "Examples per step, over all ranks.")
    var globalBatchSize = 16

    @Option(name: .long, help: "Timed steps for each source of examples and sharing mode.")
    var repeats = 3

    @Option(name: .customLong("warm-up"), help: "Untimed steps before the timed ones.")
    var warmUpSteps = 1

    @Option(name: .long, help: "Maximum tokens in a packed sequence (default 2048).")
    var rowTokens: Int?

    @Option(name: .long, help: "Threads per rank (default: its share of the available processors).")
    var threads: Int?

    @Option(name: .long, help: "Random seed of lengths, tokens, weights and data order (default 42).")
    var seed: UInt64?

    @Flag(
        name: [.customLong("recompute"), .customLong("gradient-checkpointing")],
        help: "Recompute activations in the backward pass."
    )
    var recomputes = false

    @Option(
        name: .long,
        help: "Type of the weights in memory; auto: float32 (default auto)."
    )
    var dtype: WeightDType?

    @Option(
        name: .long,
        help: "Operands of products with weights; auto: bfloat16 where it is faster (default float32)."
    )
    var precision: ProductPrecision?

    @OptionGroup(title: "Adapter") var newAdapter: NewAdapterOptions

    @OptionGroup var communication: CommunicationOptions

    @Flag(name: .long, help: "Also print a profile of rank 0 by phase, and write a trace for Perfetto.")
    var profilePhases = false

    @Option(name: .long, help: "Trace file of --profile-phases.")
    var trace = "trace.json"

    @Option(name: .customLong("json"), help: "JSON file for the report, which also has the parts of a step.")
    var jsonFile: String?

    func run() throws {
        let status = World.run { communicator in
            let settings = try communicator.agree {
                if communicator.rank == 0 { try checkFiles() }
                return try resolved()
            }
            let report = try Benchmark.prepare(settings, communicator: communicator).run()
            try communicator.agree {
                guard communicator.rank == 0 else { return }
                print(BenchSummary(report).text)
                try writeTrace(of: report)
                guard let jsonFile else { return }
                try AtomicFile.write(to: FilePath(jsonFile)) { try $0.append(report.record.page) }
            }
        }
        throw ExitCode(status)
    }

    /// The files that the command reads.
    var inputFiles: CommandFiles {
        var files = CommandFiles()
        model.map { files.read(modelIn: FilePath($0), as: "--model") }
        data.map { files.read(FilePath($0), as: "--data") }
        return files
    }

    private func checkFiles() throws {
        var files = inputFiles
        for (file, name) in [(jsonFile, "--json"), (profilePhases ? trace : nil, "--trace")] {
            file.map { files.write(result: FilePath($0), as: name) }
        }
        try files.check()
        for file in [jsonFile, profilePhases ? trace : nil] {
            try file.map { try AtomicFile.checkWritable(FilePath($0)) }
        }
    }

    private func writeTrace(of report: BenchmarkReport) throws {
        let profiles = report.results.compactMap { result in
            result.profile.map { (name: "\(result.source.label) \(result.sharing.rawValue)", profile: $0.steps) }
        }
        guard !profiles.isEmpty else { return }
        try StepProfile.writeTrace(of: profiles, to: FilePath(trace))
    }

    // MARK: Settings

    /// The settings, with all names resolved.
    func resolved() throws -> Benchmark.Settings {
        var training = TrainingConfiguration()
        training.globalBatchSize = globalBatchSize
        training.gradientCheckpointing = recomputes
        pairs.map { training.pairs = $0 }
        newAdapter.override(&training.adapter)
        dtype.map { training.dtype = $0 }
        precision.map { training.precision = $0 }
        communication.override(&training.communication)
        rowTokens.map { training.rowTokens = $0 }
        threads.map { training.threads = $0 }
        seed.map { training.seed = $0 }
        return Benchmark.Settings(
            model: try benchmarkModel(),
            sources: try sources(),
            sharedPrefix: sharedPrefix ?? 0,
            sharing: sharing.isEmpty ? [.none, .any] : unique(sharing),
            repeats: repeats,
            warmUpSteps: warmUpSteps,
            profilesPhases: profilePhases,
            training: training
        )
    }

    private func benchmarkModel() throws -> BenchmarkModel {
        try requireOne(of: [("--model", model != nil), ("--synthetic-model", syntheticModel != nil)])
        guard let syntheticModel else {
            try layers.map { try refuse("--layers", $0, "with --model") }
            return .directory(FilePath(model ?? ""))
        }
        guard let synthetic = SyntheticModel(rawValue: syntheticModel) else {
            throw unknown(syntheticModel, "--synthetic-model", among: SyntheticModel.allCases.map(\.rawValue))
        }
        return .synthetic(synthetic, layers: layers)
    }

    private func sources() throws -> [BenchmarkSource] {
        try requireOne(
            of: [
                ("--data", data != nil), ("--profile", !profile.isEmpty), ("--tree-tokens", treeTokens != nil),
                ("--prompt-tokens", !promptTokens.isEmpty),
            ]
        )
        if let data {
            let found = responses.map(String.init).joined(separator: " ")
            if !responses.isEmpty { try refuse("--responses", found, "with --data") }
            try sharedPrefix.map { try refuse("--shared-prefix", $0, "with --data") }
            return [.file(FilePath(data))]
        }
        let responses = responses.isEmpty ? [2] : unique(responses)
        guard promptTokens.isEmpty else {
            try sharedPrefix.map { try refuse("--shared-prefix", $0, "with --prompt-tokens") }
            return try conversations(responses)
        }
        for (name, value) in [("--response-tokens", responseTokens), ("--turns", turns)] {
            try value.map { try refuse(name, $0, "without --prompt-tokens") }
        }
        if let treeTokens { return responses.map { .uniform(treeTokens: treeTokens, responses: $0) } }
        let profiles = unique(try profile.flatMap(profiles))
        return profiles.flatMap { profile in responses.map { .profile(profile, responses: $0) } }
    }

    /// The conversations of each length, each with each number of responses.
    private func conversations(_ responses: [Int]) throws -> [BenchmarkSource] {
        let (turns, responseTokens) = (turns ?? 1, responseTokens ?? 256)
        let most = 1 << 20
        try check("--turns", (1...most).contains(turns), "from 1 to 2^20", turns)
        try check("--response-tokens", (1...most).contains(responseTokens), "from 1 to 2^20", responseTokens)
        let least = ConversationLengths.leastPromptTokens(turns: turns, responseTokens: responseTokens)
        for tokens in promptTokens {
            let expected = "from \(least)\(turns > 1 ? ", a response and a token for each turn," : "") to 2^24"
            try check("--prompt-tokens", tokens >= least && tokens <= 1 << 24, expected, tokens)
        }
        for count in responses { try check("--responses", (2...1024).contains(count), "from 2 to 1024", count) }
        return unique(promptTokens).flatMap { tokens in
            responses.map { count in
                .conversation(
                    ConversationLengths(
                        turns: turns,
                        promptTokens: tokens,
                        responses: count,
                        responseTokens: responseTokens
                    )
                )
            }
        }
    }

    private func refuse(_ option: String, _ found: some Any, _ when: String) throws {
        throw TrainingError.invalid(key: option, expected: "omitted \(when)", found: "\(found)")
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

    private func unique<Element: Equatable>(_ elements: [Element]) -> [Element] {
        elements.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }
}
