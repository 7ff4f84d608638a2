/// Gemma 2: four norms a layer, bounded scores and logits, and a window on every second layer from the first on.
package enum Gemma2: Family {
    package static let modelType = "gemma2"
    package static let defaultTargets: [String]? = ["q_proj", "v_proj"]

    package static func architecture(_ reader: inout ConfigurationReader) throws -> Architecture {
        var architecture = try Gemma.sandwiched(
            &reader,
            sizes: ["max_position_embeddings": 8192, "num_key_value_heads": 4, "head_dim": 256]
        )
        architecture.attention.scoreCap = try reader.cap("attn_logit_softcapping", default: 50)
        architecture.logitCap = try reader.cap("final_logit_softcapping", default: 30)
        // A former name of the window, which transformers does not read.
        reader.ignore(["sliding_window_size"])
        let layers = try reader.slidingLayers(count: architecture.layerCount) { $0 % 2 == 0 }
        try architecture.setWindow(try reader.window(default: 4096), layers: layers, reader)
        return architecture
    }

    package static func name(of part: LayerModule) -> String { Gemma.sandwichedName(of: part) }
}

extension ConfigurationReader {
    /// A bound; nil if the key is null.
    mutating func cap(_ key: String, default standard: Double?) throws -> Float? {
        guard let cap = try optionalNumber(key) ?? (isNull(key) ? nil : standard) else { return nil }
        return Float(cap)
    }
}
