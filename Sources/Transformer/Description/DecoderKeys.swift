internal import Compute
internal import Formats

/// The defaults of a family for the keys that families share.
struct DecoderDefaults {
    /// The sizes by key.
    ///
    /// Others are required, except `num_key_value_heads`, which is then that of heads, and `head_dim`, which is then
    /// `hidden_size / num_attention_heads`.
    var sizes = ["max_position_embeddings": 2048]
    /// The key of the norms' `ε`, and its default.
    var epsilon = (key: "rms_norm_eps", value: 1e-6)
    /// The key of the feed-forward's activation, its default, and its names.
    var activation = (key: "hidden_act", value: Activation.silu, names: DecoderDefaults.activations)
    var tiesEmbeddings = false
    var rotary = RotaryKeys()

    /// The names of activations; those of one have the same formula.
    static let activations: [String: Activation] = [
        "silu": .silu, "swish": .silu, "gelu": .gelu, "gelu_pytorch_tanh": .geluTanh, "gelu_new": .geluTanh,
        "gelu_fast": .geluTanh,
    ]
}

extension ConfigurationReader {
    /// The features whose keys most families share.
    mutating func decoder(_ defaults: DecoderDefaults) throws -> Architecture {
        try forbid("quantization_config")
        for key in Self.dropouts { try dropout(key) }
        let (widths, tokens) = (Architecture.Limit.width, Architecture.Limit.tokens)
        let width = try size("hidden_size", atMost: widths, defaults)
        let attention = try attention(width: width, defaults)
        let maxPositions = try size("max_position_embeddings", atMost: tokens, defaults)
        let (rotary, localRotary) = try rotary(
            defaults.rotary,
            headWidth: attention.headWidth,
            maxPositions: maxPositions
        )
        var architecture = Architecture(
            vocabularySize: try size("vocab_size", atMost: tokens, defaults),
            width: width,
            layerCount: try size("num_hidden_layers", atMost: Architecture.Limit.layers, defaults),
            maxPositions: maxPositions,
            norm: Architecture.Norm(epsilon: Float(try number(defaults.epsilon.key, default: defaults.epsilon.value))),
            attention: attention,
            feedForward: Architecture.FeedForward(width: try size("intermediate_size", atMost: widths, defaults)),
            rotary: rotary,
            tiesEmbeddings: try flag("tie_word_embeddings", default: defaults.tiesEmbeddings)
        )
        let activation = defaults.activation
        architecture.feedForward.activation = try choice(
            activation.key,
            of: activation.names,
            default: activation.value
        )
        architecture.localRotary = localRotary
        statesTies = has("tie_word_embeddings") || isNull("tie_word_embeddings")
        return architecture
    }

    /// Probabilities of dropout, by the names of all families.
    private static let dropouts = [
        "attention_dropout", "attention_probs_dropout_prob", "attn_pdrop", "embd_pdrop", "hidden_dropout",
        "hidden_dropout_prob", "resid_pdrop",
    ]

    /// Reads whether all projections of attention have biases.
    mutating func attentionBias(_ attention: inout Architecture.Attention, default standard: Bool = false) throws {
        let hasBias = try flag("attention_bias", default: standard)
        (attention.hasInputBias, attention.hasOutputBias) = (hasBias, hasBias)
    }

    /// Requires the number of key and value heads, for which `transformers` has a default that few models mean.
    func requireKeyValueHeads() throws {
        guard has("num_key_value_heads") || isNull("num_key_value_heads") else { throw missing("num_key_value_heads") }
    }

    /// The heads, whose width is by default the model's width divided by their number.
    private mutating func attention(width: Int, _ defaults: DecoderDefaults) throws -> Architecture.Attention {
        let most = Architecture.Limit.width
        let heads = try size("num_attention_heads", atMost: most, defaults)
        let (key, isNull) = ("num_key_value_heads", isNull("num_key_value_heads"))
        let keyValueHeads = isNull ? heads : try size(key, atMost: most, default: defaults.sizes[key] ?? heads)
        // 0 if the width is not divisible by the number of heads.
        let quotient = width % heads == 0 ? width / heads : 0
        let standard = defaults.sizes["head_dim"]
        let isQuotient = standard == nil && self.isNull("head_dim")
        let headWidth = isQuotient ? quotient : try size("head_dim", atMost: most, default: standard ?? quotient)
        guard headWidth > 0 else {
            throw violation("without head_dim, num_attention_heads (\(heads)) must divide hidden_size (\(width))")
        }
        return Architecture.Attention(heads: heads, keyValueHeads: keyValueHeads, headWidth: headWidth)
    }

    private mutating func size(_ key: String, atMost limit: Int, _ defaults: DecoderDefaults) throws -> Int {
        try size(key, atMost: limit, default: defaults.sizes[key])
    }
}

/// A factor as float32; nil for the neutral one.
func factor(_ value: Double, unless neutral: Double = 1) -> Float? {
    Float(value) == Float(neutral) ? nil : Float(value)
}
