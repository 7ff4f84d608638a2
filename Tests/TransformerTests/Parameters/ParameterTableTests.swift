internal import Compute
internal import Preferences
internal import TestSupport
internal import Testing
internal import Transformer

/// The table of parameters, which determines layout, kinds and order.
struct ParameterTableTests {
    private func architecture(tied: Bool) -> Architecture {
        Architecture(
            vocabularySize: 31,
            width: 12,
            layerCount: 2,
            maxPositions: 64,
            norm: Architecture.Norm(epsilon: 1e-5),
            attention: Architecture.Attention(heads: 4, keyValueHeads: 2, headWidth: 6),
            feedForward: Architecture.FeedForward(width: 20),
            rotary: Architecture.Rotary(theta: 10_000),
            tiesEmbeddings: tied
        )
    }

    @Test("each tensor of a Llama occurs once, with its name, shape and kind")
    func tensors() {
        let table = ParameterTable(architecture(tied: false), family: Llama.self)
        let layer =
            ["mlp.down_proj", "mlp.gate_proj", "mlp.up_proj", "post_attention_layernorm"]
            + ["self_attn.o_proj", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "input_layernorm"]
        let layers = [1, 0].flatMap { index in layer.map { "model.layers.\(index).\($0).weight" } }
        let names = ["model.norm.weight", "lm_head.weight"] + layers + ["model.embed_tokens.weight"]
        #expect(table.parameters.map(\.name) == names)
        let shapes = Dictionary(uniqueKeysWithValues: table.parameters.map { ($0.name, $0.shape) })
        #expect(shapes["model.layers.1.self_attn.q_proj.weight"] == [24, 12])
        #expect(shapes["model.layers.1.self_attn.k_proj.weight"] == [12, 12])
        #expect(shapes["model.layers.0.self_attn.o_proj.weight"] == [12, 24])
        #expect(shapes["model.layers.0.mlp.down_proj.weight"] == [12, 20])
        #expect(shapes["model.layers.0.mlp.up_proj.weight"] == [20, 12])
        #expect(shapes["lm_head.weight"] == [31, 12] && shapes["model.norm.weight"] == [12])
        let decaying = table.parameters.filter(\.kind.decays).map(\.name)
        #expect(decaying == names.filter { !$0.contains("norm") })
        #expect(ParameterTable(architecture(tied: true), family: Llama.self).parameters.count == names.count - 1)
        #expect(architecture(tied: false).parameterCount == table.parameters.reduce(0) { $0 + $1.shape.reduce(1, *) })
    }

    @Test(
        "a layout is contiguous, and gradients that are ready form a prefix",
        arguments: [true, false]
    )
    func layout(tied: Bool) {
        let layout = ParameterTable(architecture(tied: tied), family: Llama.self).trained
        var end = 0
        for tensor in layout.tensors {
            #expect(tensor.offset == end)
            end = tensor.range.upperBound
        }
        #expect(layout.count == end)
        let ready = (0...2).map(layout.gradientReadyCount)
        #expect(ready[2] == (tied ? 12 : 12 + 31 * 12))
        #expect(ready[1] == layout.tensor(.layer(0, .down))?.offset)
        #expect(ready[0] == layout.tensor(.embedding)?.offset)
    }

    @Test("trained and frozen parameters have separate layouts, and freezing does not change the other gradients")
    func frozen() throws {
        let model = architecture(tied: false)
        func isTrained(_ module: Module) -> Bool {
            switch module {
            case .layer(_, .down), .layer(1, .query), .layer(1, .key), .layer(1, .value), .finalNorm: return true
            default: return false
            }
        }
        let (whole, part) = (
            ParameterTable(model, family: Llama.self), ParameterTable(model, family: Llama.self, isTrained: isTrained)
        )
        #expect(part.trained.tensors.count == 6 && part.trained.count + part.frozen.count == model.parameterCount)
        #expect(part.trained.gradientReadyCount(layersLeft: 0) == part.trained.count)

        let all = try ParameterBuffer(whole.trained)
        RandomWeights(seed: 3).fill(all, team: ThreadTeam.start(count: 1))
        for index in 0..<model.parameterCount { all.flat[0, index] *= 8 }
        let weights = try [part.trained, part.frozen].map { layout in
            let buffer = try ParameterBuffer(layout)
            for tensor in layout.tensors {
                let source = all.layout.tensor(tensor.parameter.module, tensor.parameter.part)!
                buffer.elements(of: tensor).copy(from: all.elements(of: source))
            }
            return buffer
        }
        let expected = try gradients(model, weights: [all], layout: whole.trained)
        let found = try gradients(model, weights: weights, layout: part.trained)
        for tensor in part.trained.tensors {
            let same = whole.trained.tensor(tensor.parameter.module, tensor.parameter.part)!
            #expect(found[tensor.range] == expected[same.range], "\(tensor.name)")
            #expect(found[tensor.range].contains { $0 != 0 }, "\(tensor.name)")
        }
    }

    private func gradients(
        _ model: Architecture,
        weights: [ParameterBuffer],
        layout: ParameterLayout
    ) throws -> ArraySlice<Float> {
        let gradients = try ParameterBuffer(layout)
        let row = try Forks.row()
        let pass = try ForestModel(
            model,
            positions: 64,
            capacity: .init(tokens: row.tokens.count, trains: true),
            team: ThreadTeam.start(count: 1)
        )
        let parameters = ModelParameters(model, weights: weights, gradients: gradients)
        _ = pass.accumulateGradients(row, parameters: parameters) { _, examples in
            row.examples[examples].flatMap { row.responses[$0.responses] }.flatMap(\.labels).map { noise($0) }
        }
        return gradients.flat.elements()[...]
    }
}
