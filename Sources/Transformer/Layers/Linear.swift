package import Compute

/// A product with weights, `y = x Wᵀ + b`: the only place where activations meet a matrix of parameters.
///
/// Shapes: `T` tokens, `N` inputs, `M` outputs.
package struct Linear: Sendable {
    /// `[M, N]`.
    package let weight: Matrix
    /// `[M, N]`, added to; nil if the weight is frozen.
    package let weightGradient: Matrix?
    /// `[1, M]`; nil without a bias.
    package let bias: Matrix?
    /// `[1, M]`, added to; nil without a bias or if it is frozen.
    package let biasGradient: Matrix?

    /// One product of adjacent modules, which multiply the same input.
    init(_ source: ParameterSource, _ modules: [Module]) {
        guard let weight = source.weight(modules) else { preconditionFailure("a product has a weight") }
        self.weight = weight
        weightGradient = source.gradient(modules)
        bias = source.weight(modules, .bias)
        biasGradient = source.gradient(modules, .bias)
    }

    /// A product with these weights.
    package init(
        weight: Matrix,
        weightGradient: Matrix? = nil,
        bias: Matrix? = nil,
        biasGradient: Matrix? = nil
    ) {
        (self.weight, self.weightGradient) = (weight, weightGradient)
        (self.bias, self.biasGradient) = (bias, biasGradient)
    }

    /// The tensors of a product of modules with these numbers of outputs: adjacent weights, then biases.
    static func declarations(
        _ outputs: KeyValuePairs<LayerModule, Int>,
        inputs: Int,
        hasBias: Bool
    ) -> [(LayerModule, ParameterDeclaration)] {
        outputs.map { ($0, ParameterDeclaration(kind: .matrix, shape: [$1, inputs])) }
            + (hasBias ? outputs.map { ($0, ParameterDeclaration(part: .bias, kind: .bias, shape: [$1])) } : [])
    }

    /// The product for some of the outputs.
    package func outputs(_ range: Range<Int>) -> Linear {
        Linear(
            weight: weight.rows(range),
            weightGradient: weightGradient?.rows(range),
            bias: bias?.columns(range),
            biasGradient: biasGradient?.columns(range)
        )
    }

    // MARK: On the calling thread

    /// `y = x Wᵀ + b`, or `y += x Wᵀ + b`; `x` is `[T, N]`, `y` `[T, M]`.
    package func forward(_ x: Matrix, into y: Matrix, accumulate: Bool = false) {
        if let bias { accumulate ? y.add(row: bias) : y.fill(rows: bias) }
        multiply(x, weight.transposed, into: y, accumulate: accumulate || bias != nil)
    }

    /// `dx = dy W`, or `dx += dy W`; `dy` is `[T, M]`, `dx` `[T, N]`.
    package func inputGradient(_ dy: Matrix, into dx: Matrix, accumulate: Bool = false) {
        multiply(dy, weight, into: dx, accumulate: accumulate)
    }

    /// `dW += dyᵀ x` and `db += Σ dy` over tokens; `dy` is `[T, M]`, `x` `[T, N]`.
    package func addWeightGradient(dy: Matrix, x: Matrix) {
        if let weightGradient { multiply(dy.transposed, x, into: weightGradient, accumulate: true) }
        biasGradient?.addColumnSums(of: dy)
    }

    // MARK: On a team

    /// The contribution of one product to its weight gradient.
    package struct Contribution {
        let linear: Linear
        /// `[T, M]`.
        let dy: Matrix
        /// `[T, N]`.
        let x: Matrix

        /// `dyᵀ x` for the weights of `linear`.
        package init(linear: Linear, dy: Matrix, x: Matrix) { (self.linear, self.dy, self.x) = (linear, dy, x) }
    }

    /// Adds several products' contributions in one phase, each thread an equal part of the elements of all results.
    ///
    /// A single phase divides few results, so that the library packs few operands twice, and threads synchronize once.
    /// All contributions have the same `T`, so a result's elements measure its work.
    package static func addWeightGradients(_ contributions: [Contribution], team: ThreadTeam) {
        let trained = contributions.filter { $0.linear.weightGradient != nil || $0.linear.biasGradient != nil }
        let total = trained.reduce(0) { $0 + $1.elementCount }
        guard total > 0 else { return }
        team.run("weight gradients") { thread in
            let share = team.share(of: total, thread: thread)
            var start = 0
            for contribution in trained {
                let rows = contribution.outputs(of: share, start: start)
                contribution.linear.outputs(rows)
                    .addWeightGradient(dy: contribution.dy.columns(rows), x: contribution.x)
                start += contribution.elementCount
            }
        }
    }
}

extension Linear.Contribution {
    /// Outputs are divided at multiples of the block size of the library's kernels.
    private static let step = 16

    fileprivate var elementCount: Int { linear.weight.rows * linear.weight.columns }

    /// The outputs that fall to a share of all elements, of which those of this result begin with number `start`.
    fileprivate func outputs(of share: Range<Int>, start: Int) -> Range<Int> {
        func output(_ element: Int) -> Int {
            let steps = max(element - start, 0) / (linear.weight.columns * Self.step)
            return element - start >= elementCount ? linear.weight.rows : steps * Self.step
        }
        return output(share.lowerBound)..<output(share.upperBound)
    }
}
