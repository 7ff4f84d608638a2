package import Compute

extension Architecture {
    /// The norm: `y = x · rstd(x) · w`, `rstd(x) = 1 / √(mean(x²) + ε)` (RMSNorm, Zhang & Sennrich 2019).
    package struct Norm: Sendable, Equatable, Encodable {
        /// `ε`, above 0.
        package var epsilon: Float

        /// A norm with this `ε`.
        package init(epsilon: Float) { self.epsilon = epsilon }

        /// The scale of a norm over `width` elements.
        func declaration(width: Int) -> ParameterDeclaration { ParameterDeclaration(kind: .norm, shape: [width]) }
    }
}

/// A norm of hidden states with its scale.
package struct Norm: Sendable {
    /// `[1, D]`.
    package let weight: Matrix
    /// `[1, D]`, added to; nil if the norm is frozen.
    package let gradient: Matrix?
    let epsilon: Float

    /// A norm with this scale.
    package init(weight: Matrix, gradient: Matrix? = nil, epsilon: Float) {
        (self.weight, self.gradient, self.epsilon) = (weight, gradient, epsilon)
    }

    init(_ norm: Architecture.Norm, _ source: ParameterSource, _ module: Module) {
        guard let weight = source.weight([module]) else { preconditionFailure("a norm has a scale") }
        self.weight = weight
        gradient = source.gradient([module])
        epsilon = norm.epsilon
    }

    /// Normalizes each row of `x`, `[T, D]`.
    package func forward(_ x: Matrix, into y: Matrix) {
        Kernels.normalize(x, weight: weight, epsilon: epsilon, into: y)
    }

    /// Writes the gradient of the input to `dx`, and adds that of the scale to `dweight`.
    ///
    /// - Parameters:
    ///   - residual: `[T, D]`, the gradient that bypasses the norm, added to `dx`; may be `dx`.
    ///   - dweight: `[1, D]`, of the calling thread; `addGradient` sums them.
    package func backward(_ x: Matrix, dy: Matrix, residual: Matrix, into dx: Matrix, dweight: Matrix) {
        Kernels.normalizeBackward(
            x,
            weight: weight,
            epsilon: epsilon,
            dy: dy,
            residual: residual,
            into: dx,
            dweight: dweight
        )
    }

    /// Adds the threads' parts `[threads, D]` to the scale's gradient, in their order.
    package func addGradient(_ parts: Matrix) {
        guard let gradient else { return }
        for thread in 0..<parts.rows { gradient.add(parts.rows(thread..<thread + 1)) }
    }
}
