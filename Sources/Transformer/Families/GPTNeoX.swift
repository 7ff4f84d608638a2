internal import Compute
internal import Formats

/// GPT-NeoX, such as Pythia: attention and feed-forward side by side from LayerNorms of their own, biases everywhere, a
/// plain feed-forward, and heads of which a quarter rotates.
package enum GPTNeoX: Family {
    package static let modelType = "gpt_neox"
    package static let defaultTargets: [String]? = ["query_key_value"]

    package static func architecture(_ reader: inout ConfigurationReader) throws -> Architecture {
        var defaults = DecoderDefaults()
        defaults.epsilon = ("layer_norm_eps", 1e-5)
        defaults.activation.value = .gelu
        defaults.rotary.theta = (key: "rotary_emb_base", value: 10_000)
        defaults.rotary.partialFactor = (key: "rotary_pct", value: 0.25)
        // Of classifiers of tokens.
        reader.ignore(["classifier_dropout"])
        var architecture = try reader.decoder(defaults)
        try requireHeads(architecture, reader)
        try reader.attentionBias(&architecture.attention, default: true)
        architecture.attention.projection = .interleaved
        (architecture.feedForward.isPlain, architecture.feedForward.hasBias) = (true, true)
        (architecture.norm.subtractsMean, architecture.norm.hasBias) = (true, true)
        let isParallel = try reader.flag("use_parallel_residual", default: true)
        architecture.branches = isParallel ? .parallelTwoNorms : .sequential
        return architecture
    }

    /// Its one projection leaves no choice of heads.
    private static func requireHeads(_ architecture: Architecture, _ reader: ConfigurationReader) throws {
        let attention = architecture.attention
        guard attention.keyValueHeads == attention.heads, attention.heads * attention.headWidth == architecture.width
        else {
            throw reader.violation(
                "a gpt_neox has as many key and value heads as num_attention_heads (\(attention.heads)), each of "
                    + "hidden_size / num_attention_heads elements, found num_key_value_heads = "
                    + "\(attention.keyValueHeads) and head_dim = \(attention.headWidth)"
            )
        }
    }

    package static func name(of module: Module) -> String {
        switch module {
        case .embedding: return "gpt_neox.embed_in"
        case .finalNorm: return "gpt_neox.final_layer_norm"
        case .head: return "embed_out"
        case .layer(let index, let part): return "gpt_neox.layers.\(index).\(name(of: part))"
        }
    }

    package static func name(of part: LayerModule) -> String {
        switch part {
        case .attentionNorm: return "input_layernorm"
        case .queryKeyValue: return "attention.query_key_value"
        case .output: return "attention.dense"
        case .feedForwardNorm: return "post_attention_layernorm"
        case .up: return "mlp.dense_h_to_4h"
        case .down: return "mlp.dense_4h_to_h"
        case .query, .key, .value, .queryNorm, .keyNorm, .gate, .gateUp, .attentionOutputNorm, .feedForwardOutputNorm:
            preconditionFailure("a gpt_neox has no \(part)")
        }
    }

    /// Masks that old versions of `transformers` stored, and that nothing reads.
    package static func isPassedThrough(_ tensorName: String) -> Bool {
        tensorName.hasSuffix(".attention.bias") || tensorName.hasSuffix(".attention.masked_bias")
    }

    /// The head's name in files, its name in memory since transformers 5, and names without the prefix of the whole model.
    package static var namings: [Naming] { [.plain, memoryNaming, .withoutPrefix("gpt_neox.")] }

    package static let memoryNaming = Naming([(of: "embed_out", spelling: "lm_head")])
}
