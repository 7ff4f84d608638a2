/// Granite: a Llama with factors of embeddings, branches and scores, and a divisor of logits.
package enum Granite: Family {
    package static let modelType = "granite"

    package static func architecture(_ reader: inout ConfigurationReader) throws -> Architecture {
        var architecture = try reader.decoder(DecoderDefaults())
        try reader.attentionBias(&architecture.attention)
        architecture.feedForward.hasBias = try reader.flag("mlp_bias", default: false)
        architecture.embeddingScale = factor(try reader.number("embedding_multiplier", default: 1))
        architecture.residualScale = factor(try reader.number("residual_multiplier", default: 1))
        // In place of the usual scale, also by default.
        architecture.attention.scoreScale = Float(try reader.number("attention_multiplier", default: 1))
        let divisor = try reader.number("logits_scaling", default: 1)
        guard Float(1 / divisor).isFinite else {
            throw reader.violation("logits_scaling = \(divisor) is not supported: the logits overflow")
        }
        architecture.logitScale = factor(1 / divisor)
        return architecture
    }
}
