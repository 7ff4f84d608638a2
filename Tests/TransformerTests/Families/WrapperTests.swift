internal import Formats
internal import SystemPackage
internal import TestSupport
internal import Testing
internal import Transformer

/// Wrappers of a text model: its configuration inside, and two spellings of its tensors.
struct WrapperTests {
    /// Writes a configuration and tensors of these names, filled with their numbers, and reads the description.
    private func read(
        _ configuration: TinyConfiguration,
        tensors: [String],
        values: [Float]? = nil
    ) throws -> ModelDescription {
        try Places.temporary { directory in
            try write(configuration.description, to: directory.appending("config.json"))
            let entries = tensors.enumerated().map { number, name in
                let values = [values?[number] ?? Float(number)]
                return SafetensorsEntry(name: name, shape: [1]) { try $0(values.span) }
            }
            try SafetensorsWriter.write(entries, metadata: [:], to: directory.appending("model.safetensors"))
            return try ModelDescription(directory: directory)
        }
    }

    private func passes(_ name: String, _ model: ModelDescription) -> Bool { model.family.isPassedThrough(name) }

    @Test("the text model is that of text_config", arguments: ["gemma3", "mistral3"])
    func inside(type: String) throws {
        let wrapper = try TinyConfiguration(type).read()
        var text = try architecture(type == "gemma3" ? "gemma3_text" : "mistral")
        text.tiesEmbeddings = true
        #expect(wrapper.architecture == text)
        let name = wrapper.parameters.parameters.last?.name
        #expect(name == "model.language_model.embed_tokens.weight")
        try TinyConfiguration(type, ["text_config": nil]).expectRefusal("text_config is missing")
        try TinyConfiguration(type, ["text_config": #"{"model_type": "gpt_neox"}"#]).expectRefusal(
            "text_config.model_type = gpt_neox is not supported; supported: "
                + (type == "gemma3" ? "gemma3_text" : "llama, mistral, qwen2, qwen3")
        )
        try TinyConfiguration(type, ["experts": "3"]).expectRefusal(
            "experts = 3 is not supported, because it may change what the model computes; delete the key if it does not"
        )
    }

    @Test("sizes that text_config leaves out are those of its family")
    func defaults() throws {
        let model = try architecture("gemma3", ["text_config": #"{"model_type": "gemma3_text"}"#])
        #expect(model.vocabularySize == 262_208 && model.width == 2304 && model.layerCount == 26)
        #expect(model.attention.heads == 8 && model.attention.keyValueHeads == 4 && model.attention.headWidth == 256)
        let unknown = #"{"model_type": "gemma3_text", "experts": 3}"#
        try TinyConfiguration("gemma3", ["text_config": unknown]).expectRefusal(
            "text_config.experts = 3 is not supported, because it may change what the model computes; "
                + "delete the key if it does not"
        )
    }

    @Test("the files decide how names are spelled", arguments: ["gemma3", "mistral3"])
    func spellings(type: String) throws {
        let images = ["vision_tower.a", "multi_modal_projector.b"]
        let older = try read(
            TinyConfiguration(type),
            tensors: ["language_model.model.embed_tokens.weight", "language_model.model.norm.weight"] + images
        )
        let names = Set(older.parameters.parameters.map(\.name))
        #expect(names.contains("language_model.model.layers.5.self_attn.q_proj.weight"))
        #expect(names.allSatisfy { $0.hasPrefix("language_model.model.") })
        let newer = try read(
            TinyConfiguration(type),
            tensors: ["model.language_model.embed_tokens.weight", "model.language_model.norm.weight"]
                + images.map { "model." + $0 }
        )
        #expect(newer.parameters.parameters.allSatisfy { $0.name.hasPrefix("model.language_model.") })
        for name in images {
            #expect(passes(name, older) && passes("model." + name, newer))
        }
        #expect(!passes("language_model.model.norm.weight", older))
        #expect(try !passes("vision_tower.a", TinyConfiguration("gemma3_text").read()))
    }

    @Test("without a statement about the tie, a stored head that differs from the embedding is used")
    func head() throws {
        let tensors = ["language_model.model.embed_tokens.weight", "language_model.lm_head.weight"]
        func isTied(_ values: [Float], _ changes: [String: String?] = [:]) throws -> Bool {
            let configuration = TinyConfiguration("mistral3", changes)
            let model = try read(configuration, tensors: tensors, values: values)
            #expect(model.architecture.tiesEmbeddings != model.parameters.parameters.contains { $0.name == tensors[1] })
            return model.architecture.tiesEmbeddings
        }
        #expect(try isTied([1, 1]))
        #expect(try !isTied([1, 2]))
        // The text model says that it has a head of its own, as Mistral does by default.
        #expect(try !isTied([1, 2], ["tie_word_embeddings": "true"]))
        #expect(try !isTied([1, 1], ["tie_word_embeddings": "false"]))
        let gemma = ["model.embed_tokens.weight", "lm_head.weight"]
        #expect(try !read(TinyConfiguration("gemma"), tensors: gemma).architecture.tiesEmbeddings)
        #expect(
            try read(TinyConfiguration("gemma", ["tie_word_embeddings": "true"]), tensors: gemma)
                .architecture.tiesEmbeddings
        )
    }

    @Test(
        "names may lack the prefix of the whole model, as AutoModel saves them",
        arguments: ["llama", "gemma", "gpt_neox"]
    )
    func withoutPrefix(type: String) throws {
        let family = try TinyConfiguration(type).read().family
        let prefix = type == "gpt_neox" ? "gpt_neox." : "model."
        let names = ModelDescription(try architecture(type), family: family).parameters.parameters.map(\.name)
        let model = try read(
            TinyConfiguration(type),
            tensors: names.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
        )
        for name in names {
            let expected = name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name
            #expect(model.parameters.parameters.contains { $0.name == expected })
        }
    }

    @Test("the head of a GPT-NeoX is embed_out, or lm_head where a file has it")
    func neoxHead() throws {
        let names = ["gpt_neox.embed_in.weight", "embed_out.weight"]
        let older = try read(TinyConfiguration("gpt_neox"), tensors: names)
        #expect(older.parameters.parameters.contains { $0.name == "embed_out.weight" })
        let newer = try read(TinyConfiguration("gpt_neox"), tensors: [names[0], "lm_head.weight"])
        #expect(newer.parameters.parameters.contains { $0.name == "lm_head.weight" })
    }
}
