internal import TestSupport
internal import Testing
internal import Transformer

/// What no family supports, and what one of them does not.
struct FamilyRefusalTests {
    private static let supported =
        "supported: cohere, cohere2, gemma, gemma2, gemma3, gemma3_text, gpt_neox, granite, llama, mistral, mistral3, "
        + "olmo2, olmo3, phi3, qwen2, qwen3, smollm3"

    @Test("an unknown model_type is refused with a similar name, all of them, and the place where one is added")
    func unknown() throws {
        try TinyConfiguration("qwen").expectRefusal(
            "model_type = qwen is not supported (a similar name: qwen2); \(Self.supported); "
                + "to add a family, see Documentation/Models.md"
        )
        try TinyConfiguration("transformer_of_mine").expectRefusal(
            "model_type = transformer_of_mine is not supported; \(Self.supported); "
                + "to add a family, see Documentation/Models.md"
        )
        try TinyConfiguration("llama", ["model_type": nil]).expectRefusal("model_type is missing; \(Self.supported)")
    }

    @Test(
        "mixtures of experts are refused as such",
        arguments: ["mixtral", "qwen2_moe", "qwen3_moe", "olmoe", "gpt_oss"]
    )
    func experts(type: String) throws {
        try TinyConfiguration(type)
            .expectRefusal("model_type = \(type) is a mixture of experts, which is not supported; \(Self.supported)")
    }

    @Test("every family refuses unknown keys, quantized weights, and windows without a length")
    func everywhere() throws {
        for family in Families.all where family.isPassedThrough("vision_tower.") == false {
            let type = family.modelType
            try TinyConfiguration(type, ["experts": "3"]).expectRefusal(
                "experts = 3 is not supported, because it may change what the model computes; "
                    + "delete the key if it does not"
            )
            try TinyConfiguration(type, ["quantization_config": #"{"bits": 4}"#])
                .expectRefusal(#"quantization_config = {"bits":4} is not supported; supported: absent"#)
        }
        let types = "[" + Array(repeating: #""sliding_attention""#, count: 6).joined(separator: ",") + "]"
        for type in ["qwen2", "qwen3", "smollm3", "gemma2", "gemma3_text", "olmo3", "cohere2"] {
            try TinyConfiguration(type, ["layer_types": types, "sliding_window": "null"]).expectRefusal(
                "layer_types has sliding_attention, for which sliding_window is missing or disabled"
            )
            try TinyConfiguration(type, ["layer_types": #"["full_attention"]"#]).expectRefusal(
                "layer_types must have one entry for each of the num_hidden_layers (6) layers, found 1"
            )
            try TinyConfiguration(type, ["layer_types": #"["linear_attention"]"#]).expectRefusal(
                #"layer_types = ["linear_attention"] is not supported; "#
                    + "supported: a list of full_attention or sliding_attention"
            )
        }
    }

    @Test(
        "a value that a family does not support is refused by name",
        arguments: [
            ("mistral", "sliding_window", "0", "= 0 is not supported; supported: a whole number from 1 to 16777216"),
            ("gemma2", "query_pre_attn_scalar", "0", "= 0 is not supported; supported: a number above 0"),
            ("gemma2", "final_logit_softcapping", "-1", "= -1 is not supported; supported: a number above 0"),
            ("smollm3", "no_rope_layers", "[2]", "= [2] is not supported; supported: a list of 0 or 1"),
            (
                "smollm3", "no_rope_layer_interval", "0",
                "= 0 is not supported; supported: a whole number from 1 to 16777216"
            ),
            (
                "cohere2", "sliding_window_pattern", "0",
                "= 0 is not supported; supported: a whole number from 1 to 16777216"
            ),
            (
                "cohere2", "order_of_interleaved_layers", #""global_attn_first""#,
                "= global_attn_first is not supported; supported: local_attn_first or absent"
            ),
            ("phi3", "attention_bias", "true", "= true is not supported; supported: false or absent"),
            ("phi3", "full_attn_mod", "2", "= 2 is not supported; supported: 1 or absent"),
            ("phi3", "resid_pdrop", "2", "= 2 is not supported; supported: a number from 0 to 1"),
            (
                "gpt_neox", "hidden_act", #""relu""#,
                "= relu is not supported; supported: gelu, gelu_fast, gelu_new, gelu_pytorch_tanh, silu, swish"
            ),
        ]
    )
    func values(type: String, key: String, value: String, message: String) throws {
        try TinyConfiguration(type, [key: value]).expectRefusal("\(key) \(message)")
    }
}
