internal import Formats
internal import SystemPackage
internal import TestSupport
internal import Testing
internal import Transformer

/// The tensors of an adapter's file.
struct AdapterWeightsTests {
    /// Writes the tensors of an adapter with changes, and opens them.
    private func open(
        _ adapter: Adapter,
        of model: ModelDescription,
        in directory: FilePath,
        base: String? = nil,
        changing change: (String, [Int]) -> (String, [Int])? = { ($0, $1) },
        adding more: [(String, [Int])] = []
    ) throws -> AdapterWeights {
        let tensors = adapter.tensors(of: model).compactMap { change($0.name, $0.shape) } + more
        let entries = tensors.enumerated().map { index, tensor in
            let values = [Float](repeating: Float(index), count: tensor.1.reduce(1, *))
            return SafetensorsEntry(name: tensor.0, shape: tensor.1) { try $0(values.span) }
        }
        let path = directory.appending("adapter_model.safetensors")
        try SafetensorsWriter.write(entries, metadata: ["format": "pt"], to: path)
        return try AdapterWeights(directory: directory, adapter, of: model, base: base)
    }

    private func llama(_ changes: [String: String?] = [:]) throws -> ModelDescription {
        try TinyConfiguration("llama", changes).read()
    }

    private static let another = "the adapter may belong to another base"

