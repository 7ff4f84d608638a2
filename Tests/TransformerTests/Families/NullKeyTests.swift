internal import Formats
internal import SystemPackage
internal import TestSupport
internal import Testing
internal import Transformer

/// Keys whose value is null, as `transformers` 5.24 takes them.
struct NullKeyTests {
    @Test(
        "null is refused where transformers refuses it and an absent key has a default",
        arguments: [
            ("llama", "rms_norm_eps", "1e-06"), ("llama", "max_position_embeddings", "2048"),
            ("llama", "rope_theta", "10000.0"), ("gemma2", "query_pre_attn_scalar", "256.0"),
            ("gemma3_text", "vocab_size", "262208"), ("mistral", "num_hidden_layers", "32"),
            ("cohere", "logit_scale", "0.0625"), ("cohere", "layer_norm_eps", "1e-05"),
            ("granite", "attention_multiplier", "1.0"), ("granite", "logits_scaling", "1.0"),
            ("phi3", "original_max_position_embeddings", "4096"), ("gemma3_text", "sliding_window_pattern", "6"),
            ("smollm3", "no_rope_layer_interval", "4"), ("gemma", "head_dim", "256"),
        ]
    )
    func refused(type: String, key: String, standard: String) throws {
        try TinyConfiguration(type, [key: "null"])
            .expectRefusal("\(key) is null; delete the key, which means \(standard), or set it")
    }

    @Test("a null activation is refused", arguments: [("llama", "hidden_act"), ("gemma2", "hidden_activation")])
    func activation(type: String, key: String) throws {
        try TinyConfiguration(type, [key: "null"]).expectRefusal("\(key) is null; delete the key, or set it")
    }

    @Test(
        "null is the same as absent where transformers takes it so",
        arguments: [
            ("llama", "head_dim"), ("llama", "rope_scaling"), ("llama", "rope_parameters"), ("llama", "layer_types"),
            ("llama", "pretraining_tp"), ("llama", "auto_map"), ("llama", "attention_dropout"), ("llama", "mlp_bias"),
            ("llama", "quantization_config"), ("gemma", "hidden_activation"), ("gemma", "use_bidirectional_attention"),
            ("smollm3", "no_rope_layers"), ("smollm3", "use_sliding_window"), ("phi3", "partial_rotary_factor"),
            ("cohere", "use_qk_norm"), ("gemma3_text", "_sliding_window_pattern"), ("qwen2", "max_window_layers"),
            ("gemma3_text", "attn_logit_softcapping"), ("gemma3_text", "final_logit_softcapping"),
        ]
    )
    func absent(type: String, key: String) throws {
        #expect(try architecture(type, [key: "null"]) == architecture(type))
    }

    @Test("a flag that is null is false, also if it is true by default")
    func flags() throws {
        for type in ["gemma", "cohere", "smollm3"] {
            #expect(try architecture(type, ["tie_word_embeddings": "null"]).tiesEmbeddings == false)
        }
        for key in ["use_parallel_residual", "attention_bias"] {
            let (null, no) = (try architecture("gpt_neox", [key: "null"]), try architecture("gpt_neox", [key: "false"]))
            #expect(try null == no && null != architecture("gpt_neox"))
        }
    }

    @Test(
        "with null for is_causal a token would see later ones",
        arguments: ["llama", "gemma3", "gpt_neox", "cohere2"]
    )
    func causal(type: String) throws {
        try TinyConfiguration(type, ["is_causal": "null"])
            .expectRefusal("is_causal = null is not supported, because it means false; delete the key")
    }

    @Test("a wrapper whose tie is null has a head of its own", arguments: ["gemma3", "mistral3"])
    func wrapper(type: String) throws {
        let (null, no) = (TinyConfiguration(type, ["tie_word_embeddings": "null"]), "tie_word_embeddings")
        #expect(try null.read().architecture == architecture(type, [no: "false"]))
        #expect(try !null.read().architecture.tiesEmbeddings)
    }

    @Test("the period of windows is not read where layer_types gives the layers")
    func period() throws {
        let types = "[" + Array(repeating: #""full_attention""#, count: 6).joined(separator: ",") + "]"
        let keys = ["layer_types": types, "sliding_window_pattern": "null"]
        #expect(try architecture("gemma3_text", keys) == architecture("gemma3_text", ["layer_types": types]))
    }
}
