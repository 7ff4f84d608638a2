internal import Foundation

/// The odds-ratio loss `-β log σ(log odds(c) - log odds(r))` of mean log-probabilities ℓ,
/// `log odds = ℓ - log(1 - exp ℓ)`.
struct OddsRatioObjective: PairObjective {
    let beta: Double

    /// The largest mean log-probability: closer to 0, float32 cannot distinguish it from certainty with infinite odds.
    private static let largestLogp = -1e-8

    func loss(of pair: PairLogps) -> PairLoss {
        let chosen = Self.logOdds(pair.chosen / Double(pair.chosenCount))
        let rejected = Self.logOdds(pair.rejected / Double(pair.rejectedCount))
        let loss = beta * ValueAndSlope.logistic(chosen.value - rejected.value)
        return PairLoss(
            value: loss.value,
            chosenDerivative: loss.slope * chosen.slope / Double(pair.chosenCount),
            rejectedDerivative: -loss.slope * rejected.slope / Double(pair.rejectedCount)
        )
    }

    private static func logOdds(_ logp: Double) -> ValueAndSlope {
        let logp = logp > largestLogp ? largestLogp : logp
        let complement = -expm1(logp)
        return ValueAndSlope(value: logp - log(complement), slope: 1 / complement)
    }
}

extension LossType {
    /// SimPO: `-log σ(β (l_c/|c| - l_r/|r|) - γ)` of the policy's log-probabilities `l`; label smoothing as in cDPO.
    ///
    /// Meng et al. 2024, "SimPO: Simple Preference Optimization with a Reference-Free Reward", Eq. 6.
    static let simpo = LossType(
        "simpo",
        takes: [.labelSmoothing, .simpoGamma, .weighting],
        reward: .meanLogp
    ) { settings in
        let objective = MarginObjective(beta: settings.beta, score: .policy, perToken: true) {
            .logistic($0 - settings.simpoGamma, smoothing: settings.labelSmoothing)
        }
        return [.init(.pairs(objective))]
    }

    /// CPO: `-log σ(β (l_c - l_r)) + α NLL(chosen)`; label smoothing as in cDPO.
    ///
    /// Xu et al. 2024, "Contrastive Preference Optimization"; the weight α is TRL's.
    static let cpo = LossType("cpo", takes: [.labelSmoothing, .cpoAlpha], reward: .logp) { settings in
        let objective = MarginObjective(beta: settings.beta, score: .policy) {
            .logistic($0, smoothing: settings.labelSmoothing)
        }
        return [.init(.pairs(objective)), .init(.likelihood, weight: settings.cpoAlpha)]
    }

    /// ORPO: `NLL(chosen) - β log σ(log odds(c) - log odds(r))`.
    ///
    /// Hong et al. 2024, "ORPO: Monolithic Preference Optimization without Reference Model", whose λ is β here. As in
    /// the paper, and unlike in TRL, the first term counts the response only, not the prompt.
    static let orpo = LossType("orpo", takes: [], reward: .meanLogp) { settings in
        [.init(.likelihood), .init(.pairs(OddsRatioObjective(beta: settings.beta)))]
    }

    /// The cross-entropy (NLL) of chosen responses, a mean over tokens.
    ///
    /// The second term of RPO (Pang et al. 2024, "Iterative Reasoning Preference Optimization") and the third of MPO.
    static let sft = LossType("sft", takes: [.divergence], reward: .logp) { _ in [.init(.likelihood)] }
}
