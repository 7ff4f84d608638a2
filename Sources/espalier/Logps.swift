internal import ArgumentParser
internal import Collectives
internal import Configuration
internal import Formats
internal import Preferences
internal import SystemPackage
internal import Training

struct Logps: ConfiguredCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes the log-probability of every response and of each of its tokens.",
        usage: "espalier logps --model DIR --data FILE --output FILE [<options>]",
        discussion: """
            Writes a safetensors file with response_logps (float64, one per response of the data, the sum over its \
            tokens) and token_logps (float32, one per token, in the order of response_ids in the data; 0 for uncounted \
            tokens), both in nats.
            """
    )

    @OptionGroup var shared: SharedOptions

    @Option(name: .long, help: "Safetensors file to write.")
    var output: String?

    func run() throws {
        let status = World.run { communicator in
            let isRoot = communicator.rank == 0
            let (configuration, output) = try communicator.agree { try resolved(isRoot: isRoot) }
            let inputs = try Inputs.read(configuration, communicator: communicator)
            let (policy, planner) = (inputs.policy, inputs.planner)
            _ = try policy.chooseProducts(configuration.precision, communicator: communicator)
            let rows = Array(0..<inputs.dataset.count)
            let model = try communicator.agree { try policy.model(for: rows, planner: planner, trains: false) }
            let pass = ScoringPass(policy: policy, planner: planner, communicator: communicator)
            let tokens = try pass.tokenLogps(rows: rows, model: model, title: "logps")
            try communicator.agree {
                if isRoot { try write(tokens, inputs.dataset, modelDigest: policy.digest, to: output) }
            }
        }
        throw ExitCode(status)
    }

    func checkSettings() throws { try resolved(isRoot: false).0.validate() }

    /// The settings and the file to write, after checks on rank 0.
    private func resolved(isRoot: Bool) throws -> (TrainingConfiguration, FilePath) {
        var configuration = try shared.resolved()
        shared.model.adapter.applyStored(&configuration.adapter, isRoot: isRoot)
        // The output in training settings is a directory.
        configuration.output = output ?? ""
        try configuration.require([.model, .data, .output])
        let output = FilePath(configuration.output)
        if isRoot {
            var files = shared.files(of: configuration)
            files.write(result: output, as: "--output")
            try files.check()
            try AtomicFile.checkWritable(output)
        }
        return (configuration, output)
    }

    private func write(
        _ tokens: [Float],
        _ dataset: PreferenceDataset,
        modelDigest: String,
        to output: FilePath
    ) throws {
        let responses = (0..<dataset.responseCount).map { index in
            tokens[dataset.countedRange(index)].reduce(0) { $0 + Double($1) }
        }
        try SafetensorsWriter.write(
            [
                SafetensorsEntry(name: "response_logps", responses),
                SafetensorsEntry(name: "token_logps", tokens),
            ],
            metadata: [
                "format": "espalier-logps", "format_version": "1", "model_digest": modelDigest,
                "data_digest": dataset.digest,
            ],
            to: output
        )
    }
}
