internal import Foundation

/// The divergence that regularizes the policy, which maps a log-ratio `L = log π - log π_ref` to a score.
///
/// f-DPO (Wang et al. 2023, "Beyond Reverse KL"): the score follows from the derivative of the f-divergence.
package struct Divergence: Sendable, Equatable {
    /// The divergences, by TRL's names.
    package enum Kind: String, CaseIterable, Codable, Sendable {
        /// `s = L`.
        case reverseKL = "reverse_kl"
        /// `s = 1 - exp(-L)`, the α-divergence with α = 0.
        case forwardKL = "forward_kl"
        /// `s = log 2 + log σ(L)`, Jensen–Shannon.
        case jensenShannon = "js_divergence"
        /// `s = (exp((α - 1) L) - 1) / (α - 1)`, and `L` where `|α - 1| < 1e-6`.
        case alpha = "alpha_divergence"
    }

    let kind: Kind
    let alpha: Double

    /// The default, for which scores are log-ratios.
    static let reverseKL = Divergence(kind: .reverseKL, alpha: 0)

    /// Exponents are clamped here, as in TRL: beyond `exp(80)` the score is constant and its slope 0.
    private static let largestExponent = 80.0

    /// The score of a log-ratio in nats, and its derivative.
    func score(_ logRatio: Double) -> ValueAndSlope {
        switch kind {
        case .reverseKL: return ValueAndSlope(value: logRatio, slope: 1)
        case .forwardKL: return power(logRatio, exponent: -1)
        case .jensenShannon: return ValueAndSlope(value: log(2) - softplus(-logRatio), slope: sigma(-logRatio))
        case .alpha:
            let exponent = alpha - 1
            return abs(exponent) < 1e-6 ? ValueAndSlope(value: logRatio, slope: 1) : power(logRatio, exponent: exponent)
        }
    }

    /// `(exp(a L) - 1) / a`.
    private func power(_ logRatio: Double, exponent: Double) -> ValueAndSlope {
        let product = exponent * logRatio
        guard product <= Self.largestExponent else {
            // NaN must propagate.
            let limit = product.isNaN ? product : expm1(Self.largestExponent)
            return ValueAndSlope(value: limit / exponent, slope: product.isNaN ? product : 0)
        }
        return ValueAndSlope(value: expm1(product) / exponent, slope: exp(product))
    }
}
