internal import ArgumentParser
internal import Collectives
internal import Configuration
internal import Formats
internal import Generation
internal import Preferences
internal import Reporting
internal import SystemPackage
internal import Tokenization
internal import Training
internal import Transformer

struct Generate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Continues prompts with a model.",
        usage: "espalier generate --model DIR (--prompt TEXT … | --data FILE) [<options>]",
        discussion: """
            Prints each prompt with its continuation. --prompt is encoded as it is, without a chat template; prompts of \
            --data have the template that espalier-prepare applied. Without --temperature the tokens are those of \
            transformers' greedy search. Runs as one process.

              espalier generate --model OUT --prompt "The capital of France is"
              espalier generate --model OUT --data heldout.safetensors --examples 0 7
            """
    )

    @Option(name: .long, help: "Hugging Face model directory: config.json, *.safetensors and tokenizer.json.")
    var model: String?

    @OptionGroup var adapter: StoredAdapterOptions

    @Option(name: .long, help: "Text to continue; may be repeated.")
    var prompt: [String] = []

    @Option(name: .long, help: "Data whose prompts to continue, a safetensors file written by espalier-prepare.")
    var data: String?

    @Option(name: .long, parsing: .upToNextOption, help: "Numbers of the examples of --data, from 0 (default: 0 1 2).")
    var examples: [Int] = []

    @OptionGroup var sampling: SamplingOptions

    @Option(name: .long, help: "Type of the weights in memory; auto: that of the files (default auto).")
    var dtype: WeightDType?

    @Option(
        name: .long,
        help: "Operands of products with weights; auto: bfloat16 where it is faster (default float32)."
    )
    var precision: ProductPrecision?

    @Option(name: .long, help: "Threads, 0 for the available processors (default 0).")
    var threads: Int?

    @Option(name: .long, help: "File to write in place of standard output: a JSON line for each prompt.")
    var output: String?

    func run() throws {
        let status = World.run { communicator in
            try communicator.agree {
                guard communicator.size == 1 else {
                    throw TrainingError.invalid(key: "ranks of generate", expected: "1", found: "\(communicator.size)")
                }
                try generate(communicator)
            }
        }
        throw ExitCode(status)
    }

    private func generate(_ communicator: any Communicator) throws {
        let settings = try sampling.resolved()
        let configuration = try resolved()
        let directory = FilePath(configuration.model)
        let policy = try Policy.read(
            configuration,
            directory: directory,
            adapter: configuration.adapterSource,
            trains: false,
            communicator: communicator
        )
        policy.reportIgnoredFiles(rank: 0)
        let tokenizer = try Tokenizer(directory: directory)
        let prompts = try prompts(policy.architecture, tokenizer, directory)
        _ = try policy.chooseProducts(configuration.precision, communicator: communicator)
        let ends = try EndTokens.read(directory: directory)
        let generator = try Generator(policy, prompts, count: sampling.maxNewTokens)
        var lines = ""
        for (index, prompt) in prompts.enumerated() {
            var sampler = TokenSampler(settings, seed: sampling.seed, stream: UInt64(index))
            let tokens = generator.tokens(after: prompt, count: sampling.maxNewTokens, ends: ends, sampler: &sampler)
            let (before, after) = (tokenizer.decode(prompt), tokenizer.decode(tokens))
            guard output != nil else {
                print("prompt: \(before)\ncontinuation: \(after)\n")
                continue
            }
            var record = MetricsRecord()
            record.add("prompt", before)
            record.add("completion", after)
            record.add("prompt_ids", numbers: prompt.map(Int.init))
            record.add("completion_ids", numbers: tokens.map(Int.init))
            lines += record.line + "\n"
        }
        try output.map { path in try AtomicFile.write(to: FilePath(path)) { try $0.append(lines) } }
    }

    private func resolved() throws -> TrainingConfiguration {
        var configuration = TrainingConfiguration()
        model.map { configuration.model = $0 }
        adapter.override(&configuration.adapter)
        threads.map { configuration.threads = $0 }
        dtype.map { configuration.dtype = $0 }
        precision.map { configuration.precision = $0 }
        try configuration.require([.model])
        if prompt.isEmpty == (data == nil) {
            let found = prompt.isEmpty ? [] : ["--prompt", "--data"]
            throw TrainingError.notOne(of: ["--prompt", "--data"], found: found)
        }
        if data == nil, !examples.isEmpty { throw TrainingError.missing(key: "--data", for: "--examples") }
        var files = CommandFiles()
        files.read(modelIn: FilePath(configuration.model), as: "--model")
        data.map { files.read(FilePath($0), as: "--data") }
        output.map { files.write(FilePath($0), as: "--output") }
        try files.check()
        try output.map { try AtomicFile.checkWritable(FilePath($0)) }
        return configuration
    }

    /// The tokens of the prompts, which with their continuations fit the model.
    private func prompts(_ model: Architecture, _ tokenizer: Tokenizer, _ directory: FilePath) throws -> [[Int32]] {
        let prompts = try data.map { try stored(FilePath($0), model, directory) } ?? prompt.map(tokenizer.encode)
        for prompt in prompts {
            guard !prompt.isEmpty else {
                throw TrainingError.invalid(key: "--prompt", expected: "a text of at least one token", found: "none")
            }
            guard let token = prompt.first(where: { $0 < 0 || Int($0) >= model.vocabularySize }) else { continue }
            throw FormatError(
                directory.appending("tokenizer.json"),
                "expected tokens below the model's vocabulary size \(model.vocabularySize), found \(token); use the model's "
                    + "own tokenizer"
            )
        }
        let longest = (prompts.map(\.count).max() ?? 0) + sampling.maxNewTokens
        guard longest <= model.longestPath else {
            throw TrainingError.invalid(
                key: "the longest prompt with --max-new-tokens",
                expected: "at most \(model.longestPath) tokens, as the model takes",
                found: "\(longest)"
            )
        }
        return prompts
    }

    /// The prompts of examples of a prepared file.
    private func stored(_ path: FilePath, _ model: Architecture, _ directory: FilePath) throws -> [[Int32]] {
        let dataset = try PreferenceDataset.read(path: path)
        try dataset.validate(from: path, for: model, in: directory, ranks: 1)
        let rows = examples.isEmpty ? Array(0..<min(3, dataset.count)) : examples
        return try rows.map { row in
            guard (0..<dataset.count).contains(row) else {
                let expected = "from 0 to \(dataset.count - 1), the examples of \(path)"
                throw TrainingError.invalid(key: "--examples", expected: expected, found: "\(row)")
            }
            return Array(dataset.promptIDs[dataset.promptOffsets[row]..<dataset.promptOffsets[row + 1]])
        }
    }
}

extension Generator {
    /// A generator of continuations of `count` tokens by a policy.
    fileprivate convenience init(_ policy: Policy, _ prompts: [[Int32]], count: Int) throws {
        let longest = prompts.map(\.count).max() ?? 1
        try self.init(
            policy.architecture,
            positions: longest + count,
            capacity: policy.suited(Workspace.Capacity(tokens: longest, trains: false)),
            parameters: policy.parameters(),
            team: policy.team
        )
    }
}
