internal import Testing
internal import Transformer

/// The modules of a model that a configuration selects.
struct AdapterResolutionTests {
    private func parts(_ adapter: Adapter) -> Set<LayerModule> {
        Set(
            adapter.modules.keys.compactMap { module in
                guard case .layer(_, let part) = module else { return nil }
                return part
            }
        )
    }

    private func layers(_ adapter: Adapter) -> Set<Int> { Set(adapter.modules.keys.compactMap(\.layer)) }

    @Test("all-linear selects every linear layer of a family but the head")
    func allLinear() throws {
        let separate: Set<LayerModule> = [.query, .key, .value, .output, .gate, .up, .down]
        for family in Families.all {
            let adapter = try newAdapter(.allLinear).resolve(in: TinyConfiguration(family.modelType).read())
            let expected: Set<LayerModule>
            switch family.modelType {
            case "phi3": expected = [.queryKeyValue, .output, .gateUp, .down]
            case "gpt_neox": expected = [.queryKeyValue, .output, .up, .down]
            default: expected = separate
            }
            #expect(parts(adapter) == expected && adapter.modules.count == 6 * expected.count, "\(family.modelType)")
            #expect(adapter.copiedModules.isEmpty && !adapter.hasMagnitudes)
        }
    }

    @Test("names select modules by their ends after a dot, and a regular expression by whole names")
    func names() throws {
        #expect(try parts(newAdapter(.names(["q_proj", "mlp.up_proj"])).resolve(in: llama())) == [.query, .up])
        #expect(try parts(newAdapter(.names(["dense"])).resolve(in: neox())) == [.output])
        let whole = try newAdapter(.names(["model.layers.3.self_attn.v_proj"])).resolve(in: llama())
        #expect(Array(whole.modules.keys) == [.layer(3, .value)])
        #expect(try parts(newAdapter(.pattern(#".*\.(q|v)_proj"#)).resolve(in: llama())) == [.query, .value])
        let bounded = try newAdapter(.pattern(#"(?:\bmodel\.layers\.[\d]{1,}\.(?:self_attn)\.(?:(?:k_proj|o_proj)))"#))
            .resolve(in: llama())
        #expect(parts(bounded) == [.key, .output] && bounded.modules.count == 12)
        // A word ends at a dot, as in Python.
        #expect(try parts(newAdapter(.pattern(#".*\bq_proj\b"#)).resolve(in: llama())) == [.query])
        #expect(try parts(newAdapter(.pattern(#"(?P<start>.*)\.q_proj"#)).resolve(in: llama())) == [.query])
    }

    @Test("without targets, PEFT's default of the family is selected, or a list is required")
    func defaults() throws {
        for type in ["llama", "mistral", "gemma", "gemma2", "gemma3_text", "qwen2", "qwen3"] {
            #expect(try parts(newAdapter(nil).resolve(in: TinyConfiguration(type).read())) == [.query, .value])
        }
        #expect(try parts(newAdapter(nil).resolve(in: neox())) == [.queryKeyValue])
        for type in ["cohere", "cohere2", "gemma3", "granite", "mistral3", "olmo2", "olmo3", "phi3", "smollm3"] {
            try expectRefusal(
                newAdapter(nil),
                "lora_target_modules is missing, and PEFT has no default for \(type); write all-linear, or names of "
                    + "modules",
                in: TinyConfiguration(type)
            )
        }
    }

    @Test("the scale is alpha / r, rank-stabilized alpha / √r, and the first pattern of an end of a name decides")
    func scales() throws {
        var configuration = newAdapter(.names(["q_proj", "v_proj"])) {
            ($0.rank, $0.alpha) = (2, 2.5)
            $0.rankPattern = [.init(#"layers\.1\.self_attn\.q_proj"#, 3), .init("v_proj", 5)]
            $0.alphaPattern = [.init("v_proj", 7)]
        }
        let plain = try configuration.resolve(in: llama()).modules
        #expect(plain[.layer(0, .query)] == .init(rank: 2, scale: 1.25))
        #expect(plain[.layer(1, .query)] == .init(rank: 3, scale: Float(2.5 / 3)))
        #expect(plain[.layer(4, .value)] == .init(rank: 5, scale: 1.4))
        configuration.isRankStabilized = true
        // The figures of PEFT 0.21.2.
        let stabilized = try configuration.resolve(in: llama()).modules
        #expect(stabilized[.layer(0, .query)]?.scale == 1.7677669529663687)
        #expect(stabilized[.layer(1, .query)]?.scale == 1.4433756729740645)
        #expect(stabilized[.layer(0, .value)]?.scale == 3.1304951684997055)
    }

    @Test("a pattern matches an end of a name after a dot only, and its dots match any character")
    func patternEnds() throws {
        func ranks(_ pattern: String) throws -> Int {
            let configuration = newAdapter(.names(["q_proj"])) { $0.rankPattern = [.init(pattern, 3)] }
            return try configuration.resolve(in: llama()).modules.values.count { $0.rank == 3 }
        }
        #expect(try ranks("q_proj") == 6 && ranks("self_attn.q_proj") == 6 && ranks("self.attn.q_proj") == 6)
        #expect(try ranks("model.layers.2.self_attn.q_proj") == 1 && ranks("^model.layers.2.self_attn.q_proj$") == 1)
        #expect(try ranks(#".*\.[0-2]\..*"#) == 3)
        #expect(throws: AdapterError.self) { try ranks("proj") }
    }

    @Test("patterns whose order decides are refused, since files have them sorted")
    func ambiguity() throws {
        let configuration = newAdapter(.names(["q_proj"])) {
            $0.rankPattern = [.init("q_proj", 4), .init(#"layers\.0\..*"#, 8)]
        }
        try expectRefusal(
            configuration,
            #"rank_pattern: q_proj and layers\.0\..* both match model.layers.0.self_attn.q_proj, with 4 and "#
                + #"8; files have "#
                + "the keys sorted, so that their order is lost: make one of them more specific"
        )
        var sorted = configuration
        sorted.rankPattern.reverse()
        #expect(try sorted.resolve(in: llama()).modules[.layer(0, .query)]?.rank == 8)
    }

    @Test("excluded modules and other layers are left out")
    func restrictions() throws {
        func resolve(_ change: (inout AdapterConfiguration) -> Void) throws -> Adapter {
            try newAdapter(.names(["q_proj", "o_proj"]), change).resolve(in: llama())
        }
        #expect(try parts(resolve { $0.excluded = .names(["o_proj"]) }) == [.query])
        #expect(try layers(resolve { $0.excluded = .pattern(#".*\.[0-3]\..*"#) }) == [4, 5])
        #expect(try layers(resolve { $0.layers = [1, 4] }) == [1, 4])
        #expect(try layers(resolve { ($0.layers, $0.layersPattern) = ([1], ["h", "layers"]) }) == [1])
        let whole = try resolve {
            ($0.layers, $0.targets) = ([0], .names(["model.layers.1.self_attn.q_proj", "v_proj"]))
        }
        #expect(Set(whole.modules.keys) == [.layer(0, .value), .layer(1, .query)])
        let everywhere = try newAdapter(.allLinear) { $0.excluded = .names(["down_proj"]) }.resolve(in: llama())
        #expect(everywhere.modules.count == 36)
    }

    @Test("adapters of older versions of transformers select modules by the names of those")
    func olderNames() throws {
        let gemma = try TinyConfiguration("gemma3").read()
        let older = newAdapter(.pattern(#"language_model\.model\.layers\.\d+\.self_attn\.q_proj"#))
        #expect(try parts(older.resolve(in: gemma)) == [.query])
        let newer = newAdapter(.pattern(#"model\.language_model\..*\.q_proj"#))
        #expect(try parts(newer.resolve(in: gemma)) == [.query])
    }

    @Test("embedding and head are copied where modules_to_save names them, under the names of any version")
    func copies() throws {
        func copies(_ names: [String], _ type: String, _ changes: [String: String?] = [:]) throws -> Set<Module> {
            try newAdapter(.allLinear) { $0.savedModules = names }
                .resolve(in: TinyConfiguration(type, changes).read()).copiedModules
        }
        #expect(try copies(["lm_head"], "llama") == [.head])
        #expect(try copies(["model.embed_tokens", "lm_head"], "llama") == [.embedding, .head])
        #expect(try copies(["embed_in", "embed_out"], "gpt_neox") == [.embedding, .head])
        #expect(try copies(["lm_head"], "gpt_neox") == [.head])
        // A head that is copied whole has no matrices, as in PEFT.
        let both = newAdapter(.names(["q_proj", "lm_head"])) { $0.savedModules = ["lm_head"] }
        #expect(try both.resolve(in: llama()).modules.count == 6)
    }

    @Test("a tied embedding is copied for both only with ensure_weight_tying")
    func ties() throws {
        let tied = TinyConfiguration("llama", ["tie_word_embeddings": "true"])
        for names in [["lm_head"], ["embed_tokens"], ["embed_tokens", "lm_head"]] {
            var configuration = newAdapter(.allLinear) { $0.savedModules = names }
            try expectRefusal(
                configuration,
                "modules_to_save = \(names.joined(separator: ", ")) of a model with "
                    + "tie_word_embeddings would untie "
                    + "embedding and head; set ensure_weight_tying to true to train one copy for both, or merge the "
                    + "adapter with PEFT (merge_and_unload), which unties them",
                in: tied
            )
            configuration.ensuresTies = true
            #expect(try configuration.resolve(in: tied.read()).copiedModules == [.embedding])
            #expect(try configuration.remarks(in: llama()).count == 1)
        }
    }

    private func llama() throws -> ModelDescription { try TinyConfiguration("llama").read() }
    private func neox() throws -> ModelDescription { try TinyConfiguration("gpt_neox").read() }
}
