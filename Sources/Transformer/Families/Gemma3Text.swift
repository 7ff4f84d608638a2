/// Gemma 3's text model: Gemma 2 without bounds, with norms of query and key heads, a window on five of six layers, and a
/// rotary embedding for each kind of layer.
package enum Gemma3Text: Family {
    package static let modelType = "gemma3_text"
    package static let defaultTargets: [String]? = ["q_proj", "v_proj"]

    package static func architecture(_ reader: inout ConfigurationReader) throws -> Architecture {
        var rotary = RotaryKeys()
        rotary.theta.value = 1_000_000
        rotary.sliding = (key: "rope_local_base_freq", value: 10_000)
        var architecture = try Gemma.sandwiched(&reader, sizes: sizes, rotary: rotary)
        architecture.attention.headNorm = .sharedScale
        architecture.logitCap = try reader.cap("final_logit_softcapping", default: nil)
        // Stored, but applied to no scores.
        reader.ignore(["attn_logit_softcapping"])
        let layers = try reader.slidingLayers(
            count: architecture.layerCount,
            pattern: "sliding_window_pattern",
            default: 6,
            alias: ["_sliding_window_pattern"]
        )
        try architecture.setWindow(try reader.window(default: 4096), layers: layers, reader) { _, isWindowed in
            isWindowed ? .local : .global
        }
        return architecture
    }

    package static func name(of part: LayerModule) -> String { Gemma.sandwichedName(of: part) }

    /// Wrappers write only sizes that differ from these.
    private static let sizes = [
        "vocab_size": 262_208, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26,
        "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256, "max_position_embeddings": 131_072,
    ]
}
