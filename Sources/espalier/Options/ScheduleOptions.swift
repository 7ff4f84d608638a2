internal import ArgumentParser
internal import Configuration
internal import Training

/// The options of the training loop: batch size, number of steps, data order, recomputation, self-check.
struct ScheduleOptions: ParsableArguments {
    @Option(name: .long, help: "Examples per optimizer step, over all ranks (default 8).")
    var globalBatchSize: Int?

    @Option(name: .long, help: "Epochs, may be fractional (default 1).")
    var numTrainEpochs: Double?

    @Option(name: .long, help: "Optimizer steps, overrides --num-train-epochs; -1 for no limit (default -1).")
    var maxSteps: Int?

    @Option(name: .long, help: "Random seed of the data order (default 42).")
    var seed: UInt64?

    @Flag(
        inversion: .prefixedNo,
        help: "Shuffle the examples of every epoch, or use the order of the data file (default: shuffle)."
    )
    var shuffle: Bool?

    @Flag(
        inversion: .prefixedNo,
        help: """
            Put examples whose prompts are equal or extend one another in the same step, to share their prefix \
            (default: no).
            """
    )
    var groupByPrompt: Bool?

    @Flag(
        inversion: .prefixedNo,
        help: "Recompute activations in the backward pass: less memory, about a fifth more time (default: no)."
    )
    var gradientCheckpointing: Bool?

    @Flag(name: .long, help: "The same as --gradient-checkpointing.")
    var recompute = false

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
        (recompute ? true : gradientCheckpointing).map { configuration.gradientCheckpointing = $0 }
        groupByPrompt.map { configuration.groupByPrompt = $0 }
        shuffle.map { configuration.shuffle = $0 }
    }
}
