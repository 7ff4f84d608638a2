internal import Foundation

/// How a log-ratio `L = log π - log π_ref` becomes a score.
///
/// By the derivative of the divergence that holds the policy near the reference: f-DPO (Wang et al. 2023, "Beyond
/// Reverse KL").
package struct Divergence: Sendable, Equatable {
    /// The divergences by the names that TRL gives them.
    package enum Kind: String, CaseIterable, Codable, Sendable {
        /// `s = L`.
        case reverseKL = "reverse_kl"
        /// `s = 1 - exp(-L)`, which is the α-divergence with α = 0.
        case forwardKL = "forward_kl"
        /// `s = log 2 + log σ(L)`, Jensen–Shannon.
        case jensenShannon = "js_divergence"
        /// `s = (exp((α - 1) L) - 1) / (α - 1)`, and `L` where `|α - 1| < 1e-6`.
        case alpha = "alpha_divergence"
    }

    let kind: Kind
    let alpha: Double

    /// The usual one, under which scores are log-ratios.
    static let reverseKL = Divergence(kind: .reverseKL, alpha: 0)

    /// From here on exponents count no further, as in TRL: a score beyond `exp(80)` says nothing more, and has slope 0.
    private static let largestExponent = 80.0

    /// The score of a log-ratio in nats, and its slope.
    func score(_ logRatio: Double) -> Curve {
        switch kind {
        case .reverseKL: return Curve(value: logRatio, slope: 1)
        case .forwardKL: return power(logRatio, exponent: -1)
        case .jensenShannon: return Curve(value: log(2) - softplus(-logRatio), slope: sigma(-logRatio))
        case .alpha:
            let exponent = alpha - 1
            return abs(exponent) < 1e-6 ? Curve(value: logRatio, slope: 1) : power(logRatio, exponent: exponent)
        }
    }

    /// `(exp(a L) - 1) / a`.
    private func power(_ logRatio: Double, exponent: Double) -> Curve {
        let product = exponent * logRatio
        guard product <= Self.largestExponent else {
            // NaN must stay visible.
            let limit = product.isNaN ? product : expm1(Self.largestExponent)
            return Curve(value: limit / exponent, slope: product.isNaN ? product : 0)
        }
        return Curve(value: expm1(product) / exponent, slope: exp(product))
    }
}
