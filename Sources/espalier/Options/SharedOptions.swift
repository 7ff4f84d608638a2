internal import ArgumentParser
internal import Preferences
internal import SystemPackage
internal import Training

extension Sharing: ExpressibleByArgument {}
extension LearningRateSchedule.Kind: ExpressibleByArgument {}

/// What every command that runs a model over preferences needs.
struct SharedOptions: ParsableArguments {
    @Option(name: .long, help: "A Hugging Face model directory.")
    var model: String?

    @Option(name: .long, help: "Preferences that espalier-prepare wrote.")
    var data: String?

    @Option(name: .long, help: "Which common tokens are computed once: none, prompt or prefix (default).")
    var sharing: Sharing?

    @Option(name: .long, help: "The most tokens in a packed row (default 2048).")
    var rowTokens: Int?

    @Option(name: .long, help: "Threads of a rank (default: its share of the processors).")
    var threads: Int?

    @Option(name: .customLong("config"), help: "A YAML file of settings by their TRL names; flags override it.")
    var configurationFile: String?

    /// The settings of the file, if there is one, overridden by the flags.
    func resolved() throws -> TrainingConfiguration {
        var configuration = try configurationFile.map { try TrainingConfiguration(yaml: FilePath($0)) } ?? .init()
        model.map { configuration.model = $0 }
        data.map { configuration.data = $0 }
        sharing.map { configuration.sharing = $0 }
        rowTokens.map { configuration.rowTokens = $0 }
        threads.map { configuration.threads = $0 }
        return configuration
    }
}
