internal import ArgumentParser
internal import Configuration

/// The options of the learning rate's warm-up.
struct WarmupOptions: ParsableArguments {
    @Option(name: .long, help: "Fraction of the steps for linear warmup, from 0 to 1 (default 0).")
    var warmupRatio: Double?

    @Option(
        name: .long,
        help: "Steps for linear warmup, or a fraction below 1; above 0 it replaces --warmup-ratio (default 0)."
    )
    var warmupSteps: Double?

    /// Overrides the settings of a file by the options given.
    func override(_ configuration: inout TrainingConfiguration) {
        warmupRatio.map { configuration.warmupRatio = $0 }
        warmupSteps.map { configuration.warmupSteps = $0 }
    }
}
