internal import Compute
internal import Preferences
internal import TestSupport
internal import Transformer

/// A model small enough for gradients by central differences, with weights of fixed noise.
final class TinyModel {
    /// How packed sequences are computed.
    struct Computation: Sendable {
        var threads = 1
        /// With 1, the head keeps the logits of 16 hidden states.
        var logitBytes = 1 << 20
        var recomputes = false
        var profile: Profile?
    }

    let architecture: Architecture
    let parameters: ParameterBuffer
    private let gradients: ParameterBuffer

    var layout: ParameterLayout { parameters.layout }

    init(_ architecture: Architecture) throws {
        self.architecture = architecture
        parameters = try ParameterBuffer(ParameterTable(architecture, family: TinyFamily.self).trained)
        gradients = try ParameterBuffer(parameters.layout)
        for tensor in parameters.layout.tensors {
            for index in tensor.range {
                parameters.flat[0, index] = Float(Self.weight(tensor.parameter.kind, noise(index)))
            }
        }
    }

    /// Norms around 1, also those of adapters; matrices wide enough that attention and distributions are far from even.
    static func weight(_ kind: Parameter.Kind, _ noise: Double) -> Double {
        switch kind {
        case .matrix, .embedding, .lowRankInput, .lowRankOutput: return 0.8 * noise
        case .norm, .magnitude: return 1 + 0.4 * noise
        case .normOffset, .bias: return 0.4 * noise
        }
    }

    /// The weights, exactly as the model has them.
    var weights: [Double] { parameters.flat.elements().map(Double.init) }

    /// The central differences' counterpart of this model.
    var reference: ReferenceModel { ReferenceModel(model: architecture, layout: layout) }

    /// The gradient of the sum of `coefficients[row][token] * log-probability` over packed sequences in order, and the
    /// log-probabilities of their labels; the tokens of one are those of its responses.
    func gradient(
        _ rows: [PackedSequence],
        coefficients: [[Double]],
        _ computation: Computation
    ) throws -> (gradient: [Double], logps: [[Float]]) {
        let model = try model(rows, computation, trains: true)
        gradients.flat.fill(0)
        let logps = zip(rows, coefficients).map { row, coefficients in
            model.accumulateGradients(
                row,
                parameters: ModelParameters(architecture, weights: [parameters], gradients: gradients)
            ) { _, examples in
                row.examples[examples].flatMap { example in
                    row.responses[example.responses].flatMap { coefficients[$0.labels] }
                }
            }.logps
        }
        return (gradients.flat.elements().map(Double.init), logps)
    }

    /// The log-probabilities of the labels of packed sequences, without gradients.
    func logps(_ rows: [PackedSequence], _ computation: Computation) throws -> [[Float]] {
        let model = try model(rows, computation, trains: false)
        return rows.map { model.score($0, parameters: ModelParameters(architecture, weights: [parameters])).logps }
    }

    private func model(_ rows: [PackedSequence], _ computation: Computation, trains: Bool) throws -> ForestModel {
        try Self.model(architecture, rows, computation, trains: trains)
    }

    static func model(
        _ architecture: Architecture,
        _ rows: [PackedSequence],
        _ computation: Computation,
        trains: Bool,
        adapter: AdapterShape = .none
    ) throws -> ForestModel {
        let team = ThreadTeam.start(count: computation.threads)
        team.profile = computation.profile
        return try ForestModel(
            architecture,
            positions: 1 + Int(rows.flatMap(\.positions).max() ?? 0),
            capacity: .init(
                tokens: rows.map(\.tokens.count).max() ?? 0,
                trains: trains,
                recomputes: computation.recomputes,
                logitBytes: computation.logitBytes,
                adapter: adapter
            ),
            team: team
        )
    }
}

/// A family that has every module.
enum TinyFamily: Family {
    static let modelType = "tiny"

    static func architecture(_ reader: inout ConfigurationReader) throws -> Architecture { .tiny() }

    static func name(of module: Module) -> String { "\(module)" }
}
