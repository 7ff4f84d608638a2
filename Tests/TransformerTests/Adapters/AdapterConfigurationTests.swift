internal import Formats
internal import SystemPackage
internal import TestSupport
internal import Testing
internal import Transformer

/// What is read from `adapter_config.json`, and what is refused there.
struct AdapterConfigurationTests {
    @Test("every key that determines the adapter is read")
    func values() throws {
        let read = try TinyAdapter([
            "lora_alpha": "2.5", "lora_dropout": "0.05", "use_rslora": "true", "use_dora": "true",
            "rank_pattern": #"{"v_proj": 3, "k_proj": 5}"#, "alpha_pattern": #"{"v_proj": 7}"#,
            "modules_to_save": #"["lm_head"]"#, "layers_to_transform": "[0, 2]", "layers_pattern": #""layers""#,
            "exclude_modules": #"["o_proj"]"#, "base_model_name_or_path": #""org/base""#, "revision": #""main""#,
            "ensure_weight_tying": "true",
        ]).read()
        #expect((read.rank, read.alpha, read.dropout) == (4, 2.5, 0.05))
        #expect(read.targets == .names(["q_proj", "down_proj"]) && read.excluded == .names(["o_proj"]))
        #expect(read.isRankStabilized && read.hasMagnitudes && read.ensuresTies)
        // The order of the text, since the first match decides.
        #expect(
            read.rankPattern == [.init("v_proj", 3), .init("k_proj", 5)] && read.alphaPattern == [.init("v_proj", 7)]
        )
        #expect(read.savedModules == ["lm_head"] && read.layers == [0, 2] && read.layersPattern == ["layers"])
        #expect(read.base == "org/base" && read.revision == "main")
        #expect(read.remarks == ["lora_dropout = 0.05 is not applied: training and scoring use no dropout"])
    }

    @Test("absent keys have PEFT's defaults, as has a null task_type; a null number is refused")
    func defaults() throws {
        let minimal = try TinyAdapter(["r": nil, "lora_alpha": nil, "target_modules": nil, "task_type": "null"])
            .read()
        var expected = AdapterConfiguration()
        #expect((expected.rank, expected.alpha, expected.dropout) == (8, 8, 0))
        #expect(expected.targets == nil && !expected.isRankStabilized && !expected.hasMagnitudes)
        let text = try expected.json(for: TinyConfiguration("llama").read())
        #expect(try minimal.json(for: TinyConfiguration("llama").read()) == text)
        expected.layers = [1]
        #expect(try TinyAdapter(["layers_to_transform": "1"]).read().layers == expected.layers)
        #expect(try TinyAdapter(["layers_to_transform": "[]"]).read().layers == nil)
        try TinyAdapter(["lora_alpha": "null"])
            .expectRefusal("lora_alpha is null; delete the key, which means 8.0, or set it")
    }

    @Test("a string of target_modules is all-linear in any case, or a regular expression")
    func strings() throws {
        #expect(try TinyAdapter(["target_modules": #""ALL-Linear""#]).read().targets == .allLinear)
        #expect(try TinyAdapter(["target_modules": #""q_proj""#]).read().targets == .pattern("q_proj"))
    }

    @Test(
        "each feature of PEFT that is not supported is refused by name",
        arguments: [
            ("peft_type", #""IA3""#, "IA3", "LORA"), ("peft_type", #""ADALORA""#, "ADALORA", "LORA"),
            ("task_type", #""SEQ_CLS""#, "SEQ_CLS", "CAUSAL_LM"), ("bias", #""all""#, "all", "none"),
            ("fan_in_fan_out", "true", "true", "false or absent"), ("lora_bias", "true", "true", "false or absent"),
            ("use_qalora", "true", "true", "false or absent"),
            ("loftq_config", #"{"loftq_bits": 4}"#, #"{"loftq_bits":4}"#, "{} or absent"),
            ("layer_replication", "[[0, 2]]", "[[0,2]]", "[] or absent"),
            ("target_parameters", #"["experts"]"#, #"["experts"]"#, "[] or absent"),
            ("trainable_token_indices", "[3]", "[3]", "[] or absent"),
            ("trainable_token_indices", #"{"embed_tokens": [3]}"#, #"{"embed_tokens":[3]}"#, "[] or absent"),
            ("alora_invocation_tokens", "[3]", "[3]", "[] or absent"),
            ("use_bdlora", #"{"nblocks": 2}"#, #"{"nblocks":2}"#, "false or absent"),
            ("megatron_config", "{}", "{}", "absent"), ("eva_config", "{}", "{}", "absent"),
            ("corda_config", "{}", "{}", "absent"), ("lora_ga_config", "{}", "{}", "absent"),
            ("velora_config", "{}", "{}", "absent"), ("monteclora_config", "{}", "{}", "absent"),
            ("arrow_config", "{}", "{}", "absent"), ("kasa_config", "{}", "{}", "absent"),
            ("r", "0", "0", "a whole number from 1 to 65536"), ("r", "-1", "-1", "a whole number from 1 to 65536"),
            ("lora_alpha", "0", "0", "a number above 0"), ("lora_alpha", "1e999", "1e999", "a number above 0"),
            ("lora_alpha", #""8""#, "8", "a number above 0"), ("lora_dropout", "1.5", "1.5", "a number from 0 to 1"),
            ("use_dora", "1", "1", "true or false"), ("rank_pattern", "[1]", "[1]", "an object"),
            ("modules_to_save", #""lm_head""#, "lm_head", "a list of names of modules"),
            ("target_modules", "[1]", "[1]", "a list of names, or a string"),
        ]
    )
    func refusals(key: String, value: String, found: String, supported: String) throws {
        try TinyAdapter([key: value]).expectRefusal("\(key) = \(found) is not supported; supported: \(supported)")
    }

    @Test("initializations that change the base are refused, and those that the weights replace are accepted")
    func starts() throws {
        for start in ["pissa", "pissa_niter_16", "olora", "loftq", "corda", "lora_ga", "eva", "mica", "new"] {
            try TinyAdapter(["init_lora_weights": "\"\(start)\""]).expectRefusal(
                "init_lora_weights = \(start) is not supported; supported: true, false, gaussian, "
                    + "orthogonal or absent; "
                    + "pissa, olora, loftq, corda and lora_ga change the weights of the base: convert the adapter with "
                    + "PEFT (save_pretrained with path_initial_model_for_weight_conversion), or set true if it is an "
                    + "adapter of the unchanged base"
            )
        }
        for start in ["true", "false", #""gaussian""#, #""orthogonal""#, "null"] {
            #expect(try TinyAdapter(["init_lora_weights": start]).resolve().modules.count == 12)
        }
    }

    @Test("values in patterns are checked, with the pattern in the error")
    func patterns() throws {
        try TinyAdapter(["rank_pattern": #"{"q_proj": 0}"#]).expectRefusal(
            "rank_pattern[q_proj] = 0 is not supported; supported: a whole number from 1 to 65536"
        )
        try TinyAdapter(["rank_pattern": #"{"q_proj": 2.5}"#]).expectRefusal(
            "rank_pattern[q_proj] = 2.5 is not supported; supported: a whole number"
        )
        try TinyAdapter(["alpha_pattern": #"{"q_proj": 0}"#]).expectRefusal(
            "alpha_pattern[q_proj] = 0 is not supported; supported: a number above 0"
        )
        let supported = "supported: Python's syntax without lookbehind and conditions"
        for pattern in ["(", "q_proj)|(", "(?<=self_attn.)q_proj", "*.q_proj"] {
            let found = "\(pattern) is not a supported regular expression; \(supported)"
            try TinyAdapter(["rank_pattern": "{\"\(pattern)\": 2}"]).expectRefusal("rank_pattern: \(found)")
            try TinyAdapter(["target_modules": "\"\(pattern)\""]).expectRefusal("target_modules = \(found)")
            try TinyAdapter(["exclude_modules": "\"\(pattern)\""]).expectRefusal("exclude_modules = \(found)")
        }
    }

    @Test("unknown keys are refused, and records without effect are skipped")
    func unknown() throws {
        try TinyAdapter(["use_newlora": "true"]).expectRefusal(
            "use_newlora = true is not supported, because it may change what the model computes; delete the key if it "
                + "does not"
        )
        #expect(
            try TinyAdapter([
                "auto_mapping": #"{"unsloth_fixed": true}"#, "peft_version": #""0.21.2""#, "inference_mode": "false",
                "megatron_core": #""megatron.core""#, "qalora_group_size": "32", "runtime_config": "{}",
                "enable_lora": "null", "merge_weights": "false",
            ]).resolve().modules.count == 12
        )
    }

    @Test("a directory without adapter_config.json, and a file that is no JSON, are refused")
    func missing() throws {
        try Places.temporary { directory in
            let hint = "; name the directory that contains adapter_config.json"
            let expected = "expected the directory of an adapter that PEFT or espalier wrote, found"
            TestSupport.expectRefusal(directory, "\(expected) no adapter_config.json\(hint)") {
                _ = try AdapterConfiguration(directory: directory)
            }
            try write("{}", to: directory.appending("config.json"))
            TestSupport.expectRefusal(directory, "\(expected) a model (config.json)\(hint)") {
                _ = try AdapterConfiguration(directory: directory)
            }
            let path = directory.appending("adapter_config.json")
            try write(#"{"r": "#, to: path)
            TestSupport.expectRefusal(path, "expected a JSON object, but at byte 6 expected a value, found the end") {
                _ = try AdapterConfiguration(directory: directory)
            }
        }
        try TinyAdapter(["peft_type": nil]).expectRefusal(
            "peft_type is missing; expected the adapter_config.json of an adapter of PEFT"
        )
    }
}
