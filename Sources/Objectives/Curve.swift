internal import Foundation

/// The value and the slope of a function at one point: what losses of one number are made of.
struct Curve: Sendable {
    let value: Double
    let slope: Double

    /// 0 everywhere.
    static func zero(_ x: Double) -> Curve { Curve(value: 0, slope: 0) }

    /// `-(1 - ε) log σ(x) - ε log σ(-x)`, as softplus, so that it neither overflows nor loses small values.
    static func logistic(_ x: Double, smoothing: Double = 0) -> Curve {
        Curve(
            value: (1 - smoothing) * softplus(-x) + smoothing * softplus(x),
            // d/dx softplus(-x) = -σ(-x); d/dx softplus(x) = σ(x).
            slope: -(1 - smoothing) * sigma(-x) + smoothing * sigma(x)
        )
    }

    /// `σ(x)`.
    static func sigmoidal(_ x: Double) -> Curve {
        Curve(value: sigma(x), slope: sigma(x) * sigma(-x))
    }

    /// `((x - center) / scale)²`.
    static func parabola(_ x: Double, center: Double, scale: Double) -> Curve {
        let distance = (x - center) / scale
        return Curve(value: distance * distance, slope: 2 * distance / scale)
    }

    /// The mirror image: this function of `-x`, where it is given at `-x`.
    var mirrored: Curve { Curve(value: value, slope: -slope) }

    static func + (a: Curve, b: Curve) -> Curve { Curve(value: a.value + b.value, slope: a.slope + b.slope) }

    static func * (factor: Double, a: Curve) -> Curve { Curve(value: factor * a.value, slope: factor * a.slope) }
}

/// `log(1 + exp(x))` without overflow, exact to rounding for large and small `x`.
func softplus(_ x: Double) -> Double {
    max(x, 0) + log1p(exp(-abs(x)))
}

/// `1 / (1 + exp(-x))` without overflow.
func sigma(_ x: Double) -> Double {
    x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x))
}
