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
    /// How a layer joins attention and feed-forward with the residual stream.
    package var branches = Branches.sequential
    /// The attention of every layer.
    package var attention: Attention
    /// The feed-forward of every layer.
    package var feedForward: FeedForward
    /// The rotary position embedding.
    package var rotary: Rotary
    /// The rotary position embedding of layers whose kind is local; nil if none is.
    package var localRotary: Rotary?
    /// The depths that a token sees in windowed layers, its own included; nil if no layer has a window.
    ///
    /// A token at depth `d` of its path sees the depths above `d - window`.
    package var window: Int?
    /// The kind of each layer; empty if all are global, with `rotary` and without a window.
    package var layerKinds: [LayerKind] = []
    /// The factor of the embeddings at the model's input; nil for 1.
    package var embeddingScale: Float?
    /// The factor of attention and feed-forward before they are added to the residual stream; nil for 1.
    package var residualScale: Float?
    /// The factor of the logits; nil for 1.
    package var logitScale: Float?
    /// The bound `c` of the logits, `c tanh(logit / c)`, after their factor; nil for none.
    package var logitCap: Float?
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
    /// How a layer joins attention `A` and feed-forward `F` with the residual stream `x`; `n` are norms.
    package enum Branches: String, Sendable, Encodable {
        /// `h = x + A(n(x))`, then `h + F(n(h))`.
        case sequential
        /// `h = x + n(A(n(x)))`, then `h + n(F(n(h)))`.
        case sandwiched
        /// `h = x + n(A(x))`, then `h + n(F(h))`.
        case postNormalized
        /// `x + A(n(x)) + F(n(x))`, with one norm.
        case parallel
        /// `x + A(n(x)) + F(n'(x))`, with a norm for each.
        case parallelTwoNorms

        /// Whether the feed-forward reads the input of the layer, as attention does.
        var isParallel: Bool { self == .parallel || self == .parallelTwoNorms }
        /// Whether the inputs of the branches are normalized.
        var normalizesInputs: Bool { self != .postNormalized }
        /// Whether the feed-forward has an input norm of its own.
        var hasFeedForwardNorm: Bool { normalizesInputs && self != .parallel }
        /// Whether the outputs of the branches are normalized.
        var normalizesOutputs: Bool { self == .sandwiched || self == .postNormalized }
    }

    /// What distinguishes a layer from others of the model.
    package struct LayerKind: Sendable, Equatable, Encodable {
        /// The positions that queries and keys are rotated by.
        package enum Positions: String, Sendable, Encodable {
            /// Those of `rotary`.
            case global
            /// Those of `localRotary`.
            case local
            /// No rotation.
            case none
        }

        /// Whether attention is limited to the window.
        package var isWindowed = false
        package var positions = Positions.global

        /// By default a layer without a window, rotated by `rotary`.
        package init(isWindowed: Bool = false, positions: Positions = .global) {
            (self.isWindowed, self.positions) = (isWindowed, positions)
        }
    }

    /// The kind of the layer `index`.
    package func kind(ofLayer index: Int) -> LayerKind { layerKinds.isEmpty ? LayerKind() : layerKinds[index] }

    /// The number of layers whose attention is limited to the window.
    package var windowedLayerCount: Int { layerKinds.count(where: \.isWindowed) }

    /// The tokens of the longest path that can be computed, at most `maxPositions`.
    package var longestPath: Int {
        min(maxPositions, rotary.longestPath ?? maxPositions, localRotary?.longestPath ?? maxPositions)
    }

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
        precondition(layerKinds.isEmpty || layerKinds.count == layerCount, "a kind for each layer")
        precondition(window.map { $0 > 0 } ?? (windowedLayerCount == 0), "windowed layers have a window")
        precondition(localRotary != nil || layerKinds.allSatisfy { $0.positions != .local }, "local layers have a rotary")
        precondition(attention.projection != .interleaved || heads == groups, "interleaved heads are complete")
        return nil
    }
}
