internal import Compute

extension LowRank {
    /// The trained norms `m` of the rows of a module's weights, which scale them.
    ///
    /// `y = g ⊙ x (W + s B A)ᵀ + b` with `g = m / ‖W + s B A‖` by rows. The norm counts as a constant in gradients. DoRA, Liu et
    /// al. 2024.
    struct Magnitude: Sendable {
        /// `m`, `[1, M]`.
        let norms: Matrix
        /// `[1, M]`, added to; nil for scores only.
        let gradient: Matrix?
        /// `g`, `[1, M]`, which `updateGains` computes.
        let gains: Matrix

        /// The norms of an adapted module; nil if it has none.
        init?(_ source: ParameterSource, _ module: Module) {
            guard let norms = source.weight([module], .loraMagnitude) else { return nil }
            guard let gains = source.weight([module], .loraGain) else {
                preconditionFailure("a buffer for the gains of magnitudes")
            }
            (self.norms, self.gains) = (norms, gains)
            gradient = source.gradient([module], .loraMagnitude)
        }
    }

    /// The elements of the scratch matrix that the adapted weights of some outputs need, at `inputs` elements each.
    static func scratchCount(inputs: Int) -> Int { max(32 * inputs, 256 << 10) }

    /// Calls `body` with the product's effective weights, `g ⊙ (W + s B A)`, a block of outputs at a time; those of
    /// modules that are not adapted as they are.
    ///
    /// - Parameters:
    ///   - weight: `[outputs, N]`, of the whole product.
    ///   - scratch: Of the calling thread, `[1, scratchCount]`.
    func forEachBlock(
        of weight: StoredMatrix,
        scratch: Matrix,
        _ body: (_ outputs: Range<Int>, _ weight: Matrix) -> Void
    ) {
        func plain(_ range: Range<Int>) {
            for block in Self.blocks(range, width: weight.columns, scratch: scratch) {
                body(block, widened(weight.rows(block), scratch))
            }
        }
        var next = 0
        for part in parts {
            let own = part.outputs
            plain(next..<own.lowerBound)
            for block in Self.blocks(0..<own.count, width: weight.columns, scratch: scratch) {
                let adapted = adapted(weight, part, block, scratch: scratch)
                if let magnitude = part.magnitude { adapted.scale(rows: magnitude.gains.columns(block)) }
                body(own.lowerBound + block.lowerBound..<own.lowerBound + block.upperBound, adapted)
            }
            next = own.upperBound
        }
        plain(next..<weight.rows)
    }

    /// The weights in float32, at the start of the scratch matrix.
    private func widened(_ weight: StoredMatrix, _ scratch: Matrix) -> Matrix {
        let result = scratch.reshaped(rows: weight.rows, columns: weight.columns)
        result.copy(from: weight)
        return result
    }

    /// `W + s B A` for some of a part's outputs.
    private func adapted(_ weight: StoredMatrix, _ part: Part, _ outputs: Range<Int>, scratch: Matrix) -> Matrix {
        let result = widened(weight.rows(part.outputs).rows(outputs), scratch)
        multiply(part.b.rows(outputs), a.rows(part.ranks), into: result, accumulate: true, scale: part.scale)
        return result
    }

    /// Consecutive parts of a range whose matrices of `width` columns fit the scratch matrix.
    private static func blocks(_ range: Range<Int>, width: Int, scratch: Matrix) -> [Range<Int>] {
        HeadDivision.chunks(range, size: max(scratch.columns / width, 1))
    }

    /// Computes the gains of some of a part's outputs from the current weights.
    func updateGains(of part: Part, weight: StoredMatrix, outputs: Range<Int>, scratch: Matrix) {
        guard let magnitude = part.magnitude else { return }
        for block in Self.blocks(outputs, width: weight.columns, scratch: scratch) {
            let adapted = adapted(weight, part, block, scratch: scratch)
            for (row, output) in block.enumerated() {
                let norm = Kernels.sumOfSquares(adapted.rows(row..<row + 1)).squareRoot()
                magnitude.gains[0, output] = Float(Double(magnitude.norms[0, output]) / norm)
            }
        }
    }

    /// Writes `s (g ⊙ dy) B`, the gradient of `x Aᵀ`, to `dstates`, `[T, R]`.
    func stateGradient(_ dy: Matrix, dstates: Matrix, scratch: Matrix) {
        for part in parts {
            guard let magnitude = part.magnitude else { continue }
            let (dy, target) = (dy.columns(part.outputs), dstates.columns(part.ranks))
            for block in Self.blocks(0..<part.outputs.count, width: part.b.columns, scratch: scratch) {
                let scaled = scratch.reshaped(rows: block.count, columns: part.b.columns)
                scaled.copy(from: part.b.rows(block))
                scaled.scale(rows: magnitude.gains.columns(block))
                let isFirst = block.lowerBound == 0
                multiply(dy.columns(block), scaled, into: target, accumulate: !isFirst, scale: part.scale)
            }
        }
    }

    /// Adds the gradients of `B` and of the norms, for some of a part's outputs.
    ///
    /// `dm = Σ dy ⊙ x (W + s B A)ᵀ / ‖W + s B A‖` over tokens, which takes the gradient of the whole weights, a block at a
    /// time.
    ///
    /// - Parameters:
    ///   - dy: `[T, outputs of the product]`, and `x` `[T, N]`, of the product.
    ///   - states: `x Aᵀ`, `[T, R]`.
    func addScaledGradient(
        of part: Part,
        dy: Matrix,
        x: Matrix,
        states: Matrix,
        weight: StoredMatrix,
        outputs: Range<Int>,
        scratch: Matrix,
        products: Products
    ) {
        guard let magnitude = part.magnitude, let bGradient = part.bGradient else { return }
        let (weight, inputs, rank) = (weight.rows(part.outputs), weight.columns, part.ranks.count)
        for block in Self.blocks(outputs, width: 2 * inputs + rank + 2, scratch: scratch) {
            let own = widened(weight.rows(block), scratch)
            let whole = scratch.reshaped(at: block.count * inputs, rows: block.count, columns: inputs)
            let low = scratch.reshaped(at: 2 * block.count * inputs, rows: block.count, columns: rank)
            let dots = scratch.reshaped(at: block.count * (2 * inputs + rank), rows: 2, columns: block.count)
            let dy = dy.columns(part.outputs).columns(block)
            products.weightGradient(dy, x, into: whole)
            multiply(dy.transposed, states.columns(part.ranks), into: low)
            Kernels.rowDots(whole, own, into: dots.rows(0..<1))
            Kernels.rowDots(low, part.b.rows(block), into: dots.rows(1..<2))
            for (row, output) in block.enumerated() {
                let gain = magnitude.gains[0, output]
                let product = dots[0, row] + part.scale * dots[1, row]
                magnitude.gradient?[0, output] += product * gain / magnitude.norms[0, output]
                bGradient.rows(output..<output + 1).add(low.rows(row..<row + 1), scaledBy: part.scale * gain)
            }
        }
    }
}
