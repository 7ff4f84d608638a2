/// Cohere, such as Command R: attention and feed-forward side by side from one LayerNorm, and rotation of neighbours.
package enum Cohere: Family {
    package static let modelType = "cohere"

    package static func architecture(_ reader: inout ConfigurationReader) throws -> Architecture {
        var architecture = try decoder(&reader, theta: 500_000)
        if try reader.flag("use_qk_norm", default: false) { architecture.attention.headNorm = .ownScale }
        return architecture
    }

    /// What Cohere and Cohere 2 share.
    static func decoder(_ reader: inout ConfigurationReader, theta: Double) throws -> Architecture {
        var defaults = DecoderDefaults()
        defaults.sizes["max_position_embeddings"] = 8192
        defaults.epsilon = ("layer_norm_eps", 1e-5)
        defaults.tiesEmbeddings = true
        defaults.rotary.theta.value = theta
        var architecture = try reader.decoder(defaults)
        try reader.attentionBias(&architecture.attention)
        architecture.norm.subtractsMean = true
        architecture.branches = .parallel
        architecture.rotary.pairsNeighbours = true
        architecture.logitScale = factor(try reader.number("logit_scale", default: 0.0625))
        return architecture
    }
}
