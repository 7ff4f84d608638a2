internal import Formats

/// Cohere 2, such as Command R7B: Cohere with a window and rotation on three of four layers, the others without either.
package enum Cohere2: Family {
    package static let modelType = "cohere2"

    package static func architecture(_ reader: inout ConfigurationReader) throws -> Architecture {
        var architecture = try Cohere.decoder(&reader, theta: 10_000)
        let layers = try reader.slidingLayers(
            count: architecture.layerCount,
            pattern: "sliding_window_pattern",
            default: 4,
            alias: ["_sliding_window_pattern", "layer_switch"]
        )
        try architecture.setWindow(try reader.window(default: 4096), layers: layers, reader) { _, isWindowed in
            isWindowed ? .global : .none
        }
        try requireDescriptions(&reader)
        return architecture
    }

    /// Descriptions of the architecture that releases add, and that nothing reads.
    private static func requireDescriptions(_ reader: inout ConfigurationReader) throws {
        try reader.allow("order_of_interleaved_layers", only: .string("local_attn_first"))
        try reader.allow("position_embedding_type", only: .string("rope_gptj"))
        try reader.allow("rotary_pct", only: .number("1"))
        try reader.allow("use_qk_norm", only: .flag(false))
        for key in [
            "use_embedding_sharing", "use_gated_activation", "use_parallel_block", "use_parallel_embedding",
        ] { try reader.allow(key, only: .flag(true)) }
    }
}
