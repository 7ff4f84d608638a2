internal import ArgumentParser
internal import Configuration
internal import Objectives
internal import Preferences

extension Divergence.Kind: ExpressibleByArgument {}
extension Pairing: ExpressibleByArgument {}

/// The options of the loss and its pairs.
struct ObjectiveOptions: ParsableArguments {
    @Option(
        name: .long,
        parsing: .upToNextOption,
        help: ArgumentHelp(
            "Loss, by TRL's name, or several, separated by spaces, that are added up (default sigmoid, which is DPO): "
                + ObjectiveSettings.lossNames.joined(separator: ", ") + "."
        )
    )
    var lossType: [String] = []

    @Option(name: .long, parsing: .upToNextOption, help: "Weight of each loss, in the same order (default 1 each).")
    var lossWeights: [Double] = []

    @Option(name: .long, help: "Strength β of the regularization towards the reference model, above 0 (default 0.1).")
    var beta: Double?

    @Option(name: .long, help: "Probability that a preference is mislabeled, from 0 to below 0.5 (default 0).")
    var labelSmoothing: Double?

    @Option(
        name: .long,
        help: "Divergence from the reference model that defines rewards (default reverse_kl)."
    )
    var fDivergenceType: Divergence.Kind?

    @Option(name: .long, help: "Coefficient α of alpha_divergence (default 0.5).")
    var fAlphaDivergenceCoef: Double?

    @Flag(inversion: .prefixedNo, help: "Weight pairs by their probability under the policy, as in WPO (default: no).")
    var useWeighting: Bool?

    @Option(
        name: .long,
        help: "Weight of tokens beyond the length of the shorter response (LD-DPO), from 0 to 1 (default 1)."
    )
    var ldAlpha: Double?

    @Option(name: .long, help: "Target reward margin γ of simpo (default 0.5).")
    var simpoGamma: Double?

    @Option(name: .long, help: "Weight α of the cross-entropy term of cpo, at least 0 (default 1).")
    var cpoAlpha: Double?

    @Option(name: .long, help: "Temperature τ of discopop, above 0, at most 1 (default 0.05).")
    var discopopTau: Double?

    @Option(name: .long, help: "Pairs of ranked responses in the loss (default best-vs-rest).")
    var pairs: Pairing?

    /// Overrides the settings of a file by the options given.
    func override(_ configuration: inout TrainingConfiguration) {
        var settings = configuration.objective
        if !lossType.isEmpty { settings.lossType = lossType }
        if !lossWeights.isEmpty { settings.lossWeights = lossWeights }
        beta.map { settings.beta = $0 }
        labelSmoothing.map { settings.labelSmoothing = $0 }
        fDivergenceType.map { settings.fDivergenceType = $0 }
        fAlphaDivergenceCoef.map { settings.fAlphaDivergenceCoef = $0 }
        useWeighting.map { settings.useWeighting = $0 }
        ldAlpha.map { settings.ldAlpha = $0 }
        simpoGamma.map { settings.simpoGamma = $0 }
        cpoAlpha.map { settings.cpoAlpha = $0 }
        discopopTau.map { settings.discopopTau = $0 }
        configuration.objective = settings
        pairs.map { configuration.pairs = $0 }
    }
}
