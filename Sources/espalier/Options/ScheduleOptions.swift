internal import ArgumentParser
internal import Training

/// Which rows each step of a run takes, how many steps there are, what is kept for the backward pass, and by how many
/// rows the run checks itself before.
struct ScheduleOptions: ParsableArguments {
    @Option(name: .long, help: "Preference rows of an optimizer step over all ranks (default 8).")
    var globalBatchSize: Int?

    @Option(name: .long, help: "Passes over the data (default 1).")
    var numTrainEpochs: Double?

    // Also takes -1, which Hugging Face writes for no limit.
    @Option(name: .long, parsing: .unconditional, help: "Optimizer steps; overrides --num-train-epochs.")
    var maxSteps: Int?

    @Option(name: .long, help: "Keys the order of the data (default 42).")
    var seed: UInt64?

    @Flag(name: .long, help: "Takes the data in its own order.")
    var noShuffle = false

    @Flag(name: .long, help: "Keeps rows whose prompts continue one another in the same step, where they share more.")
    var groupByPrompt = false

    @Flag(
        name: [.customLong("recompute"), .customLong("gradient-checkpointing")],
        help: "Keeps the layers' inputs alone and makes the rest again: less memory, about a fifth more time."
    )
    var recomputes = false

    @Option(name: .long, help: "Rows to compute with and without sharing before training, 0 for none (default 1).")
    var selfCheck: Int?

    /// Puts what was given over the settings of a file.
    func override(_ configuration: inout TrainingConfiguration) {
        globalBatchSize.map { configuration.globalBatchSize = $0 }
        numTrainEpochs.map { configuration.numTrainEpochs = $0 }
        maxSteps.map { configuration.maxSteps = $0 }
        seed.map { configuration.seed = $0 }
        selfCheck.map { configuration.selfCheck = $0 }
        if recomputes { configuration.gradientCheckpointing = true }
        if groupByPrompt { configuration.groupByPrompt = true }
        if noShuffle { configuration.shuffle = false }
    }
}
