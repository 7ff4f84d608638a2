/// Qwen2 and Qwen2.5: a Llama with biases of query, key and value, for which `config.json` has no key.
package enum Qwen2: Family {
    package static let modelType = "qwen2"

    package static func architecture(_ reader: inout ConfigurationReader) throws -> Architecture {
        try reader.require("hidden_act", oneOf: ["silu"])
        // Without the flag the window and the layers that it would apply to have no effect.
        try reader.forbidFlag("use_sliding_window")
        reader.ignore(["sliding_window", "max_window_layers"])
        // transformers defaults to 32, which is wrong for most models.
        guard reader.has("num_key_value_heads") else { throw reader.violation("num_key_value_heads is missing") }
        var architecture = try Llama.decoder(&reader, defaultPositions: 32_768)
        architecture.attention.hasInputBias = true
        return architecture
    }

    package static func name(of module: Module) -> String { Llama.name(of: module) }
}
