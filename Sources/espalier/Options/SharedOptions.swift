internal import ArgumentParser
internal import Configuration
internal import Formats
internal import Preferences
internal import SystemPackage

extension Sharing: ExpressibleByArgument {}
extension LearningRateSchedule.Kind: ExpressibleByArgument {}

/// The options of every command that runs a model on preference data.
struct SharedOptions: ParsableArguments {
    @OptionGroup var model: ModelOptions

    @Option(name: .long, help: "Preference data, a safetensors file written by espalier-prepare.")
    var data: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Tokens that are computed once: none; prompt: of an example; prefix: also what its responses share, and "
                + "prompts that extend one another; any: also what other prompts begin with (default any)."
        )
    )
    var sharing: Sharing?

    @Option(
        name: .long,
        help: "Maximum tokens in a packed sequence; a larger tree gets a sequence of its own (default 2048)."
    )
    var rowTokens: Int?

    @Option(
        name: .customLong("config"),
        help: """
            YAML file of settings, or one of TRL or LLaMA-Factory, which is translated; options override it. \
            cluster-configs/train.yaml has every setting.
            """
    )
    var configurationFile: String?

    @OptionGroup var foreign: TranslationOptions

    /// The files that a command with these settings reads.
    func files(of configuration: TrainingConfiguration) -> CommandFiles {
        var files = configuration.inputFiles
        configurationFile.map { files.read(FilePath($0), as: "--config") }
        return files
    }

    /// The settings of the file, if given, overridden by the options, for a command that does not train.
    func resolved() throws -> TrainingConfiguration {
        var (configuration, translation) = try settings()
        guard let translation else { return configuration }
        configuration.evaluation = EvaluationSettings()
        return try translation.completed(configuration).run
    }

    /// The settings of the file, if given, overridden by the options; with how they were translated, if the file is another
    /// trainer's.
    func settings() throws -> (TrainingConfiguration, Translation?) {
        let file = configurationFile.map { FilePath($0) }
        let translation = try foreign.translation(of: file)
        var configuration =
            try translation?.configuration ?? file.map { try TrainingConfiguration(yaml: $0) } ?? .init()
        model.override(&configuration)
        data.map { configuration.data = $0 }
        sharing.map { configuration.sharing = $0 }
        rowTokens.map { configuration.rowTokens = $0 }
        return (configuration, translation)
    }
}

/// The option of a training run's output.
struct OutputOptions: ParsableArguments {
    @Option(name: .long, help: "Output directory for the model, metrics, summary and checkpoints.")
    var output: String?
}
