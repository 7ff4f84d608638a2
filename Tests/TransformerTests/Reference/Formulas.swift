internal import Compute
internal import Foundation
internal import Transformer

// Operations in float64, each written plainly from its definition, for comparisons with the project's kernels.

extension Architecture.Norm {
    /// The norm of `x`: `(x - mean) / √(mean((x - mean)²) + ε) · scale + bias`, with a mean of 0 in RMSNorm.
    func formula(_ x: [Double], scale: [Double], bias: [Double]? = nil) -> [Double] {
        let count = Double(x.count)
        let mean = subtractsMean ? x.reduce(0, +) / count : 0
        let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
        let deviation = (variance + Double(epsilon)).squareRoot()
        return x.indices.map { index in
            (x[index] - mean) / deviation * (addsOne ? 1 + scale[index] : scale[index]) + (bias?[index] ?? 0)
        }
    }
}

extension Activation {
    /// The activation of one number.
    func formula(_ x: Double) -> Double {
        switch self {
        case .silu: return x / (1 + exp(-x))
        case .gelu: return x / 2 * (1 + erf(x / 2.0.squareRoot()))
        case .geluTanh: return x / 2 * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
        }
    }
}

extension Architecture.Rotary {
    /// Rotates each pair `i` of a head by `position · θ^(-2i / rotated width)`, and scales it by the attention factor.
    func formula(_ head: [Double], position: Int) -> [Double] {
        let width = rotatedWidth ?? head.count
        let factor = attentionFactor.map(Double.init) ?? 1
        var out = head
        for pair in 0..<width / 2 {
            let angle = Double(position) * pow(theta, -2 * Double(pair) / Double(width))
            let (first, second) = pairsNeighbours ? (2 * pair, 2 * pair + 1) : (pair, pair + width / 2)
            out[first] = factor * (head[first] * cos(angle) - head[second] * sin(angle))
            out[second] = factor * (head[second] * cos(angle) + head[first] * sin(angle))
        }
        return out
    }
}
