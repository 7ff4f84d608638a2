/// OLMo 2: norms of the outputs of attention and feed-forward in place of their inputs, and of whole queries and keys.
package enum Olmo2: Family {
    package static let modelType = "olmo2"

    package static func architecture(_ reader: inout ConfigurationReader) throws -> Architecture {
        try decoder(&reader, rotary: RotaryKeys())
    }

    /// What OLMo 2 and 3 share.
    static func decoder(_ reader: inout ConfigurationReader, rotary: RotaryKeys) throws -> Architecture {
        var defaults = DecoderDefaults()
        defaults.epsilon.value = 1e-5
        defaults.rotary = rotary
        var architecture = try reader.decoder(defaults)
        try reader.attentionBias(&architecture.attention)
        architecture.attention.headNorm = .joint
        architecture.branches = .postNormalized
        return architecture
    }
}
