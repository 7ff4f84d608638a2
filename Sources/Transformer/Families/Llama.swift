internal import Formats

/// Llama and models of the same architecture, such as TinyLlama, SmolLM and SmolLM2.
package enum Llama: Family {
    package static let modelType = "llama"
    package static let defaultTargets: [String]? = ["q_proj", "v_proj"]

    package static func architecture(_ reader: inout ConfigurationReader) throws -> Architecture {
        try reader.allow("rope_interleaved", only: .flag(false))
        try reader.allow("pretraining_tp", only: .number("1"))
        try reader.forbid("sliding_window")
        var architecture = try reader.decoder(DecoderDefaults())
        try reader.attentionBias(&architecture.attention)
        architecture.feedForward.hasBias = try reader.flag("mlp_bias", default: false)
        return architecture
    }
}
