internal import ArgumentParser
internal import Objectives
internal import Preferences
internal import Training

extension Divergence.Kind: ExpressibleByArgument {}
extension Pairing: ExpressibleByArgument {}

/// What is minimized, over which pairs.
struct ObjectiveOptions: ParsableArguments {
    @Option(
        name: .long,
        parsing: .upToNextOption,
        help: "The loss (default sigmoid), or several to add up; Documentation/Objectives.md lists them."
    )
    var lossType: [String] = []

    @Option(name: .long, parsing: .upToNextOption, help: "A factor for each loss (default 1 each).")
    var lossWeights: [Double] = []

    @Option(name: .long, help: "Strength of the pull towards the reference model (default 0.1).")
    var beta: Double?

    @Option(name: .long, help: "The probability that a label is flipped (default 0).")
    var labelSmoothing: Double?

    @Option(
        name: .long,
        help: "What rewards derive from: reverse_kl (default), forward_kl, js_divergence or alpha_divergence."
    )
    var fDivergenceType: Divergence.Kind?

    @Option(name: .long, help: "α of alpha_divergence (default 0.5).")
    var fAlphaDivergenceCoef: Double?

    @Flag(name: .long, help: "Weighs pairs by how likely the policy finds them, as in WPO.")
    var useWeighting = false

    @Option(name: .long, help: "The weight of tokens beyond the shorter response's length, as in LD-DPO (default 1).")
    var ldAlpha: Double?

    @Option(name: .long, help: "The margin that simpo asks for (default 0.5).")
    var simpoGamma: Double?

    @Option(name: .long, help: "The weight of cpo's cross-entropy (default 1).")
    var cpoAlpha: Double?

    @Option(name: .long, help: "The temperature of discopop's blend (default 0.05).")
    var discopopTau: Double?

    @Option(name: .long, help: "Which responses are compared: all, best-vs-rest (default) or best-vs-worst.")
    var pairs: Pairing?

    /// Puts what was given over the settings of a file.
    func override(_ configuration: inout TrainingConfiguration) {
        var settings = configuration.objective
        if !lossType.isEmpty { settings.lossType = lossType }
        if !lossWeights.isEmpty { settings.lossWeights = lossWeights }
        beta.map { settings.beta = $0 }
        labelSmoothing.map { settings.labelSmoothing = $0 }
        fDivergenceType.map { settings.fDivergenceType = $0 }
        fAlphaDivergenceCoef.map { settings.fAlphaDivergenceCoef = $0 }
        if useWeighting { settings.useWeighting = true }
        ldAlpha.map { settings.ldAlpha = $0 }
        simpoGamma.map { settings.simpoGamma = $0 }
        cpoAlpha.map { settings.cpoAlpha = $0 }
        discopopTau.map { settings.discopopTau = $0 }
        configuration.objective = settings
        pairs.map { configuration.pairs = $0 }
    }
}
