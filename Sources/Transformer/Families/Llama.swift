/// Llama and models of the same architecture, such as TinyLlama, SmolLM and SmolLM2.
package enum Llama: Family {
    package static let modelType = "llama"

    package static func architecture(_ reader: inout ConfigurationReader) throws -> Architecture {
        try reader.require("hidden_act", oneOf: ["silu"])
        try reader.forbidFlag("rope_interleaved")
        try reader.forbid("pretraining_tp", unless: 1)
        try reader.forbid("sliding_window")
        var architecture = try decoder(&reader)
        let hasBias = try reader.flag("attention_bias", default: false)
        (architecture.attention.hasInputBias, architecture.attention.hasOutputBias) = (hasBias, hasBias)
        architecture.feedForward.hasBias = try reader.flag("mlp_bias", default: false)
        return architecture
    }

    package static func name(of module: Module) -> String {
        switch module {
        case .embedding: return "model.embed_tokens"
        case .finalNorm: return "model.norm"
        case .head: return "lm_head"
        case .layer(let index, let part): return "model.layers.\(index).\(name(of: part))"
        }
    }

    private static func name(of part: LayerModule) -> String {
        switch part {
        case .attentionNorm: return "input_layernorm"
        case .query: return "self_attn.q_proj"
        case .key: return "self_attn.k_proj"
        case .value: return "self_attn.v_proj"
        case .output: return "self_attn.o_proj"
        case .feedForwardNorm: return "post_attention_layernorm"
        case .gate: return "mlp.gate_proj"
        case .up: return "mlp.up_proj"
        case .down: return "mlp.down_proj"
        default: preconditionFailure("Llama has no \(part)")
        }
    }

    /// The sizes, whose keys Llama and derived families share.
    static func decoder(_ reader: inout ConfigurationReader, defaultPositions: Int = 2048) throws -> Architecture {
        try reader.forbid("attention_dropout", unless: 0)
        try reader.forbid("quantization_config")
        let width = try reader.size("hidden_size", atMost: Architecture.Limit.width)
        let maxPositions = try reader.size(
            "max_position_embeddings",
            atMost: Architecture.Limit.tokens,
            default: defaultPositions
        )
        return Architecture(
            vocabularySize: try reader.size("vocab_size", atMost: Architecture.Limit.tokens),
            width: width,
            layerCount: try reader.size("num_hidden_layers", atMost: Architecture.Limit.layers),
            maxPositions: maxPositions,
            norm: Architecture.Norm(epsilon: Float(try reader.number("rms_norm_eps", default: 1e-6))),
            attention: try reader.attention(width: width),
            feedForward: Architecture.FeedForward(
                width: try reader.size("intermediate_size", atMost: Architecture.Limit.width)
            ),
            rotary: try reader.rotary(maxPositions: maxPositions),
            tiesEmbeddings: try reader.flag("tie_word_embeddings", default: false)
        )
    }
}

extension ConfigurationReader {
    /// The heads, whose width is by default the model's width divided by their number.
    fileprivate mutating func attention(width: Int) throws -> Architecture.Attention {
        let most = Architecture.Limit.width
        let heads = try size("num_attention_heads", atMost: most)
        let keyValueHeads = try size("num_key_value_heads", atMost: most, default: heads)
        // 0 if the width is not divisible by the number of heads.
        let headWidth = try size("head_dim", atMost: most, default: width % heads == 0 ? width / heads : 0)
        guard headWidth > 0 else {
            throw violation("without head_dim, num_attention_heads (\(heads)) must divide hidden_size (\(width))")
        }
        return Architecture.Attention(heads: heads, keyValueHeads: keyValueHeads, headWidth: headWidth)
    }
}
