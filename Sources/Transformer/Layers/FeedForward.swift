package import Compute

extension Architecture {
    /// The gated feed-forward `(silu(x Wᵍᵀ) ⊙ x Wᵘᵀ) Wᵈᵀ` (SwiGLU, Shazeer 2020).
    package struct FeedForward: Sendable, Equatable, Encodable {
        /// Elements between the products, `F`.
        package var width: Int
        /// Whether all three products have biases.
        package var hasBias = false

        /// A feed-forward of this width.
        package init(width: Int) { self.width = width }

        /// The tensors that it declares in a model of width `outer`.
        func declarations(outer: Int) -> [(LayerModule, ParameterDeclaration)] {
            Linear.declarations([.down: outer], inputs: width, hasBias: hasBias)
                + Linear.declarations([.gate: width, .up: width], inputs: outer, hasBias: hasBias)
        }
    }
}

/// The feed-forward of one layer, over a block of tokens on the calling thread.
///
/// Shapes: `T` tokens of the block, `D` model width, `F` feed-forward width.
package struct FeedForward: Sendable {
    /// `[2F, D]`: gate, then up.
    package let gateUp: Linear
    /// `[D, F]`.
    package let down: Linear

    /// A feed-forward of these products.
    package init(gateUp: Linear, down: Linear) { (self.gateUp, self.down) = (gateUp, down) }

    init(_ source: ParameterSource, layer: Int) {
        gateUp = Linear(source, [.layer(layer, .gate), .layer(layer, .up)])
        down = Linear(source, [.layer(layer, .down)])
    }

    /// Computes gate and up, from which the backward pass starts.
    ///
    /// - Parameters:
    ///   - x: `[T, D]`.
    ///   - gateUp: `[T, 2F]`, overwritten.
    package func project(_ x: Matrix, gateUp: Matrix) {
        self.gateUp.forward(x, into: gateUp)
    }

    /// Adds the result to `output`.
    ///
    /// - Parameters:
    ///   - gateUp: Of `project`.
    ///   - inner: `[T, F]`, overwritten.
    ///   - output: `[T, D]`, added to.
    package func forward(gateUp: Matrix, inner: Matrix, into output: Matrix) {
        Kernels.gate(gateUp, .silu, into: inner)
        down.forward(inner, into: output, accumulate: true)
    }

    /// Computes the gradient of the input; those of the weights follow from `gateUp`, `inner` and `dy`.
    ///
    /// - Parameters:
    ///   - gateUp: Of `project`; becomes its own gradient.
    ///   - inner: `[T, F]`, overwritten with the activation before the down projection.
    ///   - dinner: `[T, F]`, overwritten.
    ///   - dx: `[T, D]`, overwritten.
    package func backward(gateUp: Matrix, inner: Matrix, dinner: Matrix, dy: Matrix, into dx: Matrix) {
        Kernels.gate(gateUp, .silu, into: inner)
        down.inputGradient(dy, into: dinner)
        Kernels.gateBackward(gateUp, .silu, dout: dinner)
        self.gateUp.inputGradient(gateUp, into: dx)
    }

    /// The contributions of the products to their weight gradients, after `backward` of all tokens.
    ///
    /// - Parameters:
    ///   - x: `[T, D]`, the input.
    ///   - gateUp: `[T, 2F]`, and `inner` `[T, F]`, as `backward` leaves them.
    ///   - dy: `[T, D]`.
    package func weightGradients(x: Matrix, gateUp: Matrix, inner: Matrix, dy: Matrix) -> [Linear.Contribution] {
        [
            Linear.Contribution(linear: self.gateUp, dy: gateUp, x: x),
            Linear.Contribution(linear: down, dy: dy, x: inner),
        ]
    }
}
