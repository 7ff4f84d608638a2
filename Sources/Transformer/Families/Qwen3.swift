/// Qwen3: a Llama with norms of query and key heads, whose width does not follow from the model's.
package enum Qwen3: Family {
    package static let modelType = "qwen3"
    package static let defaultTargets: [String]? = ["q_proj", "v_proj"]

    package static func architecture(_ reader: inout ConfigurationReader) throws -> Architecture {
        var architecture = try Qwen2.decoder(&reader, sizes: ["head_dim": 128])
        try reader.attentionBias(&architecture.attention)
        architecture.attention.headNorm = .sharedScale
        return architecture
    }
}
