internal import Formats

/// SmolLM3: a Llama in which every fourth layer has no rotation.
package enum SmolLM3: Family {
    package static let modelType = "smollm3"

    package static func architecture(_ reader: inout ConfigurationReader) throws -> Architecture {
        var defaults = DecoderDefaults()
        defaults.sizes = ["max_position_embeddings": 32_768, "num_key_value_heads": 4]
        defaults.tiesEmbeddings = true
        defaults.rotary.theta.value = 2_000_000
        // Of generations of attention that it does not have.
        reader.ignore(["pretraining_tp", "max_window_layers"])
        var architecture = try reader.decoder(defaults)
        try reader.attentionBias(&architecture.attention)
        architecture.feedForward.hasBias = try reader.flag("mlp_bias", default: false)
        let rotates = try rotatingLayers(&reader, count: architecture.layerCount)
        let isEnabled = try reader.flag("use_sliding_window", default: false)
        let window = isEnabled ? try reader.window(default: nil) : nil
        reader.ignore(["sliding_window"])
        let layers = try reader.slidingLayers(count: architecture.layerCount) { window != nil && !rotates[$0] }
        try architecture.setWindow(window, layers: layers, reader) { layer, _ in rotates[layer] ? .global : .none }
        return architecture
    }

    /// For each layer whether it rotates: `no_rope_layers` has 1 for those that do.
    private static func rotatingLayers(_ reader: inout ConfigurationReader, count: Int) throws -> [Bool] {
        let interval = try reader.size("no_rope_layer_interval", atMost: Architecture.Limit.tokens, default: 4)
        let given = try reader.list("no_rope_layers", of: "0 or 1") { $0.wholeNumber.flatMap { [0: false, 1: true][$0] } }
        guard let given else { return (0..<count).map { ($0 + 1) % interval != 0 } }
        guard given.count >= count else {
            throw reader.violation(
                "no_rope_layers must have an entry for each of the num_hidden_layers (\(count)) layers, "
                    + "found \(given.count)"
            )
        }
        return Array(given.prefix(count))
    }
}
