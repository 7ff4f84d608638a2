/// What a model computes, by features that are independent of each other, and the sizes of its tensors.
///
/// The one description that layers, parameters, buffers, costs and checks read; what a feature means lies with the
/// operation that computes it, in `Layers`. A family of `Families` translates `config.json` to it.
package struct Architecture: Sendable, Equatable, Encodable {
    /// Tokens of the vocabulary, `V`.
    package var vocabularySize: Int
    /// Elements of a hidden state, `D`.
    package var width: Int
    /// The number of layers.
    package var layerCount: Int
    /// The number of positions that the model was made for.
    package var maxPositions: Int
    /// Every norm of the model.
    package var norm: Norm
    /// Attention of every layer.
    package var attention: Attention
    /// The feed-forward of every layer.
    package var feedForward: FeedForward
    /// The rotary position embedding.
    package var rotary: Rotary
    /// Whether the embedding is the vocabulary projection too.
    package var tiesEmbeddings: Bool

    /// An architecture of these features, whose sizes `violation` has found no fault with.
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

    /// What cannot be computed about these sizes, in the words of `config.json`; nil where all can.
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
