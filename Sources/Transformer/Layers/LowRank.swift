package import Compute

/// The low-rank part of a product with weights, `s (x Aᵀ) Bᵀ`, of one or several modules that multiply the same input.
///
/// LoRA, Hu et al. 2021. Operations on a block of tokens run on the calling thread.
///
/// Shapes: `T` tokens, `N` inputs, `R` the ranks of all modules together, `M` outputs of a module, `r` its rank.
package struct LowRank: Sendable {
    /// The adapter of one module.
    package struct Part: Sendable {
        /// The outputs of the module among those of the product.
        let outputs: Range<Int>
        /// Its rows of `A`.
        let ranks: Range<Int>
        /// `s`.
        let scale: Float
        /// `[M, r]`.
        let b: Matrix
        /// `[M, r]`, added to; nil for scores only.
        let bGradient: Matrix?
        /// The trained norms of the rows of the module's weights; nil for none.
        let magnitude: Magnitude?
    }

    /// `[R, N]`.
    package let a: Matrix
    /// `[R, N]`, added to; nil for scores only.
    package let aGradient: Matrix?
    package let parts: [Part]

    /// `R`.
    package var rank: Int { a.rows }
    /// Whether the parts have trained norms, which change the whole weights.
    package var hasMagnitudes: Bool { parts.contains { $0.magnitude != nil } }

    /// Adds `s (x Aᵀ) Bᵀ` to `y`, `[T, outputs of the product]`; `states`, `[T, R]`, becomes `x Aᵀ`.
    func forward(_ x: Matrix, states: Matrix, into y: Matrix) {
        project(x, into: states)
        for part in parts {
            let result = y.columns(part.outputs)
            multiply(states.columns(part.ranks), part.b.transposed, into: result, accumulate: true, scale: part.scale)
        }
    }

    /// Writes `x Aᵀ` to `states`, `[T, R]`.
    func project(_ x: Matrix, into states: Matrix) { multiply(x, a.transposed, into: states) }

    /// Adds the gradient of the input to `dx`, `[T, N]`, unless it is nil; `dstates`, `[T, R]`, becomes `s dy B`, that of `x Aᵀ`.
    func inputGradient(_ dy: Matrix, dstates: Matrix, into dx: Matrix?) {
        for part in parts {
            multiply(dy.columns(part.outputs), part.b, into: dstates.columns(part.ranks), scale: part.scale)
        }
        if let dx { multiply(dstates, a, into: dx, accumulate: true) }
    }

    /// `dB += s dyᵀ (x Aᵀ)` for some of a part's outputs.
    func addOutputGradient(of part: Part, dy: Matrix, states: Matrix, outputs: Range<Int>) {
        guard let bGradient = part.bGradient else { return }
        let columns = dy.columns(part.outputs).columns(outputs)
        let gradient = bGradient.rows(outputs)
        multiply(
            columns.transposed,
            states.columns(part.ranks),
            into: gradient,
            accumulate: true,
            scale: part.scale
        )
    }

    /// `dA += dstatesᵀ x` for some of the inputs.
    func addInputGradient(dstates: Matrix, x: Matrix, inputs: Range<Int>) {
        guard let aGradient else { return }
        multiply(dstates.transposed, x.columns(inputs), into: aGradient.columns(inputs), accumulate: true)
    }
}

extension LowRank {
    /// The adapter of adjacent modules of one product; nil if none of them is adapted.
    init?(_ source: ParameterSource, _ modules: [Module]) {
        guard let adapter = source.adapter else { return nil }
        let adapted = modules.filter { adapter.modules[$0] != nil }
        guard !adapted.isEmpty, let a = source.weight(adapted, .loraA) else { return nil }
        self.a = a
        aGradient = source.gradient(adapted, .loraA)
        var (output, rank, parts) = (0, 0, [Part]())
        for module in modules {
            guard let weight = source.stored([module]) else { preconditionFailure("a product has a weight") }
            defer { output += weight.rows }
            guard let scale = adapter.modules[module]?.scale, let b = source.weight([module], .loraB) else { continue }
            let outputs = output..<output + weight.rows
            let ranks = rank..<rank + b.columns
            rank = ranks.upperBound
            parts.append(
                Part(
                    outputs: outputs,
                    ranks: ranks,
                    scale: scale,
                    b: b,
                    bGradient: source.gradient([module], .loraB),
                    magnitude: Magnitude(source, module)
                )
            )
        }
        self.parts = parts
    }
}
