internal import Compute
internal import Formats
internal import Foundation
internal import Preferences
internal import SystemPackage
internal import TestSupport
internal import Transformer

/// A model so small that its gradients can be had from central differences, with weights made of fixed noise.
final class TinyModel {
    let configuration: ModelConfiguration
    let layout: ParameterLayout
    private let parameters: FloatBuffer
    private let slopes: FloatBuffer

    init(layers: Int, heads: Int = 4, groups: Int = 2, width: Int = 4, tied: Bool) throws {
        configuration = try Places.temporary { directory in
            try AtomicFile.write(to: directory.appending("config.json")) { file in
                try file.append(
                    """
                    {"model_type": "llama", "hidden_act": "silu", "vocab_size": 13, "hidden_size": 10,
                     "intermediate_size": 7, "num_hidden_layers": \(layers), "num_attention_heads": \(heads),
                     "num_key_value_heads": \(groups), "head_dim": \(width), "rms_norm_eps": 1e-5,
                     "rope_theta": 100, "tie_word_embeddings": \(tied)}
                    """
                )
            }
            return try ModelConfiguration(directory: directory)
        }
        layout = ParameterLayout(configuration)
        parameters = try FloatBuffer(count: layout.count)
        slopes = try FloatBuffer(count: layout.count)
        let flat = parameters.matrix(rows: 1, columns: layout.count)
        for tensor in layout.tensors {
            // Norms around 1; matrices wide enough that attention and distributions are far from even.
            for index in tensor.range {
                flat[0, index] = Float(tensor.decays ? 0.8 * noise(index) : 1 + 0.4 * noise(index))
            }
        }
    }

    /// The weights, exactly as the model has them.
    var weights: [Double] { parameters.matrix(rows: 1, columns: layout.count).elements().map(Double.init) }

    /// The gradient of the sum of `coefficients[row][token] * log-probability` over rows, one after the other; a row's
    /// tokens are those of its responses.
    func gradient(_ rows: [PackedRow], coefficients: [[Double]], threads: Int, logitBytes: Int) throws -> [Double] {
        let model = try ForestModel(
            configuration,
            positions: 1 + Int(rows.flatMap(\.positions).max() ?? 0),
            capacity: .init(tokens: rows.map(\.tokens.count).max() ?? 0, trains: true, logitBytes: logitBytes),
            team: ThreadTeam(count: threads)
        )
        let flat = slopes.matrix(rows: 1, columns: layout.count)
        flat.fill(0)
        for (row, coefficients) in zip(rows, coefficients) {
            _ = model.accumulateGradients(
                row,
                weights: ParameterViews(parameters, layout: layout, model: configuration),
                gradients: ParameterViews(slopes, layout: layout, model: configuration)
            ) { _, examples in
                row.examples[examples].flatMap { example in
                    row.responses[example.responses].flatMap { coefficients[$0.targets] }
                }
            }
        }
        return flat.elements().map(Double.init)
    }
}

/// A fixed number in `[-1, 1]` for an index, without pattern.
func noise(_ index: Int) -> Double {
    var z = UInt64(truncatingIfNeeded: index) &+ 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return Double(z >> 11) / Double(1 << 52) - 1
}
