internal import Formats
internal import SystemPackage
internal import TestSupport
internal import Testing
internal import Transformer

/// The text of `adapter_config.json`.
struct AdapterWritingTests {
    private func value(_ configuration: AdapterConfiguration, _ type: String) throws -> [String: JSONValue] {
        let text = try configuration.json(for: TinyConfiguration(type).read())
        return try Array(text.utf8).withUnsafeBytes { try StrictJSON.value(of: $0) }.object ?? [:]
    }

    private func names(_ value: JSONValue?) -> [String] { value?.array?.compactMap(\.string) ?? [] }

    @Test("the text is the one that PEFT 0.21.2 writes")
    func text() throws {
        let configuration = newAdapter(.names(["v_proj", "q_proj"])) {
            ($0.rank, $0.alpha, $0.savedModules, $0.base) = (2, 8, ["lm_head"], "org/base")
        }
        let expected = """
            {
              "alora_invocation_tokens": null,
              "alpha_pattern": {},
              "arrow_config": null,
              "auto_mapping": null,
              "base_model_name_or_path": "org/base",
              "bias": "none",
              "corda_config": null,
              "ensure_weight_tying": false,
              "eva_config": null,
              "exclude_modules": null,
              "fan_in_fan_out": false,
              "inference_mode": true,
              "init_lora_weights": true,
              "kasa_config": null,
              "layer_replication": null,
              "layers_pattern": null,
              "layers_to_transform": null,
              "loftq_config": {},
              "lora_alpha": 8,
              "lora_bias": false,
              "lora_dropout": 0.0,
              "lora_ga_config": null,
              "megatron_config": null,
              "megatron_core": "megatron.core",
              "modules_to_save": [
                "lm_head"
              ],
              "monteclora_config": null,
              "peft_type": "LORA",
              "peft_version": "0.21.2",
              "qalora_group_size": 16,
              "r": 2,
              "rank_pattern": {},
              "revision": null,
              "target_modules": [
                "q_proj",
                "v_proj"
              ],
              "target_parameters": null,
              "task_type": "CAUSAL_LM",
              "trainable_token_indices": null,
              "use_bdlora": null,
              "use_dora": false,
              "use_qalora": false,
              "use_rslora": false,
              "velora_config": null
            }
            """
        #expect(try configuration.json(for: TinyConfiguration("llama").read()) == expected)
    }

    @Test("what is written is read again as the same adapter")
    func roundTrip() throws {
        let configuration = newAdapter(.names(["q_proj", "up_proj"])) {
            ($0.rank, $0.alpha, $0.dropout, $0.isRankStabilized, $0.hasMagnitudes) = (4, 2.5, 0.05, true, true)
            ($0.layers, $0.layersPattern, $0.excluded) = ([0, 3], ["layers"], .names(["mlp"]))
            ($0.rankPattern, $0.alphaPattern) = ([.init("q_proj", 6)], [.init("q_proj", 1.5)])
            ($0.savedModules, $0.base, $0.revision) = (["model.embed_tokens"], "org/\u{e9}", "main")
        }
        let model = try TinyConfiguration("llama").read()
        try Places.temporary { directory in
            let path = directory.appending("adapter_config.json")
            let text = try configuration.json(for: model)
            try write(text, to: path)
            let read = try AdapterConfiguration(directory: directory)
            #expect(try read.resolve(in: model) == configuration.resolve(in: model))
            #expect(try read.json(for: model) == text)
            #expect((read.dropout, read.base, read.revision) == (0.05, "org/\u{e9}", "main"))
        }
    }

    @Test("all-linear is written as names, and in a wrapper each module of the text model by its whole name")
    func selections() throws {
        #expect(
            try names(value(newAdapter(.allLinear), "llama")["target_modules"])
                == ["down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"]
        )
        #expect(try names(value(newAdapter(nil), "gpt_neox")["target_modules"]) == ["query_key_value"])
        #expect(try value(newAdapter(.pattern(".*q_proj")), "llama")["target_modules"] == .string(".*q_proj"))
        let wrapped = try value(newAdapter(.names(["q_proj"])) { $0.layers = [2] }, "gemma3")
        #expect(names(wrapped["target_modules"]) == ["model.language_model.layers.2.self_attn.q_proj"])
        #expect(wrapped["layers_to_transform"] == .null)
    }

    @Test("copies are written under the names that transformers 5 has in memory")
    func copies() throws {
        let configuration = newAdapter(.allLinear) { $0.savedModules = ["embed_out", "embed_in"] }
        #expect(try names(value(configuration, "gpt_neox")["modules_to_save"]) == ["embed_in", "lm_head"])
        let tied = newAdapter(.allLinear) { ($0.savedModules, $0.ensuresTies) = (["lm_head"], true) }
        let written = try value(tied, "gemma")
        #expect(names(written["modules_to_save"]) == ["embed_tokens"] && written["ensure_weight_tying"] == .flag(true))
    }
}
