internal import Foundation

/// Direct preference optimization with the sigmoid loss, and its conservative form with label smoothing.
///
/// `loss = -(1 - ε) log σ(βΔ) - ε log σ(-βΔ)`, `Δ = (log π(c) - log π_ref(c)) - (log π(r) - log π_ref(r))`:
/// Rafailov et al. 2023, Eq. 7, for `ε = 0`; with `ε` as in cDPO (Mitchell 2023). Written with the softplus of the
/// margin, so that it neither overflows nor loses small losses.
package struct SigmoidObjective: PairObjective {
    /// Strength of the pull towards the reference, positive, dimensionless.
    package let beta: Double
    /// The probability that a label is flipped, in `[0, 0.5)`.
    package let labelSmoothing: Double

    /// - Throws: `ObjectiveError` for a setting out of range.
    package init(beta: Double, labelSmoothing: Double = 0) throws {
        guard beta.isFinite, beta > 0 else {
            throw ObjectiveError(setting: "beta", expected: "a finite number above 0", found: "\(beta)")
        }
        guard labelSmoothing >= 0, labelSmoothing < 0.5 else {
            throw ObjectiveError(
                setting: "label_smoothing",
                expected: "at least 0, below 0.5",
                found: "\(labelSmoothing)"
            )
        }
        self.beta = beta
        self.labelSmoothing = labelSmoothing
    }

    package var usesReference: Bool { true }

    package func loss(of pair: PairLogps) -> PairLoss {
        let margin = beta * (pair.chosenLogRatio - pair.rejectedLogRatio)
        let value = (1 - labelSmoothing) * softplus(-margin) + labelSmoothing * softplus(margin)
        // d/dm softplus(-m) = -σ(-m); d/dm softplus(m) = σ(m).
        let derivative = -(1 - labelSmoothing) * sigmoid(-margin) + labelSmoothing * sigmoid(margin)
        return PairLoss(value: value, chosenDerivative: beta * derivative, rejectedDerivative: -beta * derivative)
    }
}

/// `log(1 + exp(x))` without overflow, exact to rounding for large and small `x`.
func softplus(_ x: Double) -> Double {
    max(x, 0) + log1p(exp(-abs(x)))
}

/// `1 / (1 + exp(-x))` without overflow.
func sigmoid(_ x: Double) -> Double {
    x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x))
}
