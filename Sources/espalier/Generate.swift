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

    @OptionGroup var model: ModelOptions

    @Option(name: .long, help: "Text to continue; may be repeated.")
    var prompt: [String] = []

    @Option(name: .long, help: "Data whose prompts to continue, a safetensors file written by espalier-prepare.")
    var data: String?

    @Option(name: .long, parsing: .upToNextOption, help: "Numbers of the examples of --data, from 0 (default: 0 1 2).")
    var examples: [Int] = []

    @OptionGroup var sampling: SamplingOptions

    @Option(name: .long, help: "File to write in place of standard output: a JSON line for each prompt.")
    var output: String?

    func run() throws {
        let status = World.run { communicator in
            try communicator.agree {
                guard communicator.size == 1 else {
                    let expected = "1, since generate runs as one process; start it without a launcher of ranks"
                    let found = "\(communicator.size)"
                    throw TrainingError.invalid(key: "the number of ranks", expected: expected, found: found)
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
        model.override(&configuration)
        configuration.data = data ?? ""
        try configuration.require([.model])
        if prompt.isEmpty == (data == nil) {
            let found = prompt.isEmpty ? [] : ["--prompt", "--data"]
            throw TrainingError.notOne(of: ["--prompt", "--data"], found: found)
        }
        if data == nil, !examples.isEmpty { throw TrainingError.missing(key: "--data", for: "--examples") }
        var files = configuration.inputFiles
        output.map { files.write(result: FilePath($0), as: "--output") }
        try files.check()
        try output.map { try AtomicFile.checkWritable(FilePath($0)) }
        return configuration
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
