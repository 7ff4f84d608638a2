internal import ArgumentParser
internal import Configuration
internal import Training

/// The options of the training loop: batch size, number of steps, data order, recomputation, self-check.
struct ScheduleOptions: ParsableArguments {
    @Option(name: .long, help: "Examples per optimizer step, over all ranks (default 8).")
    var globalBatchSize: Int?

    @Option(name: .long, help: "Passes over the data, may be fractional (default 1).")
    var numTrainEpochs: Double?

    // Also accepts -1, Hugging Face's value for no limit.
    @Option(
        name: .long,
        parsing: .unconditional,
        help: "Optimizer steps, overrides --num-train-epochs; -1 for no limit (default -1)."
    )
    var maxSteps: Int?

    @Option(name: .long, help: "Random seed of the data order (default 42).")
    var seed: UInt64?

    @Flag(name: .long, help: "Use the order of the data file in every epoch (default: shuffle every epoch).")
    var noShuffle = false

    @Flag(
        name: .long,
        help: "Put examples whose prompts are equal or extend one another in the same step, to share their prefix."
    )
    var groupByPrompt = false

    @Flag(
        name: [.customLong("recompute"), .customLong("gradient-checkpointing")],
        help: "Recompute activations in the backward pass: less memory, about a fifth more time."
    )
    var recomputes = false

    @Option(
        name: .long,
        help: "Examples computed with and without sharing before training, as a self-check; 0 for none (default 1)."
    )
    var selfCheck: Int?

    /// Overrides the settings of a file by the options given.
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
