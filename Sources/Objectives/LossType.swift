/// A loss by TRL's name: its terms, and the settings that it supports.
///
/// Each is defined in the file of the objective that computes it; to add one, define it there and list it in `all`.
struct LossType: Sendable {
    /// The definition of a reward in the metrics, without the factor β.
    enum Reward: Sendable {
        /// `log π - log π_ref`.
        case logRatio
        /// `log π`.
        case logp
        /// `log π / |y|`.
        case meanLogp
    }

    let name: String
    /// The settings that it supports, in addition to beta.
    let takes: Set<LossOption>
    let reward: Reward
    /// The terms whose sum is the loss.
    let terms: @Sendable (ObjectiveSettings) -> [Objective.WeightedTerm]

    init(
        _ name: String,
        takes: Set<LossOption>,
        reward: Reward = .logRatio,
        terms: @escaping @Sendable (ObjectiveSettings) -> [Objective.WeightedTerm]
    ) {
        self.name = name
        self.takes = takes
        self.reward = reward
        self.terms = terms
    }

    /// All losses, in the order in which messages list them.
    static let all = [
        sigmoid, hinge, ipo, exoPair, ncaPair, robust, bcoPair, sppoHard, aot, aotUnpaired, apoZero, apoDown, discopop,
        sft, sigmoidNorm, simpo, cpo, orpo, plackettLuce,
    ]
}

/// A setting that only some losses support.
enum LossOption: Sendable {
    case labelSmoothing, divergence, weighting, tailWeight, simpoGamma, cpoAlpha, discopopTau

    /// Whether every loss of a mixture must support it; else one is enough.
    var concernsAll: Bool { self == .divergence || self == .weighting }
}
