internal import Formats

/// Phi-3 and Phi-4-mini: fused projections, and heads of which a part may rotate.
package enum Phi3: Family {
    package static let modelType = "phi3"

    package static func architecture(_ reader: inout ConfigurationReader) throws -> Architecture {
        var defaults = DecoderDefaults()
        defaults.sizes["max_position_embeddings"] = 4096
        defaults.epsilon.value = 1e-5
        defaults.rotary.partialFactor = (key: "partial_rotary_factor", value: 1)
        defaults.rotary.types = ["default": .standard, "longrope": .longrope, "su": .longrope, "yarn": .longrope]
        defaults.rotary.originalLength = (key: "original_max_position_embeddings", value: 4096)
        for key in ["attention_bias", "mlp_bias", "lm_head_bias"] { try reader.allow(key, only: .flag(false)) }
        for key in ["full_attn_mod", "interpolate_factor"] { try reader.allow(key, only: .number("1")) }
        var architecture = try reader.decoder(defaults)
        architecture.attention.projection = .fused
        architecture.feedForward.isFused = true
        try architecture.setWindow(try reader.window(default: nil), reader)
        return architecture
    }
}
