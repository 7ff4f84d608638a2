/// The architecture of a model: independent features, and the sizes of its tensors.
///
/// The single description that layers, parameters, buffers, costs and checks read; the operation in `Layers` that
/// computes a feature defines its meaning. A family of `Families` translates `config.json` to it.
package struct Architecture: Sendable, Equatable, Encodable {
    /// Tokens of the vocabulary, `V`.
    package var vocabularySize: Int
    /// Elements of a hidden state, `D`.
    package var width: Int
    /// The number of layers.
    package var layerCount: Int
    /// The maximum number of positions, the context length.
    package var maxPositions: Int
    /// The norms of all layers and the final norm.
    package var norm: Norm
    /// The attention of every layer.
    package var attention: Attention
    /// The feed-forward of every layer.
    package var feedForward: FeedForward
    /// The rotary position embedding.
    package var rotary: Rotary
    /// Whether the embedding is also the vocabulary projection.
    package var tiesEmbeddings: Bool

    /// An architecture with these features; its sizes are checked by `violation`.
    package init(
        vocabularySize: Int,
        width: Int,
        layerCount: Int,
        maxPositions: Int,
        norm: Norm,
        attention: Attention,
        feedForward: FeedForward,
        rotary: Rotary,
        tiesEmbeddings: Bool
    ) {
        self.vocabularySize = vocabularySize
        self.width = width
        self.layerCount = layerCount
        self.maxPositions = maxPositions
        self.norm = norm
        self.attention = attention
        self.feedForward = feedForward
        self.rotary = rotary
        self.tiesEmbeddings = tiesEmbeddings
    }
}

extension Architecture {
    /// Limits far above all known models, within which no product of sizes overflows.
    enum Limit {
        static let tokens = 1 << 24
        static let width = 1 << 20
        static let layers = 4096
    }

    /// The violated constraint of these sizes, with the keys of `config.json`; nil if they are valid.
    var violation: String? {
        let (heads, groups, width) = (attention.heads, attention.keyValueHeads, attention.headWidth)
        guard heads % groups == 0, width % 2 == 0 else {
            return "num_key_value_heads (\(groups)) must divide num_attention_heads (\(heads)), "
                + "and head_dim (\(width)) must be even"
        }
        guard heads * width <= Limit.width else {
            return "num_attention_heads (\(heads)) times head_dim (\(width)) must be at most \(Limit.width)"
        }
        return nil
    }
}
