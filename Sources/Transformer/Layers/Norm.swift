package import Compute

extension Architecture {
    /// The norm of hidden states: RMSNorm, or LayerNorm.
    ///
    /// `y = x · rstd(x) · w` with `rstd(x) = 1 / √(mean(x²) + ε)` (Zhang & Sennrich 2019), or, if `subtractsMean`,
    /// `y = (x - mean(x)) · rstd(x - mean(x)) · w + b` (Ba et al. 2016).
    package struct Norm: Sendable, Equatable, Encodable {
        /// `ε`, above 0.
        package var epsilon: Float
        /// Whether it is a LayerNorm.
        package var subtractsMean = false
        /// Whether it has the bias `b`, of a LayerNorm.
        package var hasBias = false
        /// Whether the scale is `1 + w`, of an RMSNorm.
        package var addsOne = false

        /// An RMSNorm with this `ε`.
        package init(epsilon: Float) { self.epsilon = epsilon }

        /// The same norm without a bias.
        var withoutBias: Norm {
            var norm = self
            norm.hasBias = false
            return norm
        }

        /// The scale and the bias of a norm over `shape`, `[width]` or, with a scale for each head, `[heads, width]`.
        func declarations(_ module: LayerModule, shape: [Int]) -> [(LayerModule, ParameterDeclaration)] {
            declarations(shape: shape).map { (module, $0) }
        }

        func declarations(shape: [Int]) -> [ParameterDeclaration] {
            let scale = ParameterDeclaration(kind: addsOne ? .normOffset : .norm, shape: shape)
            return [scale] + (hasBias ? [ParameterDeclaration(part: .bias, kind: .bias, shape: shape)] : [])
        }
    }
}

/// A norm of hidden states with its parameters.
///
/// Shapes: `T` tokens, `D` width.
package struct Norm: Sendable {
    /// `[1, D]`.
    package let weight: Matrix
    /// `[1, D]`; nil without a bias.
    package let bias: Matrix?
    /// `[1, D]`, added to; nil if the norm is frozen.
    package let gradient: Matrix?
    /// `[1, D]`, added to; nil without a bias or if it is frozen.
    package let biasGradient: Matrix?
    private let function: Architecture.Norm

    /// A norm with these parameters.
    package init(
        _ function: Architecture.Norm,
        weight: Matrix,
        bias: Matrix? = nil,
        gradient: Matrix? = nil,
        biasGradient: Matrix? = nil
    ) {
        (self.function, self.weight, self.bias) = (function, weight, bias)
        (self.gradient, self.biasGradient) = (gradient, biasGradient)
    }

    init(_ norm: Architecture.Norm, _ source: ParameterSource, _ module: Module) {
        guard let weight = source.weight([module]) else { preconditionFailure("a norm has a scale") }
        self.init(
            norm,
            weight: weight,
            bias: source.weight([module], .bias),
            gradient: source.gradient([module]),
            biasGradient: source.gradient([module], .bias)
        )
    }

    /// The number of values of `backward`'s `dparameters`.
    package var parameterCount: Int { bias == nil ? weight.columns : 2 * weight.columns }

    /// Normalizes each row of `x`, `[T, D]`.
    package func forward(_ x: Matrix, into y: Matrix) {
        if function.subtractsMean {
            Kernels.layerNormalize(x, weight: weight, bias: bias, epsilon: function.epsilon, into: y)
        } else {
            Kernels.normalize(x, weight: weight, offset: offset, epsilon: function.epsilon, into: y)
        }
    }

    /// Writes the gradient of the input to `dx`, and adds that of the parameters to `dparameters`.
    ///
    /// - Parameters:
    ///   - residual: `[T, D]`, the gradient that bypasses the norm, added to `dx`; may be `dx`. Nil for none.
    ///   - dx: `[T, D]`, overwritten; may be `dy`.
    ///   - dparameters: `[1, parameterCount]`, of the calling thread: scale, then bias; `addGradient` sums them.
    package func backward(_ x: Matrix, dy: Matrix, residual: Matrix?, into dx: Matrix, dparameters: Matrix) {
        let dweight = dparameters.columns(0..<weight.columns)
        if function.subtractsMean {
            Kernels.layerNormalizeBackward(
                x,
                weight: weight,
                epsilon: function.epsilon,
                dy: dy,
                residual: residual,
                into: dx,
                dweight: dweight,
                dbias: bias == nil ? nil : dparameters.columns(weight.columns..<2 * weight.columns)
            )
        } else {
            Kernels.normalizeBackward(
                x,
                weight: weight,
                offset: offset,
                epsilon: function.epsilon,
                dy: dy,
                residual: residual,
                into: dx,
                dweight: dweight
            )
        }
    }

    /// Adds the threads' parts `[threads, parameterCount]` to the parameters' gradients, in their order.
    package func addGradient(_ parts: Matrix) {
        let width = weight.columns
        for thread in 0..<parts.rows {
            let part = parts.rows(thread..<thread + 1)
            gradient?.add(part.columns(0..<width))
            biasGradient?.add(part.columns(width..<2 * width))
        }
    }

    /// What is added to the weight.
    private var offset: Float { function.addsOne ? 1 : 0 }
}
