internal import ArgumentParser
internal import Training

/// When a run judges its model on held-out preferences, and what it makes of that.
struct EvaluationOptions: ParsableArguments {
    @Option(name: .long, help: "Preferences that espalier-prepare wrote, to evaluate on and not to train on.")
    var evalData: String?

    @Option(name: .long, help: "Steps between two evaluations (default: one at the end).")
    var evalSteps: Int?

    @Flag(name: .long, help: "Also evaluates before the first step.")
    var evalOnStart = false

    @Flag(name: .long, help: "Writes the model of the best evaluation in place of the last.")
    var loadBestModelAtEnd = false

    @Option(name: .long, help: "The metric by which evaluations are compared (default eval_loss).")
    var metricForBestModel: String?

    @Flag(inversion: .prefixedNo, help: "Whether more of it is better (default: unless its name ends in loss).")
    var greaterIsBetter: Bool?

    @Option(name: .long, help: "Evaluations without improvement after which to stop (default: never stops early).")
    var earlyStoppingPatience: Int?

    @Option(name: .long, help: "What an improvement must exceed to restore patience (default 0).")
    var earlyStoppingThreshold: Double?

    /// Puts what was given over the settings of a file.
    func override(_ settings: inout EvaluationSettings) {
        evalData.map { settings.evalData = $0 }
        evalSteps.map { settings.evalSteps = $0 }
        if evalOnStart { settings.evalOnStart = true }
        if loadBestModelAtEnd { settings.loadBestModelAtEnd = true }
        metricForBestModel.map { settings.metricForBestModel = $0 }
        greaterIsBetter.map { settings.greaterIsBetter = $0 }
        earlyStoppingPatience.map { settings.earlyStoppingPatience = $0 }
        earlyStoppingThreshold.map { settings.earlyStoppingThreshold = $0 }
    }
}
