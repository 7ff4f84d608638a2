package import Compute

/// The weights of a model with an adapter merged: `W + s B A`, with magnitudes `m / ‖W + s B A‖ ⊙ (W + s B A)` by rows, and
/// the adapter's copies in place of what they copy.
package struct AdapterMerge {
    private let adapter: Adapter
    private let base: ParameterSource
    private let own: ParameterSource

    /// The merge of an adapter's tensors into the weights of a model.
    package init(_ adapter: Adapter, weights: ParameterBuffer, base: [ParameterBuffer]) {
        self.adapter = adapter
        self.base = ParameterSource(weights: base, gradients: nil, adapter: nil)
        own = ParameterSource(weights: [weights], gradients: nil, adapter: nil)
    }

    /// Writes a tensor of the merged model to `result`, `[1, count]`.
    package func merge(_ parameter: Parameter, into result: Matrix) {
        let isCopied = parameter.part == .weight && adapter.copiedModules.contains(parameter.module)
        let source = isCopied ? own.stored([parameter.module], .copy) : base.stored([parameter.module], parameter.part)
        guard let source else { preconditionFailure("weights of a module") }
        let matrix = result.reshaped(rows: source.rows, columns: source.columns)
        matrix.copy(from: source)
        guard parameter.part == .weight, let low = adapter.modules[parameter.module],
            let a = own.weight([parameter.module], .loraA), let b = own.weight([parameter.module], .loraB)
        else { return }
        multiply(b, a, into: matrix, accumulate: true, scale: low.scale)
        guard let magnitudes = own.weight([parameter.module], .loraMagnitude) else { return }
        for row in 0..<matrix.rows {
            let values = matrix.rows(row..<row + 1)
            let norm = Kernels.sumOfSquares(values).squareRoot()
            values.scale(by: Float(Double(magnitudes[0, row]) / norm))
        }
    }
}
