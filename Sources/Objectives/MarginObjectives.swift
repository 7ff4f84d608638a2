internal import Foundation

/// A loss of the margin only: `function(β (s_c - s_r))`, where `s` is the score of a response.
struct MarginObjective: PairObjective {
    /// The definition of a score.
    enum Score: Sendable {
        /// The log-ratio to the reference model, mapped by a divergence.
        case logRatio(Divergence)
        /// The policy's log-probability.
        case policy
    }

    let beta: Double
    var score = Score.logRatio(.reverseKL)
    /// Whether scores are divided by the number of tokens in the response.
    var perToken = false
    let function: @Sendable (Double) -> ValueAndSlope

    func loss(of pair: PairLogps) -> PairLoss {
        let chosen = scored(pair.chosen, reference: pair.referenceChosen, count: pair.chosenCount)
        let rejected = scored(pair.rejected, reference: pair.referenceRejected, count: pair.rejectedCount)
        let loss = function(beta * (chosen.value - rejected.value))
        return PairLoss(
            value: loss.value,
            chosenDerivative: beta * loss.slope * chosen.slope,
            rejectedDerivative: -beta * loss.slope * rejected.slope
        )
    }

    private func scored(_ logp: Double, reference: Double, count: Int) -> ValueAndSlope {
        let score: ValueAndSlope
        switch self.score {
        case .logRatio(let divergence): score = divergence.score(logp - reference)
        case .policy: score = ValueAndSlope(value: logp, slope: 1)
        }
        guard perToken else { return score }
        return ValueAndSlope(value: score.value / Double(count), slope: score.slope / Double(count))
    }
}

extension LossType {
    /// DPO: `-(1 - ε) log σ(βΔ) - ε log σ(-βΔ)`, `Δ = s_c - s_r`.
    ///
    /// Rafailov et al. 2023, Eq. 7, for `ε = 0`; with ε cDPO (Mitchell 2023, "A note on DPO with noisy preferences").
    static let sigmoid = margin("sigmoid", takes: [.labelSmoothing]) { settings in
        { .logistic($0, smoothing: settings.labelSmoothing) }
    }

    /// SLiC on DPO's margin: `max(0, 1 - βΔ)`.
    ///
    /// Zhao et al. 2023, "SLiC-HF"; Liu et al. 2023, "Statistical Rejection Sampling Improves Preference Optimization".
    static let hinge = margin("hinge") { _ in
        // NaN must propagate.
        { $0 < 1 ? ValueAndSlope(value: 1 - $0, slope: -1) : ValueAndSlope(value: 0 * $0, slope: 0 * $0) }
    }

    /// Robust DPO, unbiased under flipped labels: `[-(1 - ε) log σ(βΔ) + ε log σ(-βΔ)] / (1 - 2ε)`.
    ///
    /// Chowdhury et al. 2024, "Provably Robust DPO".
    static let robust = margin("robust", takes: [.labelSmoothing]) { settings in
        let smoothing = settings.labelSmoothing
        return { x in
            let (kept, flipped) = (ValueAndSlope.logistic(x), ValueAndSlope.logistic(-x).mirrored)
            return (1 / (1 - 2 * smoothing)) * ((1 - smoothing) * kept + (-smoothing) * flipped)
        }
    }

    /// EXO, the reverse KL to the smoothed label: `q (log q - log(1 - ε)) + (1 - q)(log(1 - q) - log ε)`, `q = σ(βΔ)`.
    ///
    /// Ji et al. 2024, "Towards Efficient Exact Optimization of Language Model Alignment", Eq. 16.
    static let exoPair = margin("exo_pair", takes: [.labelSmoothing]) { settings in
        let (kept, flipped) = (log1p(-settings.labelSmoothing), log(settings.labelSmoothing))
        return { x in
            let (q, p) = (sigma(x), sigma(-x))
            return ValueAndSlope(
                value: q * (-softplus(-x) - kept) + p * (-softplus(x) - flipped),
                // The derivatives of the logarithms cancel, and log q - log(1 - q) is x.
                slope: q * p * (x - kept + flipped)
            )
        }
    }

    /// DiscoPOP: `(1 - m)(-log σ(x)) + m e^(-x)`, `x = βΔ`, `m = σ(x / τ)`.
    ///
    /// Lu et al. 2024, "Discovering Preference Optimization Algorithms with and for Large Language Models", Eq. 5.
    static let discopop = margin("discopop", takes: [.discopopTau]) { settings in
        let tau = settings.discopopTau
        return { x in
            let (m, rest) = (sigma(x / tau), sigma(-x / tau))
            let logistic = ValueAndSlope.logistic(x)
            // m e^(-x) as one exponential: where e^(-x) overflows, m vanishes faster, since τ ≤ 1.
            let exponential = exp(-x - softplus(-x / tau))
            return ValueAndSlope(
                value: rest * logistic.value + exponential,
                slope: rest * logistic.slope - m * rest / tau * logistic.value + exponential * (rest / tau - 1)
            )
        }
    }

    /// IPO: `(s_c/|c| - s_r/|r| - 1/(2β))²`.
    ///
    /// Azar et al. 2023, "A General Theoretical Paradigm to Understand Learning from Human Preferences", Eq. 17, with
    /// scores divided by tokens, as TRL does on the authors' advice.
    static let ipo = margin("ipo", perToken: true) { settings in
        { .parabola($0, center: 0.5, scale: settings.beta) }
    }

    /// DPO with scores divided by tokens: `-log σ(β (s_c/|c| - s_r/|r|))`.
    ///
    /// Lambert et al. 2024, "Tülu 3".
    static let sigmoidNorm = margin("sigmoid_norm", perToken: true) { _ in
        { .logistic($0) }
    }

    private static func margin(
        _ name: String,
        takes: Set<LossOption> = [],
        perToken: Bool = false,
        function: @escaping @Sendable (ObjectiveSettings) -> @Sendable (Double) -> ValueAndSlope
    ) -> LossType {
        LossType(name, takes: takes.union([.divergence, .weighting, .tailWeight])) { settings in
            let score = MarginObjective.Score.logRatio(settings.divergence)
            let objective = MarginObjective(
                beta: settings.beta,
                score: score,
                perToken: perToken,
                function: function(settings)
            )
            return [.init(.pairs(objective))]
        }
    }
}
