internal import Compute
internal import Preferences
internal import TestSupport
internal import Transformer

/// A tiny model with an adapter, and the same model with the adapter merged.
final class AdaptedTinyModel {
    let adapter: Adapter
    let layout: ParameterLayout
    private let base: TinyModel
    private let trained: ParameterBuffer
    private let gradients: ParameterBuffer
    private let gains: ParameterBuffer

    var architecture: Architecture { base.architecture }

    init(_ architecture: Architecture, _ adapter: Adapter) throws {
        self.adapter = adapter
        base = try TinyModel(architecture)
        let table = ParameterTable(architecture, family: TinyFamily.self)
            .adapted(by: adapter, of: architecture) { "\($0) \($1)" }
        layout = table.trained
        trained = try ParameterBuffer(layout)
        gradients = try ParameterBuffer(layout)
        gains = try ParameterBuffer(adapter.gains(of: architecture))
        for tensor in layout.tensors {
            for index in tensor.range {
                trained.flat[0, index] = Float(TinyModel.weight(tensor.parameter.kind, noise(5000 + index)))
            }
        }
    }

    /// The gradient of the adapter, and log-probabilities, as `TinyModel.gradient` has them.
    func gradient(
        _ rows: [PackedSequence],
        coefficients: [[Double]],
        _ computation: TinyModel.Computation
    ) throws -> (gradient: [Double], logps: [[Float]]) {
        let shape = AdapterShape(adapter, of: architecture)
        let model = try TinyModel.model(architecture, rows, computation, trains: true, adapter: shape)
        gradients.flat.fill(0)
        let parameters = parameters(gradients: gradients)
        let logps = zip(rows, coefficients).map { row, coefficients in
            model.accumulateGradients(row, parameters: parameters) { _, examples in
                row.examples[examples].flatMap { example in
                    row.responses[example.responses].flatMap { coefficients[$0.labels] }
                }
            }.logps
        }
        return (gradients.flat.elements().map(Double.init), logps)
    }

    /// Log-probabilities without gradients.
    func logps(_ rows: [PackedSequence], _ computation: TinyModel.Computation) throws -> [[Float]] {
        let shape = AdapterShape(adapter, of: architecture)
        let model = try TinyModel.model(architecture, rows, computation, trains: false, adapter: shape)
        return rows.map { model.score($0, parameters: parameters(gradients: nil)).logps }
    }

    /// Log-probabilities without the adapter.
    func baseLogps(_ rows: [PackedSequence], _ computation: TinyModel.Computation) throws -> [[Float]] {
        let model = try TinyModel.model(architecture, rows, computation, trains: false)
        let parameters = ModelParameters(architecture, weights: [base.parameters, trained])
        return rows.map { model.score($0, parameters: parameters).logps }
    }

    private func parameters(gradients: ParameterBuffer?) -> ModelParameters {
        ModelParameters(
            architecture,
            weights: [base.parameters, trained, gains],
            gradients: gradients,
            adapter: adapter
        )
    }

    // MARK: The merged model

    /// The gradient of the adapter by the chain rule from that of the merged weights, and the log-probabilities of the
    /// merged model.
    func merged(
        _ rows: [PackedSequence],
        coefficients: [[Double]]
    ) throws -> (gradient: [Double], logps: [[Float]]) {
        let merged = try TinyModel(architecture)
        for tensor in merged.layout.tensors where tensor.parameter.part == .weight {
            let effective = effective(tensor)
            for (index, value) in zip(tensor.range, effective.weights.joined()) {
                merged.parameters.flat[0, index] = Float(value)
            }
        }
        let whole = try merged.gradient(rows, coefficients: coefficients, .init())
        var gradient = [Double](repeating: 0, count: layout.count)
        for tensor in merged.layout.tensors where tensor.parameter.part == .weight {
            addChain(tensor, Array(whole.gradient[tensor.range]), to: &gradient)
        }
        return (gradient, whole.logps)
    }

    private typealias Rows = [[Double]]

    private func rows(_ values: some Sequence<Double>, _ width: Int) -> Rows {
        let all = Array(values)
        return stride(from: 0, to: all.count, by: width).map { Array(all[$0..<$0 + width]) }
    }

    private func own(_ module: Module, _ part: Parameter.Part) -> Rows? {
        layout.tensor(module, part).map { tensor in
            rows(tensor.range.map { Double(trained.flat[0, $0]) }, tensor.shape.last!)
        }
    }

    /// The weights of a module with the adapter, and before the gains of its magnitudes.
    private func effective(_ tensor: ParameterLayout.Tensor) -> (weights: Rows, sum: Rows, gains: [Double]) {
        let module = tensor.parameter.module
        var weights = rows(tensor.range.map { Double(base.parameters.flat[0, $0]) }, tensor.shape.last!)
        if let copy = own(module, .copy) { weights = copy }
        guard let low = adapter.modules[module], let a = own(module, .loraA), let b = own(module, .loraB) else {
            return (weights, weights, [])
        }
        for (out, row) in b.enumerated() {
            for (rank, value) in row.enumerated() {
                for column in weights[out].indices {
                    weights[out][column] += Double(low.scale) * value * a[rank][column]
                }
            }
        }
        guard let magnitudes = own(module, .loraMagnitude)?.joined() else {
            return (weights, weights, Array(repeating: 1, count: weights.count))
        }
        let norms = weights.map { row in row.reduce(0) { $0 + $1 * $1 }.squareRoot() }
        let gains = zip(magnitudes, norms).map { $0 / $1 }
        return (zip(weights, gains).map { row, gain in row.map { $0 * gain } }, weights, gains)
    }

    private func addChain(_ tensor: ParameterLayout.Tensor, _ dweights: [Double], to gradient: inout [Double]) {
        let module = tensor.parameter.module
        let (_, sum, gains) = effective(tensor)
        if let copy = layout.tensor(module, .copy) {
            for (index, value) in zip(copy.range, dweights) { gradient[index] += value }
        }
        guard let low = adapter.modules[module], let a = own(module, .loraA), let b = own(module, .loraB),
            let aTensor = layout.tensor(module, .loraA), let bTensor = layout.tensor(module, .loraB)
        else { return }
        let (scale, width) = (Double(low.scale), tensor.shape.last!)
        for (out, dscaled) in rows(dweights, width).enumerated() {
            let drow = dscaled.map { $0 * gains[out] * scale }
            for rank in a.indices {
                gradient[bTensor.offset + out * a.count + rank] += zip(drow, a[rank]).reduce(0) { $0 + $1.0 * $1.1 }
                for column in drow.indices {
                    gradient[aTensor.offset + rank * width + column] += b[out][rank] * drow[column]
                }
            }
            if let magnitude = layout.tensor(module, .loraMagnitude) {
                let norm = sum[out].reduce(0) { $0 + $1 * $1 }.squareRoot()
                gradient[magnitude.offset + out] += zip(dscaled, sum[out]).reduce(0) { $0 + $1.0 * $1.1 } / norm
            }
        }
    }
}
