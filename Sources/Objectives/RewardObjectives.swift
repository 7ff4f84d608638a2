/// A loss of separate rewards: `chosen(βL_c) + rejected(βL_r)`, `L = log π - log π_ref`.
struct RewardObjective: PairObjective {
    let beta: Double
    let chosen: @Sendable (Double) -> ValueAndSlope
    let rejected: @Sendable (Double) -> ValueAndSlope

    func loss(of pair: PairLogps) -> PairLoss {
        let chosen = chosen(beta * pair.chosenLogRatio)
        let rejected = rejected(beta * pair.rejectedLogRatio)
        return PairLoss(
            value: chosen.value + rejected.value,
            chosenDerivative: beta * chosen.slope,
            rejectedDerivative: beta * rejected.slope
        )
    }
}

extension LossType {
    /// NCA: `-log σ(βL_c) - ½ log σ(-βL_c) - ½ log σ(-βL_r)`.
    ///
    /// Chen et al. 2024, "Noise Contrastive Alignment of Language Models with Explicit Rewards".
    static let ncaPair = rewards("nca_pair") { _ in
        ({ .logistic($0) + 0.5 * mirroredLogistic($0) }, { 0.5 * mirroredLogistic($0) })
    }

    /// BCO on pairs: `-log σ(βL_c) - log σ(-βL_r)`.
    ///
    /// Jung et al. 2024, "Binary Classifier Optimization", without its reward shift.
    static let bcoPair = rewards("bco_pair") { _ in
        ({ .logistic($0) }, { mirroredLogistic($0) })
    }

    /// SPPO: `(L_c - 1/(2β))² + (L_r + 1/(2β))²`.
    ///
    /// Wu et al. 2024, "Self-Play Preference Optimization", Eq. 4.7, with 1 and 0 for the probabilities of winning.
    static let sppoHard = rewards("sppo_hard") { settings in
        let beta = settings.beta
        return ({ .parabola($0, center: 0.5, scale: beta) }, { .parabola($0, center: -0.5, scale: beta) })
    }

    /// APO-zero, for a model that is worse than the chosen responses: `1 - σ(βL_c) + σ(βL_r)`.
    ///
    /// D'Oosterlinck et al. 2024, "Anchored Preference Optimization", Eq. 7.
    static let apoZero = rewards("apo_zero") { _ in
        ({ ValueAndSlope.sigmoidal(-$0).mirrored }, { .sigmoidal($0) })
    }

    /// APO-down, for a model that is better than the chosen responses: `σ(βL_c) + 1 - σ(β(L_c - L_r))`.
    ///
    /// D'Oosterlinck et al. 2024, Eq. 8.
    static let apoDown = LossType("apo_down", takes: [.weighting, .tailWeight]) { settings in
        let anchor = RewardObjective(beta: settings.beta, chosen: { .sigmoidal($0) }, rejected: ValueAndSlope.zero)
        let margin = MarginObjective(beta: settings.beta) { ValueAndSlope.sigmoidal(-$0).mirrored }
        return [.init(.pairs(anchor)), .init(.pairs(margin))]
    }

    /// `-log σ(-x)`.
    private static func mirroredLogistic(_ x: Double) -> ValueAndSlope { ValueAndSlope.logistic(-x).mirrored }

    private typealias LossFunctions = (
        chosen: @Sendable (Double) -> ValueAndSlope, rejected: @Sendable (Double) -> ValueAndSlope
    )

    private static func rewards(
        _ name: String,
        functions: @escaping @Sendable (ObjectiveSettings) -> LossFunctions
    ) -> LossType {
        LossType(name, takes: [.weighting, .tailWeight]) { settings in
            let (chosen, rejected) = functions(settings)
            return [.init(.pairs(RewardObjective(beta: settings.beta, chosen: chosen, rejected: rejected)))]
        }
    }
}
