internal import Compute
internal import Preferences
internal import TestSupport
internal import Transformer

/// A model small enough for gradients by central differences, with weights of fixed noise.
final class TinyModel {
    let architecture: Architecture
    private let parameters: ParameterBuffer
    private let gradients: ParameterBuffer

    var layout: ParameterLayout { parameters.layout }

    init(layers: Int, heads: Int = 4, groups: Int = 2, width: Int = 4, tied: Bool) throws {
        architecture = Architecture(
            vocabularySize: 13,
            width: 10,
            layerCount: layers,
            maxPositions: 2048,
            norm: Architecture.Norm(epsilon: 1e-5),
            attention: Architecture.Attention(heads: heads, keyValueHeads: groups, headWidth: width),
            feedForward: Architecture.FeedForward(width: 7),
            rotary: Architecture.Rotary(theta: 100),
            tiesEmbeddings: tied
        )
        parameters = try ParameterBuffer(ParameterTable(architecture, family: Llama.self).trained)
        gradients = try ParameterBuffer(parameters.layout)
        for tensor in parameters.layout.tensors {
            // Norms around 1; matrices wide enough that attention and distributions are far from even.
            let decays = tensor.parameter.kind.decays
            for index in tensor.range {
                parameters.flat[0, index] = Float(decays ? 0.8 * noise(index) : 1 + 0.4 * noise(index))
            }
        }
    }

    /// The weights, exactly as the model has them.
    var weights: [Double] { parameters.flat.elements().map(Double.init) }

    /// The gradient of the sum of `coefficients[row][token] * log-probability` over packed sequences in order; the
    /// tokens of one are those of its responses.
    func gradient(_ rows: [PackedSequence], coefficients: [[Double]], threads: Int, logitBytes: Int) throws -> [Double]
    {
        let model = try ForestModel(
            architecture,
            positions: 1 + Int(rows.flatMap(\.positions).max() ?? 0),
            capacity: .init(tokens: rows.map(\.tokens.count).max() ?? 0, trains: true, logitBytes: logitBytes),
            team: ThreadTeam.start(count: threads)
        )
        gradients.flat.fill(0)
        for (row, coefficients) in zip(rows, coefficients) {
            _ = model.accumulateGradients(
                row,
                parameters: ModelParameters(architecture, weights: [parameters], gradients: gradients)
            ) { _, examples in
                row.examples[examples].flatMap { example in
                    row.responses[example.responses].flatMap { coefficients[$0.labels] }
                }
            }
        }
        return gradients.flat.elements().map(Double.init)
    }
}
