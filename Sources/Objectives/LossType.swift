/// A loss by the name that TRL gives it: what it is made of, and which settings it takes.
///
/// Each is defined beside the objective that computes it; to add one, define it there and list it in `all`.
struct LossType: Sendable {
    /// What a reward in the metrics is, before β.
    enum Reward: Sendable {
        /// `log π - log π_ref`.
        case logRatio
        /// `log π`.
        case logp
        /// `log π / |y|`.
        case meanLogp
    }

    let name: String
    /// The settings beside beta that change it.
    let takes: Set<LossOption>
    let reward: Reward
    /// The parts that it adds up.
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

    /// Every loss, in the order in which they are told.
    static let all = [
        sigmoid, hinge, ipo, exoPair, ncaPair, robust, bcoPair, sppoHard, aot, aotUnpaired, apoZero, apoDown, discopop,
        sft, sigmoidNorm, simpo, cpo, orpo, plackettLuce,
    ]
}

/// A setting that changes some losses only.
enum LossOption: Sendable {
    case labelSmoothing, divergence, weighting, tailWeight, simpoGamma, cpoAlpha, discopopTau

    /// Whether each loss of a mixture must take it; else one that does is enough.
    var concernsAll: Bool { self == .divergence || self == .weighting }
}
