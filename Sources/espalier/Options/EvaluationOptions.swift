internal import ArgumentParser
internal import Configuration

/// The options of evaluation during training, and of the choice of the best model.
struct EvaluationOptions: ParsableArguments {
    @Option(name: .long, help: "Held-out preference data for evaluation, written by espalier-prepare.")
    var evalData: String?

    @Option(name: .long, help: "Steps between evaluations (default: one, after the last step).")
    var evalSteps: Int?

    @Flag(inversion: .prefixedNo, help: "Evaluate before the first step too (default: no).")
    var evalOnStart: Bool?

    @Flag(inversion: .prefixedNo, help: "Write the model of the best evaluation instead of the last one (default: no).")
    var loadBestModelAtEnd: Bool?

    @Option(name: .long, help: "Metric that compares evaluations, with or without eval_ (default eval_loss).")
    var metricForBestModel: String?

    @Flag(
        inversion: .prefixedNo,
        help: "Whether a higher metric is better (default: yes, unless its name ends in loss)."
    )
    var greaterIsBetter: Bool?

    @Option(name: .long, help: "Evaluations without improvement before training stops (default: no early stopping).")
    var earlyStoppingPatience: Int?

    @Option(name: .long, help: "Minimum improvement of the metric that resets the patience (default 0).")
    var earlyStoppingThreshold: Double?

    /// Overrides the settings of a file by the options given.
    func override(_ settings: inout EvaluationSettings) {
        evalData.map { settings.evalData = $0 }
        evalSteps.map { settings.evalSteps = $0 }
        evalOnStart.map { settings.evalOnStart = $0 }
        loadBestModelAtEnd.map { settings.loadBestModelAtEnd = $0 }
        metricForBestModel.map { settings.metricForBestModel = $0 }
        greaterIsBetter.map { settings.greaterIsBetter = $0 }
        earlyStoppingPatience.map { settings.earlyStoppingPatience = $0 }
        earlyStoppingThreshold.map { settings.earlyStoppingThreshold = $0 }
    }
}
