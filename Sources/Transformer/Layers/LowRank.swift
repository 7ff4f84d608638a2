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

    /// The scratch elements that adapters of these ranks need, those of all modules of a product together.
    static func scratchCount(rank: Int, inputs: Int, outputs: Int) -> Int {
        let most = NarrowProduct.mostWidth
        return max(
            rank <= most ? NarrowProduct.scratchCount(rows: rank, columns: inputs) : 0,
            NarrowProduct.scratchCount(rows: outputs, columns: min(rank, most))
        )
    }

    /// Adds `s (x Aᵀ) Bᵀ` to `y`, `[T, outputs of the product]`; `states`, `[T, R]`, becomes `x Aᵀ`.
    func forward(_ x: Matrix, states: Matrix, into y: Matrix, scratch: Matrix) {
        project(x, into: states, scratch: scratch)
        for part in parts {
            multiplyNarrow(
                Operand(states.columns(part.ranks)),
                part.b.transposed,
                into: y.columns(part.outputs),
                accumulate: true,
                scale: part.scale,
                scratch: scratch
            )
        }
    }

    /// Writes `x Aᵀ` to `states`, `[T, R]`.
    func project(_ x: Matrix, into states: Matrix, scratch: Matrix) {
        multiplyNarrow(Operand(x), a.transposed, into: states, scratch: scratch)
    }

    /// Adds the gradient of the input to `dx`, `[T, N]`, unless it is nil; `dstates`, `[T, R]`, becomes `s dy B`, that of `x Aᵀ`.
    func inputGradient(_ dy: Matrix, dstates: Matrix, into dx: Matrix?) {
        for part in parts {
            let gradient = dstates.columns(part.ranks)
            multiplyNarrow(Operand(dy.columns(part.outputs)), Operand(part.b), into: gradient, scale: part.scale)
        }
        if let dx { multiplyNarrow(Operand(dstates), Operand(a), into: dx, accumulate: true) }
    }

    /// `dB += s dyᵀ (x Aᵀ)` for some of a part's outputs.
    func addOutputGradient(of part: Part, dy: Matrix, states: Matrix, outputs: Range<Int>) {
        guard let bGradient = part.bGradient else { return }
        let columns = dy.columns(part.outputs).columns(outputs)
        multiplyNarrow(
            columns.transposed,
            Operand(states.columns(part.ranks)),
            into: bGradient.rows(outputs),
            accumulate: true,
            scale: part.scale
        )
    }

    /// `dA += dstatesᵀ x` for some of the inputs.
    func addInputGradient(dstates: Matrix, x: Matrix, inputs: Range<Int>) {
        guard let aGradient else { return }
        let result = aGradient.columns(inputs)
        multiplyNarrow(dstates.transposed, Operand(x.columns(inputs)), into: result, accumulate: true)
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
