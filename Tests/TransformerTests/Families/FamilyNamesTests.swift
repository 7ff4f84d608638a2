internal import Testing
internal import Transformer

/// The names and shapes of each family's tensors.
struct FamilyNamesTests {
    /// The tensors outside of layers, and those of a layer, of `TinyConfiguration` in transformers 5.24.
    ///
    /// The Cohere has norms of heads, and GPT-NeoX its head as in files.
    private static let expected: [String: Set<String>] = [
        "cohere": [
            "model.embed_tokens.weight 100x64", "self_attn.q_proj.weight 64x64", "self_attn.k_proj.weight 16x64",
            "self_attn.v_proj.weight 16x64", "self_attn.o_proj.weight 64x64", "self_attn.q_norm.weight 8x8",
            "self_attn.k_norm.weight 2x8", "mlp.gate_proj.weight 128x64", "mlp.up_proj.weight 128x64",
            "mlp.down_proj.weight 64x128", "input_layernorm.weight 64", "model.norm.weight 64",
        ],
        "cohere2": [
            "model.embed_tokens.weight 100x64", "self_attn.q_proj.weight 64x64", "self_attn.k_proj.weight 16x64",
            "self_attn.v_proj.weight 16x64", "self_attn.o_proj.weight 64x64", "mlp.gate_proj.weight 128x64",
            "mlp.up_proj.weight 128x64", "mlp.down_proj.weight 64x128", "input_layernorm.weight 64",
            "model.norm.weight 64",
        ],
        "gemma": [
            "model.embed_tokens.weight 100x64", "self_attn.q_proj.weight 2048x64", "self_attn.k_proj.weight 512x64",
            "self_attn.v_proj.weight 512x64", "self_attn.o_proj.weight 64x2048", "mlp.gate_proj.weight 128x64",
            "mlp.up_proj.weight 128x64", "mlp.down_proj.weight 64x128", "input_layernorm.weight 64",
            "post_attention_layernorm.weight 64", "model.norm.weight 64",
        ],
        "gemma2": [
            "model.embed_tokens.weight 100x64", "self_attn.q_proj.weight 2048x64", "self_attn.k_proj.weight 512x64",
            "self_attn.v_proj.weight 512x64", "self_attn.o_proj.weight 64x2048", "mlp.gate_proj.weight 128x64",
            "mlp.up_proj.weight 128x64", "mlp.down_proj.weight 64x128", "input_layernorm.weight 64",
            "post_attention_layernorm.weight 64", "pre_feedforward_layernorm.weight 64",
            "post_feedforward_layernorm.weight 64", "model.norm.weight 64",
        ],
        "gemma3_text": [
            "model.embed_tokens.weight 100x64", "self_attn.q_proj.weight 2048x64", "self_attn.k_proj.weight 512x64",
            "self_attn.v_proj.weight 512x64", "self_attn.o_proj.weight 64x2048", "self_attn.q_norm.weight 256",
            "self_attn.k_norm.weight 256", "mlp.gate_proj.weight 128x64", "mlp.up_proj.weight 128x64",
            "mlp.down_proj.weight 64x128", "input_layernorm.weight 64", "post_attention_layernorm.weight 64",
            "pre_feedforward_layernorm.weight 64", "post_feedforward_layernorm.weight 64", "model.norm.weight 64",
        ],
        "gpt_neox": [
            "gpt_neox.embed_in.weight 100x64", "input_layernorm.weight 64", "input_layernorm.bias 64",
            "post_attention_layernorm.weight 64", "post_attention_layernorm.bias 64",
            "attention.query_key_value.weight 192x64", "attention.query_key_value.bias 192",
            "attention.dense.weight 64x64", "attention.dense.bias 64", "mlp.dense_h_to_4h.weight 128x64",
            "mlp.dense_h_to_4h.bias 128", "mlp.dense_4h_to_h.weight 64x128", "mlp.dense_4h_to_h.bias 64",
            "gpt_neox.final_layer_norm.weight 64", "gpt_neox.final_layer_norm.bias 64", "embed_out.weight 100x64",
        ],
        "granite": [
            "model.embed_tokens.weight 100x64", "self_attn.q_proj.weight 64x64", "self_attn.k_proj.weight 16x64",
            "self_attn.v_proj.weight 16x64", "self_attn.o_proj.weight 64x64", "mlp.gate_proj.weight 128x64",
            "mlp.up_proj.weight 128x64", "mlp.down_proj.weight 64x128", "input_layernorm.weight 64",
            "post_attention_layernorm.weight 64", "model.norm.weight 64", "lm_head.weight 100x64",
        ],
        "llama": [
            "model.embed_tokens.weight 100x64", "self_attn.q_proj.weight 64x64", "self_attn.k_proj.weight 16x64",
            "self_attn.v_proj.weight 16x64", "self_attn.o_proj.weight 64x64", "mlp.gate_proj.weight 128x64",
            "mlp.up_proj.weight 128x64", "mlp.down_proj.weight 64x128", "input_layernorm.weight 64",
            "post_attention_layernorm.weight 64", "model.norm.weight 64", "lm_head.weight 100x64",
        ],
        "mistral": [
            "model.embed_tokens.weight 100x64", "self_attn.q_proj.weight 64x64", "self_attn.k_proj.weight 16x64",
            "self_attn.v_proj.weight 16x64", "self_attn.o_proj.weight 64x64", "mlp.gate_proj.weight 128x64",
            "mlp.up_proj.weight 128x64", "mlp.down_proj.weight 64x128", "input_layernorm.weight 64",
            "post_attention_layernorm.weight 64", "model.norm.weight 64", "lm_head.weight 100x64",
        ],
        "olmo2": [
            "model.embed_tokens.weight 100x64", "self_attn.q_proj.weight 64x64", "self_attn.k_proj.weight 16x64",
            "self_attn.v_proj.weight 16x64", "self_attn.o_proj.weight 64x64", "self_attn.q_norm.weight 64",
            "self_attn.k_norm.weight 16", "mlp.gate_proj.weight 128x64", "mlp.up_proj.weight 128x64",
            "mlp.down_proj.weight 64x128", "post_attention_layernorm.weight 64",
            "post_feedforward_layernorm.weight 64", "model.norm.weight 64", "lm_head.weight 100x64",
        ],
        "olmo3": [
            "model.embed_tokens.weight 100x64", "self_attn.q_proj.weight 64x64", "self_attn.k_proj.weight 16x64",
            "self_attn.v_proj.weight 16x64", "self_attn.o_proj.weight 64x64", "self_attn.q_norm.weight 64",
            "self_attn.k_norm.weight 16", "mlp.gate_proj.weight 128x64", "mlp.up_proj.weight 128x64",
            "mlp.down_proj.weight 64x128", "post_attention_layernorm.weight 64",
            "post_feedforward_layernorm.weight 64", "model.norm.weight 64", "lm_head.weight 100x64",
        ],
        "phi3": [
            "model.embed_tokens.weight 100x64", "self_attn.o_proj.weight 64x64", "self_attn.qkv_proj.weight 96x64",
            "mlp.gate_up_proj.weight 256x64", "mlp.down_proj.weight 64x128", "input_layernorm.weight 64",
            "post_attention_layernorm.weight 64", "model.norm.weight 64", "lm_head.weight 100x64",
        ],
        "qwen2": [
            "model.embed_tokens.weight 100x64", "self_attn.q_proj.weight 64x64", "self_attn.q_proj.bias 64",
            "self_attn.k_proj.weight 16x64", "self_attn.k_proj.bias 16", "self_attn.v_proj.weight 16x64",
            "self_attn.v_proj.bias 16", "self_attn.o_proj.weight 64x64", "mlp.gate_proj.weight 128x64",
            "mlp.up_proj.weight 128x64", "mlp.down_proj.weight 64x128", "input_layernorm.weight 64",
            "post_attention_layernorm.weight 64", "model.norm.weight 64", "lm_head.weight 100x64",
        ],
        "qwen3": [
            "model.embed_tokens.weight 100x64", "self_attn.q_proj.weight 1024x64", "self_attn.k_proj.weight 256x64",
            "self_attn.v_proj.weight 256x64", "self_attn.o_proj.weight 64x1024", "self_attn.q_norm.weight 128",
            "self_attn.k_norm.weight 128", "mlp.gate_proj.weight 128x64", "mlp.up_proj.weight 128x64",
            "mlp.down_proj.weight 64x128", "input_layernorm.weight 64", "post_attention_layernorm.weight 64",
            "model.norm.weight 64", "lm_head.weight 100x64",
        ],
        "smollm3": [
            "model.embed_tokens.weight 100x64", "self_attn.q_proj.weight 64x64", "self_attn.k_proj.weight 16x64",
            "self_attn.v_proj.weight 16x64", "self_attn.o_proj.weight 64x64", "mlp.gate_proj.weight 128x64",
            "mlp.up_proj.weight 128x64", "mlp.down_proj.weight 64x128", "input_layernorm.weight 64",
            "post_attention_layernorm.weight 64", "model.norm.weight 64",
        ],
    ]

    @Test("the tensors of each family have transformers' names and shapes", arguments: expected.keys.sorted())
    func names(type: String) throws {
        let model = try TinyConfiguration(type, type == "cohere" ? ["use_qk_norm": "true"] : [:]).read()
        let parameters = model.parameters.parameters
        let found = parameters.filter { ($0.module.layer ?? 0) == 0 }.map { parameter in
            let shape = parameter.shape.map(String.init).joined(separator: "x")
            let name = parameter.name.split(separator: ".layers.0.").last.map(String.init) ?? ""
            return "\(name) \(shape)"
        }
        #expect(Set(found) == Self.expected[type] && found.count == Set(found).count)
        #expect(Set(parameters.map(\.name)).count == parameters.count)
        let prefix = type == "gpt_neox" ? "gpt_neox.layers." : "model.layers."
        for parameter in parameters {
            guard let layer = parameter.module.layer else { continue }
            #expect(parameter.name.hasPrefix("\(prefix)\(layer)."))
        }
    }
}