    @Test("names and shapes are those that PEFT 0.21.2 writes")
    func names() throws {
        let model = try llama()
        let configuration = newAdapter(.names(["v_proj"])) {
            ($0.rank, $0.hasMagnitudes, $0.savedModules, $0.layers) = (3, true, ["lm_head"], [1])
        }
        let tensors = try configuration.resolve(in: model).tensors(of: model)
        let module = "base_model.model.model.layers.1.self_attn.v_proj"
        #expect(
            tensors.map(\.name) == [
                "base_model.model.lm_head.weight", "\(module).lora_A.weight", "\(module).lora_B.weight",
                "\(module).lora_magnitude_vector",
            ]
        )
        #expect(tensors.map(\.shape) == [[100, 64], [3, 64], [16, 3], [16]])
        for (type, name) in [
            ("gemma3", "model.language_model.layers.0.self_attn.q_proj"), ("phi3", "model.layers.0.mlp.gate_up_proj"),
            ("mistral3", "model.language_model.layers.0.self_attn.q_proj"),
            ("gpt_neox", "gpt_neox.layers.0.attention.query_key_value"),
        ] {
            let model = try TinyConfiguration(type).read()
            let names = try newAdapter(.allLinear).resolve(in: model).tensors(of: model).map(\.name)
            #expect(names.contains("base_model.model.\(name).lora_A.weight"))
        }
        let names = AdapterNames(GPTNeoX.self)
        #expect(names.tensorName(of: .head, .copy) == "base_model.model.lm_head.weight")
        #expect(names.tensorName(of: .embedding, .copy) == "base_model.model.gpt_neox.embed_in.weight")
    }

    @Test("tensors are read by module and part")
    func reading() throws {
        let model = try llama()
        let adapter = try newAdapter(.names(["q_proj"])).resolve(in: model)
        try Places.temporary { directory in
            let weights = try open(adapter, of: model, in: directory)
            #expect(weights.tensors == adapter.tensors(of: model))
            let name = "base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight"
            #expect(weights.name(of: .layer(0, .query), .loraB) == name)
            var values = [Float](repeating: -1, count: 64 * 8)
            var span = values.mutableSpan
            try weights.read(weights.tensors[1], into: &span)
            #expect(values.allSatisfy { $0 == 1 })
        }
    }

    @Test("files of older versions of transformers are read under their names")
    func olderNames() throws {
        for (type, prefixes) in [
            ("gemma3", ("model.language_model.", "language_model.model.")), ("gpt_neox", ("lm_head", "embed_out")),
        ] {
            let model = try TinyConfiguration(type).read()
            let saved = type == "gpt_neox" ? ["lm_head"] : []
            let adapter = try newAdapter(.allLinear) { $0.savedModules = saved }.resolve(in: model)
            try Places.temporary { directory in
                let weights = try open(
                    adapter,
                    of: model,
                    in: directory,
                    changing: { name, shape in
                        (
                            name.replacing("base_model.model.\(prefixes.0)", with: "base_model.model.\(prefixes.1)"),
                            shape
                        )
                    }
                )
                #expect(weights.tensors.contains { $0.name.hasPrefix("base_model.model.\(prefixes.1)") })
                #expect(weights.tensors.map(\.module) == adapter.tensors(of: model).map(\.module))
            }
        }
    }

    @Test("a missing, left over or differently shaped tensor is refused with the base that the adapter names")
    func mismatches() throws {
        let model = try llama()
        let adapter = try newAdapter(.names(["q_proj"])).resolve(in: model)
        let name = "base_model.model.model.layers.0.self_attn.q_proj"
        try Places.temporary { directory in
            let path = directory.appending("adapter_model.safetensors")
            expectRefusal(
                path,
                "has no tensor \(name).lora_B.weight of shape [64, 8], which adapter_config.json "
                    + "describes; \(Self.another)"
            ) {
                _ = try open(
                    adapter,
                    of: model,
                    in: directory,
                    changing: { $0 == "\(name).lora_B.weight" ? nil : ($0, $1) }
                )
            }
            expectRefusal(
                path,
                "tensor \(name).lora_A.weight: expected shape [8, 64], as adapter_config.json and the "
                    + "model say, found [8, 32]; \(Self.another) (its base_model_name_or_path is org/other)"
            ) {
                _ = try open(
                    adapter,
                    of: model,
                    in: directory,
                    base: "org/other",
                    changing: { tensor, shape in
                        (tensor, tensor == "\(name).lora_A.weight" ? [8, 32] : shape)
                    }
                )
            }
            let extra = "base_model.model.model.layers.6.self_attn.q_proj.lora_A.weight"
            expectRefusal(
                path,
                "holds tensor \(extra) and 1 more, which adapter_config.json does not describe; the nearest "
                    + "is \(name).lora_A.weight; \(Self.another)"
            ) {
                _ = try open(adapter, of: model, in: directory, adding: [(extra, [8, 64]), ("z", [1])])
            }
            expectRefusal(
                path,
                "holds tensor base_model.model.lm_head.weight, which adapter_config.json does not list; add "
                    + "lm_head to modules_to_save if the adapter replaces it"
            ) {
                _ = try open(
                    adapter,
                    of: model,
                    in: directory,
                    adding: [("base_model.model.lm_head.weight", [100, 64])]
                )
            }
        }
    }

    @Test("adapters of the model of images are refused")
    func images() throws {
        let model = try TinyConfiguration("gemma3").read()
        let adapter = try newAdapter(.names(["q_proj"])).resolve(in: model)
        let extra = "base_model.model.model.vision_tower.encoder.layers.0.self_attn.q_proj.lora_A.weight"
        try Places.temporary { directory in
            expectRefusal(
                directory.appending("adapter_model.safetensors"),
                "holds tensor \(extra), of the model of images, which is not supported; adapt the text model only, for "
                    + "example with target_modules = .*language_model.*_proj"
            ) { _ = try open(adapter, of: model, in: directory, adding: [(extra, [8, 64])]) }
        }
    }

    @Test("the copy of a tied embedding is stored under both names, which must be identical")
    func ties() throws {
        let model = try llama(["tie_word_embeddings": "true"])
        let adapter = try newAdapter(.names(["q_proj"])) { ($0.savedModules, $0.ensuresTies) = (["lm_head"], true) }
            .resolve(in: model)
        let names = adapter.tensors(of: model).map(\.name)
        #expect(names[...1] == ["base_model.model.model.embed_tokens.weight", "base_model.model.lm_head.weight"])
        try Places.temporary { directory in
            expectRefusal(
                directory.appending("adapter_model.safetensors"),
                "tensor \(names[1]) differs from \(names[0]), although the model ties head and embedding, and "
                    + "adapter_config.json has ensure_weight_tying; merge the adapter with PEFT (merge_and_unload)"
            ) { _ = try open(adapter, of: model, in: directory) }
        }
    }

    @Test("a truncated file, a file of another kind, and an adapter_model.bin are refused")
    func damage() throws {
        let model = try llama()
        let adapter = try newAdapter(.names(["q_proj"])).resolve(in: model)
        try Places.temporary { directory in
            let path = directory.appending("adapter_model.safetensors")
            _ = try open(adapter, of: model, in: directory)
            let bytes = try MappedFile(path).withBytes { Array($0) }
            for count in [0, 7, 200, bytes.count - 1] {
                try write(Array(bytes.prefix(count)), to: path)
                let error = #expect(throws: FormatError.self) {
                    try AdapterWeights(directory: directory, adapter, of: model)
                }
                #expect(error?.message.hasSuffix("download or copy the adapter again") == true, "\(count)")
            }
        }
        try Places.temporary { directory in
            try write("PK", to: directory.appending("adapter_model.bin"))
            expectRefusal(
                directory,
                "expected adapter_model.safetensors, found adapter_model.bin; load the adapter with PEFT "
                    + "and save it again "
                    + "with save_pretrained"
            ) { _ = try AdapterWeights(directory: directory, adapter, of: model) }
        }
    }
}
