internal import Formats
internal import SystemPackage
internal import TestSupport
internal import Testing
internal import Transformer

/// Tensors of model files that are not parameters of the architecture.
struct StoredWeightsTests {
    private let model = Architecture(
        vocabularySize: 7,
        width: 4,
        layerCount: 1,
        maxPositions: 64,
        norm: Architecture.Norm(epsilon: 1e-5),
        attention: Architecture.Attention(heads: 1, keyValueHeads: 1, headWidth: 4),
        feedForward: Architecture.FeedForward(width: 3),
        rotary: Architecture.Rotary(theta: 10_000),
        tiesEmbeddings: true
    )

    /// Writes the model's tensors, each filled with its index, and others, and checks the files.
    private func check(
        _ others: [String: (shape: [Int], value: Float)],
        renaming rename: (String) -> String = { $0 },
        in directory: FilePath
    ) throws {
        let table = ParameterTable(model, family: Llama.self)
        func entry(_ name: String, _ shape: [Int], _ value: Float) -> SafetensorsEntry {
            let values = [Float](repeating: value, count: shape.reduce(1, *))
            return SafetensorsEntry(name: name, shape: shape) { try $0(values.span) }
        }
        let entries = table.parameters.enumerated().map { entry(rename($1.name), $1.shape, Float($0)) }
        let more = others.map { entry($0.key, $0.value.shape, $0.value.value) }
        try SafetensorsWriter.write(entries + more, metadata: [:], to: directory.appending("model.safetensors"))
        try table.check(try ModelWeights(directory: directory))
    }

    @Test(
        "a tensor that is not a parameter of the architecture is refused by name, with the remedy",
        arguments: [
            ("model.layers.0.self_attn.q_proj.bias", "correct config.json, or remove the tensor"),
            ("model.layers.1.mlp.up_proj.weight", "correct config.json, or remove the tensor"),
            ("model.layers.0.self_attn.q_proj.lora_A.default.weight", "an adapter that is not merged"),
            ("score.weight", "correct config.json, or remove the tensor"),
        ]
    )
    func unknown(name: String, remedy: String) throws {
        try Places.temporary { directory in
            let error = #expect(throws: FormatError.self) { try check([name: ([2], 1)], in: directory) }
            let text = error?.description ?? ""
            #expect(text.hasPrefix("\(directory): holds tensor \(name), which the model that config.json describes"))
            #expect(text.contains(remedy))
        }
    }

    @Test("the prefix of a compiled model is reported")
    func compiled() throws {
        try Places.temporary { directory in
            let error = #expect(throws: FormatError.self) {
                try check([:], renaming: { "_orig_mod." + $0 }, in: directory)
            }
            #expect(error?.description.contains("_orig_mod. is that of a compiled model") == true)
        }
    }

    @Test("a stored vocabulary projection must equal the embedding that it is tied to")
    func tiedHead() throws {
        try Places.temporary { directory in
            let embedding = Float(ParameterTable(model, family: Llama.self).parameters.count - 1)
            try check(["lm_head.weight": ([7, 4], embedding)], in: directory)
            let error = #expect(throws: FormatError.self) {
                try check(["lm_head.weight": ([7, 4], embedding + 1)], in: directory)
            }
            #expect(error?.description.contains("differs from model.embed_tokens.weight") == true)
        }
    }

    @Test("rotary frequencies stored by old versions of transformers are accepted")
    func frequencies() throws {
        try Places.temporary { directory in
            try check(["model.layers.0.self_attn.rotary_emb.inv_freq": ([2], 1)], in: directory)
        }
    }
}
