package import Compute

extension Architecture {
    /// The feed-forward, gated `(a(x Wᵍᵀ) ⊙ x Wᵘᵀ) Wᵈᵀ` (Shazeer 2020), or plain `a(x Wᵘᵀ) Wᵈᵀ`.
    package struct FeedForward: Sendable, Equatable, Encodable {
        /// Elements between the products, `F`.
        package var width: Int
        /// Whether all products have biases.
        package var hasBias = false
        /// The activation `a`.
        package var activation = Activation.silu
        /// Whether there is no gate.
        package var isPlain = false
        /// Whether gate and up are stored as one tensor, gate first.
        package var isFused = false

        /// A gated feed-forward of this width.
        package init(width: Int) { self.width = width }

        /// Outputs of the first product: `2F` with a gate, `F` without.
        var projectedWidth: Int { isPlain ? width : 2 * width }

        /// The modules of the first product, in their order.
        var inputModules: [LayerModule] { isPlain ? [.up] : isFused ? [.gateUp] : [.gate, .up] }

        /// The tensors that it declares in a model of width `outer`.
        func declarations(outer: Int) -> [(LayerModule, ParameterDeclaration)] {
            let inputs: KeyValuePairs<LayerModule, Int> =
                isPlain ? [.up: width] : isFused ? [.gateUp: 2 * width] : [.gate: width, .up: width]
            return Linear.declarations([.down: outer], inputs: width, hasBias: hasBias)
                + Linear.declarations(inputs, inputs: outer, hasBias: hasBias)
        }
    }
}

/// The feed-forward of one layer, over a block of tokens on the calling thread.
///
/// Shapes: `T` tokens of the block, `D` model width, `F` feed-forward width; `2F` stands for `F` without a gate.
package struct FeedForward: Sendable {
    /// `[2F, D]`: gate, then up.
    package let gateUp: Linear
    /// `[D, F]`.
    package let down: Linear
    private let activation: Activation
    private let isPlain: Bool

    /// A feed-forward of these products.
    package init(_ feedForward: Architecture.FeedForward, gateUp: Linear, down: Linear) {
        (self.gateUp, self.down) = (gateUp, down)
        (activation, isPlain) = (feedForward.activation, feedForward.isPlain)
    }

    init(_ feedForward: Architecture.FeedForward, _ source: ParameterSource, layer: Int) {
        self.init(
            feedForward,
            gateUp: Linear(source, feedForward.inputModules.map { .layer(layer, $0) }),
            down: Linear(source, [.layer(layer, .down)])
        )
    }

    /// Computes gate and up, from which the backward pass starts.
    ///
    /// - Parameters:
    ///   - x: `[T, D]`.
    ///   - gateUp: `[T, 2F]`, overwritten.
    package func project(_ x: Matrix, gateUp: Matrix, _ buffers: Linear.Buffers? = nil) {
        self.gateUp.forward(x, into: gateUp, buffers)
    }

    /// Writes the result to `output`, or adds it.
    ///
    /// - Parameters:
    ///   - gateUp: Of `project`.
    ///   - inner: `[T, F]`, overwritten.
    ///   - output: `[T, D]`.
    package func forward(
        gateUp: Matrix,
        inner: Matrix,
        into output: Matrix,
        accumulate: Bool,
        _ buffers: Linear.Buffers? = nil
    ) {
        activate(gateUp, into: inner)
        down.forward(inner, into: output, accumulate: accumulate, buffers)
    }

    /// Computes the gradient of the input; those of the weights follow from `gateUp`, `inner` and `dy`.
    ///
    /// - Parameters:
    ///   - gateUp: Of `project`; becomes its own gradient.
    ///   - inner: `[T, F]`, overwritten with the activation before the down projection.
    ///   - dinner: `[T, F]`, overwritten.
    ///   - dx: `[T, D]`, overwritten.
    package func backward(
        gateUp: Matrix,
        inner: Matrix,
        dinner: Matrix,
        dy: Matrix,
        into dx: Matrix,
        _ buffers: (gateUp: Linear.Buffers?, down: Linear.Buffers?) = (nil, nil)
    ) {
        activate(gateUp, into: inner)
        down.inputGradient(dy, into: dinner, buffers.down)
        if isPlain {
            Kernels.activateBackward(gateUp, activation, dout: dinner)
        } else {
            Kernels.gateBackward(gateUp, activation, dout: dinner)
        }
        self.gateUp.inputGradient(gateUp, into: dx, buffers.gateUp)
    }

    private func activate(_ gateUp: Matrix, into inner: Matrix) {
        if isPlain {
            Kernels.activate(gateUp, activation, into: inner)
        } else {
            Kernels.gate(gateUp, activation, into: inner)
        }
    }

    /// The contributions of the products to their weight gradients, after `backward` of all tokens.
    ///
    /// - Parameters:
    ///   - x: `[T, D]`, the input.
    ///   - gateUp: `[T, 2F]`, and `inner` `[T, F]`, as `backward` leaves them.
    ///   - dy: `[T, D]`.
    package func weightGradients(
        x: Matrix,
        gateUp: Matrix,
        inner: Matrix,
        dy: Matrix,
        _ lowRank: (gateUp: Linear.LowRankStates?, down: Linear.LowRankStates?) = (nil, nil)
    ) -> [Linear.Contribution] {
        [
            Linear.Contribution(linear: self.gateUp, dy: gateUp, x: x, lowRank: lowRank.gateUp),
            Linear.Contribution(linear: down, dy: dy, x: inner, lowRank: lowRank.down),
        ]
    }
}
