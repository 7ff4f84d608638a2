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
    @discardableResult
    private func check(
        _ others: [String: (shape: [Int], value: Float)],
        renaming rename: (String) -> String = { $0 },
        family: any Family.Type = Llama.self,
        isTrained: (Module) -> Bool = { _ in true },
        in directory: FilePath
    ) throws -> (table: ParameterTable, files: ModelWeights) {
        let table = ParameterTable(model, family: family, isTrained: isTrained)
        func entry(_ name: String, _ shape: [Int], _ value: Float) -> SafetensorsEntry {
            let values = [Float](repeating: value, count: shape.reduce(1, *))
            return SafetensorsEntry(name: name, shape: shape) { try $0(values.span) }
        }
        let entries = table.parameters.enumerated().map { entry(rename($1.name), $1.shape, Float($0)) }
        let more = others.map { entry($0.key, $0.value.shape, $0.value.value) }
        try SafetensorsWriter.write(entries + more, metadata: [:], to: directory.appending("model.safetensors"))
        let files = try ModelWeights(directory: directory)
        try table.check(files)
        return (table, files)
    }

    /// A text model whose files have a vision tower.
    private enum Wrapper: Family {
        static let modelType = "wrapper"
        static func architecture(_ reader: inout ConfigurationReader) throws -> Architecture {
            try Llama.architecture(&reader)
        }
        static func name(of module: Module) -> String { "language_model.\(Llama.name(of: module))" }
        static func isPassedThrough(_ tensorName: String) -> Bool { tensorName.hasPrefix("vision_tower.") }
    }

    @Test("tensors that a family passes through are accepted and copied, others are refused")
    func passedThrough() throws {
        try Places.temporary { directory in
            let vision = ["vision_tower.b": ([3], Float(1)), "vision_tower.a": ([2, 2], 2)]
            let (table, files) = try check(vision, family: Wrapper.self, in: directory)
            #expect(table.copiedNames(of: files) == ["vision_tower.a", "vision_tower.b"])
            #expect(table.tiedHead(in: files) == nil)
            for family in [Wrapper.self, Llama.self] as [any Family.Type] {
                let name = family is Llama.Type ? "vision_tower.a" : "vision.a"
                let error = #expect(throws: FormatError.self) {
                    try check([name: ([1], 1)], family: family, in: directory)
                }
                #expect(error?.description.hasPrefix("\(directory): holds tensor \(name), which") == true)
            }
        }
    }

    @Test("what is not trained is copied; a stored tied projection follows a trained embedding")
    func copied() throws {
        try Places.temporary { directory in
            let embedding = Float(ParameterTable(model, family: Llama.self).parameters.count - 1)
            let frequencies = "model.layers.0.self_attn.rotary_emb.inv_freq"
            let others = ["lm_head.weight": ([7, 4], embedding), frequencies: ([2], 1)]
            let (table, files) = try check(others, in: directory)
            #expect(table.copiedNames(of: files) == [frequencies])
            #expect(try #require(table.tiedHead(in: files)) == ("lm_head.weight", "model.embed_tokens.weight"))
            let frozen = try check(others, isTrained: { $0 != .embedding && $0 != .finalNorm }, in: directory)
            #expect(
                frozen.table.copiedNames(of: frozen.files)
                    == ["lm_head.weight", "model.embed_tokens.weight", frequencies, "model.norm.weight"]
            )
            #expect(frozen.table.tiedHead(in: frozen.files) == nil)
        }
    }

    @Test(
        "a tensor that is not a parameter of the architecture is refused by name, with the remedy",
        arguments: [
            ("model.layers.0.self_attn.q_proj.bias", "correct config.json, or remove the tensor"),
            ("model.layers.1.mlp.up_proj.weight", "correct config.json, or remove the tensor"),
            ("model.layers.0.self_attn.q_proj.lora_A.default.weight", "an adapter that is not merged"),
            (
                "score.weight",
                "is the head of a classifier or of a reward or value model, not of a causal language model"
            ),
            ("module.model.norm.weight", "the prefix module. is that of a data-parallel wrapper"),
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

    @Test("a head that is neither stored nor tied is reported as such, also in the list of problems")
    func noHead() throws {
        try Places.temporary { directory in
            try check([:], in: directory)
            let files = try ModelWeights(directory: directory)
            var untied = model
            untied.tiesEmbeddings = false
            let table = ParameterTable(untied, family: Llama.self)
            let message =
                "the model has no tensor lm_head.weight: it was saved without its head, or its head is tied; save it with "
                + "its head (AutoModelForCausalLM in transformers), or set tie_word_embeddings to true if the model ties "
                + "them"
            expectRefusal(directory, message) { try table.check(files) }
            #expect(try table.problems(in: files).map(\.message) == [message])
        }
    }

    @Test("a type of weights that is not supported is refused with the conversion", arguments: [false, true])
    func type(isInspected: Bool) throws {
        try Places.temporary { directory in
            let table = try check([:], in: directory).table
            let path = directory.appending("model.safetensors")
            let norm = SafetensorsEntry(name: "model.norm.weight", [Double](repeating: 0, count: 4))
            try SafetensorsWriter.write([norm], to: path)
            let files = try ModelWeights(directory: directory)
            let message =
                "tensor model.norm.weight: expected F32, BF16 or F16, found F64; convert the model to bfloat16 or "
                + "float32, such as with save_pretrained of transformers"
            if isInspected {
                #expect(try table.problems(in: files).map(\.message).contains(message))
            } else {
                expectRefusal(path, message) { try table.check(files) }
            }
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

    @Test("stored rotary frequencies are accepted, masks of attention by GPT-NeoX only")
    func recomputed() throws {
        try Places.temporary { directory in
            _ = try check(["model.layers.0.self_attn.rotary_emb.inv_freq": ([2], 1)], in: directory)
        }
        for mask in ["layers.0.attention.bias", "layers.0.attention.masked_bias"] {
            #expect(GPTNeoX.isPassedThrough("gpt_neox.\(mask)") && !GPTNeoX.isPassedThrough("gpt_neox.\(mask).weight"))
            #expect(throws: FormatError.self) {
                try Places.temporary { try check(["model.\(mask)": ([1], 0)], in: $0) }
            }
        }
    }
}
