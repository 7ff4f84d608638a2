internal import Foundation

/// The value and the derivative of a scalar function at one point, from which losses are composed.
struct ValueAndSlope: Sendable {
    let value: Double
    let slope: Double

    /// The function that is 0 everywhere.
    static func zero(_ x: Double) -> ValueAndSlope { ValueAndSlope(value: 0, slope: 0) }

    /// `-(1 - ε) log σ(x) - ε log σ(-x)`, computed as softplus, which neither overflows nor loses small values.
    static func logistic(_ x: Double, smoothing: Double = 0) -> ValueAndSlope {
        ValueAndSlope(
            value: (1 - smoothing) * softplus(-x) + smoothing * softplus(x),
            // d/dx softplus(-x) = -σ(-x); d/dx softplus(x) = σ(x).
            slope: -(1 - smoothing) * sigma(-x) + smoothing * sigma(x)
        )
    }

    /// `σ(x)`.
    static func sigmoidal(_ x: Double) -> ValueAndSlope {
        ValueAndSlope(value: sigma(x), slope: sigma(x) * sigma(-x))
    }

    /// `((x - center) / scale)²`.
    static func parabola(_ x: Double, center: Double, scale: Double) -> ValueAndSlope {
        let distance = (x - center) / scale
        return ValueAndSlope(value: distance * distance, slope: 2 * distance / scale)
    }

    /// The function mirrored at 0: if this is `f` at `-x`, the result is `f(-x)` as a function of `x`.
    var mirrored: ValueAndSlope { ValueAndSlope(value: value, slope: -slope) }

    static func + (a: ValueAndSlope, b: ValueAndSlope) -> ValueAndSlope {
        ValueAndSlope(value: a.value + b.value, slope: a.slope + b.slope)
    }

    static func * (factor: Double, a: ValueAndSlope) -> ValueAndSlope {
        ValueAndSlope(value: factor * a.value, slope: factor * a.slope)
    }
}

/// `log(1 + exp(x))` without overflow, accurate to rounding for large and small `x`.
func softplus(_ x: Double) -> Double {
    max(x, 0) + log1p(exp(-abs(x)))
}

/// `1 / (1 + exp(-x))` without overflow.
func sigma(_ x: Double) -> Double {
    x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x))
}
