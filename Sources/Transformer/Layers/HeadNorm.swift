package import Compute

extension Architecture {
    /// The norms of queries and keys before rotation; each is the model's norm, without a bias.
    package enum HeadNorm: String, Sendable, Encodable {
        /// Each head by itself, with one scale for all, `[K]`.
        case sharedScale
        /// Each head by itself, with its own scale, `[heads, K]`.
        case ownScale
        /// All heads together, `[heads K]`.
        case joint

        func declarations(_ attention: Attention, _ norm: Norm) -> [(LayerModule, ParameterDeclaration)] {
            [(LayerModule.queryNorm, attention.heads), (.keyNorm, attention.keyValueHeads)].flatMap { module, heads in
                norm.withoutBias.declarations(module, shape: shape(heads: heads, width: attention.headWidth))
            }
        }

        private func shape(heads: Int, width: Int) -> [Int] {
            switch self {
            case .sharedScale: return [width]
            case .ownScale: return [heads, width]
            case .joint: return [heads * width]
            }
        }
    }
}

/// The norm of the queries or the keys of one layer.
///
/// Shapes: `B` tokens of a block, `heads K` columns.
package struct HeadNorm: Sendable {
    /// The norms of adjacent columns, each as wide as its scale; one that repeats if all heads share it.
    private let norms: [Norm]
    /// Whether the scales have gradients.
    var isTrained: Bool { gradient != nil }
    /// The gradients of all scales, `[1, parameterCount]`; nil if they are frozen.
    private let gradient: Matrix?

    /// Norms with these scales, `[norms, width]`.
    package init(_ function: Architecture.Norm, weight: Matrix, gradient: Matrix? = nil) {
        norms = (0..<weight.rows).map { Norm(function.withoutBias, weight: weight.rows($0..<$0 + 1)) }
        self.gradient = gradient?.reshaped(rows: 1, columns: weight.rows * weight.columns)
    }

    init(_ function: Architecture.Norm, _ source: ParameterSource, _ module: Module) {
        guard let weight = source.weight([module]) else { preconditionFailure("a norm has a scale") }
        self.init(function, weight: weight, gradient: source.gradient([module]))
    }

    /// Normalizes the heads of `x`, `[B, heads K]`.
    package func forward(_ x: Matrix, into y: Matrix) {
        forEachNorm(x) { norm, _, columns in norm.forward(x.columns(columns), into: y.columns(columns)) }
    }

    /// Replaces `dy`, `[B, heads K]`, by the gradient of the input `x`, and adds that of the scales to `dparameters`.
    package func backward(_ x: Matrix, dy: Matrix, dparameters: Matrix) {
        forEachNorm(x) { norm, parameters, columns in
            norm.backward(
                x.columns(columns),
                dy: dy.columns(columns),
                residual: nil,
                into: dy.columns(columns),
                dparameters: dparameters.columns(parameters)
            )
        }
    }

    /// Adds the threads' parts to the gradient of the scales, in their order.
    package func addGradient(_ parts: Matrix) {
        for thread in 0..<parts.rows { gradient?.add(parts.rows(thread..<thread + 1)) }
    }

    private func forEachNorm(_ x: Matrix, _ body: (Norm, _ parameters: Range<Int>, _ columns: Range<Int>) -> Void) {
        let width = norms[0].weight.columns
        for start in stride(from: 0, to: x.columns, by: width) {
            let number = norms.count == 1 ? 0 : start / width
            body(norms[number], number * width..<(number + 1) * width, start..<start + width)
        }
    }
}
