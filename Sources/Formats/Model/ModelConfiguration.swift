internal import Foundation
package import SystemPackage

/// The architecture of a Llama-family model, from `config.json`.
///
/// Read strictly: a feature that is not supported is named in an error, since a model that is computed without it would
/// be another model.
package struct ModelConfiguration: Sendable, Equatable {
    package var vocabularySize: Int
    package var hiddenSize: Int
    package var intermediateSize: Int
    package var layerCount: Int
    /// Query heads.
    package var headCount: Int
    /// Key/value heads, a divisor of `headCount`.
    package var keyValueHeadCount: Int
    /// Elements of a head, even.
    package var headDimension: Int
    package var normEpsilon: Float
    /// Base of the rotary frequencies.
    package var ropeTheta: Double
    /// Positions for which the model was made.
    package var maxPositions: Int
    /// Whether the head is the embedding.
    package var tiesEmbeddings: Bool

    /// An architecture of these sizes.
    ///
    /// - Parameters:
    ///   - keyValueHeadCount: A divisor of `headCount`.
    ///   - headDimension: Even.
    package init(
        vocabularySize: Int,
        hiddenSize: Int,
        intermediateSize: Int,
        layerCount: Int,
        headCount: Int,
        keyValueHeadCount: Int,
        headDimension: Int,
        normEpsilon: Float,
        ropeTheta: Double,
        maxPositions: Int,
        tiesEmbeddings: Bool
    ) {
        precondition(headCount % keyValueHeadCount == 0 && headDimension % 2 == 0, "heads that can be computed")
        self.vocabularySize = vocabularySize
        self.hiddenSize = hiddenSize
        self.intermediateSize = intermediateSize
        self.layerCount = layerCount
        self.headCount = headCount
        self.keyValueHeadCount = keyValueHeadCount
        self.headDimension = headDimension
        self.normEpsilon = normEpsilon
        self.ropeTheta = ropeTheta
        self.maxPositions = maxPositions
        self.tiesEmbeddings = tiesEmbeddings
    }

    /// Reads `config.json` of a model directory.
    package init(directory: FilePath) throws {
        let path = directory.appending("config.json")
        guard FileManager.default.fileExists(atPath: path.string) else {
            throw FormatError(directory, "expected a Hugging Face model directory, found no config.json")
        }
        var reader = ConfigurationReader(try StrictJSON.object(in: path), path: path)
        try reader.require("model_type", oneOf: ["llama"])
        try reader.require("hidden_act", oneOf: ["silu"])
        for key in ["attention_bias", "mlp_bias", "rope_interleaved"] { try reader.forbidFlag(key) }
        try reader.forbid("attention_dropout", unless: 0)
        try reader.forbid("pretraining_tp", unless: 1)
        try reader.forbid("partial_rotary_factor", unless: 1)
        for key in ["quantization_config", "sliding_window"] { try reader.forbid(key) }
        vocabularySize = try reader.size("vocab_size", atMost: Self.mostTokens)
        hiddenSize = try reader.size("hidden_size", atMost: Self.widest)
        intermediateSize = try reader.size("intermediate_size", atMost: Self.widest)
        layerCount = try reader.size("num_hidden_layers", atMost: Self.deepest)
        headCount = try reader.size("num_attention_heads", atMost: Self.widest)
        keyValueHeadCount = try reader.size("num_key_value_heads", atMost: Self.widest, default: headCount)
        // Zero stands for a width that has no whole share for each head.
        let share = hiddenSize % headCount == 0 ? hiddenSize / headCount : 0
        headDimension = try reader.size("head_dim", atMost: Self.widest, default: share)
        maxPositions = try reader.size("max_position_embeddings", atMost: Self.mostTokens, default: 2048)
        normEpsilon = Float(try reader.number("rms_norm_eps", default: 1e-6))
        tiesEmbeddings = try reader.flag("tie_word_embeddings", default: false)
        ropeTheta = try reader.ropeTheta()
        try reader.finish()
        guard headDimension > 0 else {
            throw FormatError(
                path,
                "without head_dim, num_attention_heads (\(headCount)) must divide hidden_size (\(hiddenSize))"
            )
        }
        guard headCount % keyValueHeadCount == 0, headDimension % 2 == 0 else {
            throw FormatError(
                path,
                "num_key_value_heads (\(keyValueHeadCount)) must divide num_attention_heads (\(headCount)), "
                    + "and head_dim (\(headDimension)) must be even"
            )
        }
        guard headCount * headDimension <= Self.widest else {
            throw FormatError(
                path,
                "num_attention_heads (\(headCount)) times head_dim (\(headDimension)) must be at most \(Self.widest)"
            )
        }
    }

    // Limits far above all models there are, within which no product of sizes overflows.
    private static let mostTokens = 1 << 24
    private static let widest = 1 << 20
    private static let deepest = 4096
}
