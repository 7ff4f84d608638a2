internal import Compute
internal import Formats
internal import Foundation

/// Gemma: norms that scale by `1 + w`, embeddings that are scaled by `√D`, a gate of GELU approximated by tanh.
package enum Gemma: Family {
    package static let modelType = "gemma"
    package static let defaultTargets: [String]? = ["q_proj", "v_proj"]

    package static func architecture(_ reader: inout ConfigurationReader) throws -> Architecture {
        // The first release writes gelu and means the approximation.
        let names = DecoderDefaults.activations.merging(["gelu": .geluTanh]) { $1 }
        var architecture = try decoder(
            &reader,
            sizes: ["max_position_embeddings": 8192, "num_key_value_heads": 16, "head_dim": 256],
            activation: ("hidden_act", .geluTanh, names)
        )
        try reader.requireActivation("hidden_activation", architecture.feedForward.activation, names)
        try architecture.setWindow(nil, reader)
        return architecture
    }

    /// What all generations of Gemma share.
    static func decoder(
        _ reader: inout ConfigurationReader,
        sizes: [String: Int],
        activation: (key: String, value: Activation, names: [String: Activation]),
        rotary: RotaryKeys = RotaryKeys()
    ) throws -> Architecture {
        try reader.allow("use_bidirectional_attention", only: .flag(false))
        var defaults = DecoderDefaults()
        (defaults.sizes, defaults.activation, defaults.rotary) = (sizes, activation, rotary)
        defaults.tiesEmbeddings = true
        var architecture = try reader.decoder(defaults)
        try reader.attentionBias(&architecture.attention)
        architecture.norm.addsOne = true
        architecture.embeddingScale = factor(Double(architecture.width).squareRoot())
        return architecture
    }

    /// What Gemma 2 and 3 share: a norm also after attention and feed-forward, and a scale of scores by its own key.
    static func sandwiched(
        _ reader: inout ConfigurationReader,
        sizes: [String: Int],
        rotary: RotaryKeys = RotaryKeys()
    ) throws -> Architecture {
        let names = DecoderDefaults.activations
        var architecture = try decoder(
            &reader,
            sizes: sizes,
            activation: ("hidden_activation", .geluTanh, names),
            rotary: rotary
        )
        // Not read by transformers; Gemma 1's name of the approximation is also found.
        let legacy = names.merging(["gelu": .geluTanh]) { $1 }
        try reader.requireActivation("hidden_act", architecture.feedForward.activation, legacy)
        architecture.branches = .sandwiched
        let scalar = try reader.number("query_pre_attn_scalar", default: 256)
        architecture.attention.scoreScale = factor(
            pow(scalar, -0.5),
            unless: pow(Double(architecture.attention.headWidth), -0.5)
        )
        return architecture
    }

    /// The name of a part of a layer with four norms.
    static func sandwichedName(of part: LayerModule) -> String {
        part == .feedForwardNorm ? "pre_feedforward_layernorm" : name(of: part)
    }
}

extension ConfigurationReader {
    /// Requires that a key without effect is absent, or names the activation that another key determines.
    fileprivate mutating func requireActivation(
        _ key: String,
        _ activation: Activation,
        _ names: [String: Activation]
    ) throws {
        guard try !has(key) || choice(key, of: names, default: activation) == activation else {
            throw violation("\(name(key)) contradicts the other key of the activation; keep the right one")
        }
    }
}
