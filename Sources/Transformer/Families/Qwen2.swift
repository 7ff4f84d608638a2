/// Qwen2 and Qwen2.5: a Llama with biases of query, key and value, for which `config.json` has no key.
package enum Qwen2: Family {
    package static let modelType = "qwen2"
    package static let defaultTargets: [String]? = ["q_proj", "v_proj"]

    package static func architecture(_ reader: inout ConfigurationReader) throws -> Architecture {
        var architecture = try decoder(&reader, sizes: [:])
        architecture.attention.hasInputBias = true
        return architecture
    }

    /// What Qwen2 and Qwen3 share: from `max_window_layers` on, layers slide if `use_sliding_window`.
    static func decoder(_ reader: inout ConfigurationReader, sizes: [String: Int]) throws -> Architecture {
        try reader.requireKeyValueHeads()
        var defaults = DecoderDefaults()
        defaults.sizes = ["max_position_embeddings": 32_768].merging(sizes) { $1 }
        var architecture = try reader.decoder(defaults)
        let isEnabled = try reader.flag("use_sliding_window", default: false)
        // Without the flag both have no effect, whatever their values.
        let window = isEnabled ? try reader.window(default: 4096) : nil
        let most = Architecture.Limit.tokens
        let fullLayers = isEnabled ? try reader.size("max_window_layers", from: 0, atMost: most, default: 28) : 0
        reader.ignore(["sliding_window", "max_window_layers"])
        let layers = try reader.slidingLayers(count: architecture.layerCount) { window != nil && $0 >= fullLayers }
        try architecture.setWindow(window, layers: layers, reader)
        return architecture
    }
}
