/// Mistral: a Llama with a window on every layer, which is 4096 if the key is absent, and none if it is null.
package enum Mistral: Family {
    package static let modelType = "mistral"
    package static let defaultTargets: [String]? = ["q_proj", "v_proj"]

    package static func architecture(_ reader: inout ConfigurationReader) throws -> Architecture {
        var defaults = DecoderDefaults()
        defaults.sizes = [
            "vocab_size": 32_000, "hidden_size": 4096, "intermediate_size": 14_336, "num_hidden_layers": 32,
            "num_attention_heads": 32, "num_key_value_heads": 8, "max_position_embeddings": 131_072,
        ]
        var architecture = try reader.decoder(defaults)
        try architecture.setWindow(try reader.window(default: 4096), reader)
        return architecture
    }
}
