/// A part of a model that has parameters, independent of its name in a family.
package enum Module: Hashable, Sendable {
    /// The token embedding, `[V, D]`.
    case embedding
    /// The norm after the last layer.
    case finalNorm
    /// The vocabulary projection, unless it is tied to the embedding.
    case head
    /// A part of the layer of this index.
    case layer(Int, LayerModule)

    /// The layer that the module belongs to; nil for the others.
    package var layer: Int? {
        guard case .layer(let index, _) = self else { return nil }
        return index
    }
}

/// A part of a layer that has parameters.
package enum LayerModule: Hashable, Sendable, CaseIterable {
    /// The norm of attention's input, and that of its output.
    case attentionNorm, attentionOutputNorm
    case query, key, value, output
    /// Query, key and value in one tensor.
    case queryKeyValue
    /// The norms of query and key heads.
    case queryNorm, keyNorm
    /// The norm of the feed-forward's input, and that of its output.
    case feedForwardNorm, feedForwardOutputNorm
    case gate, up, down
    /// Gate and up in one tensor.
    case gateUp
}

/// One tensor of a model, with its name in files.
package struct Parameter: Sendable, Equatable {
    /// The role of a tensor in its module.
    package enum Part: String, Sendable {
        case weight
        case bias
        /// The matrices `A` and `B` of a low-rank adapter.
        case loraA = "lora_A.weight"
        case loraB = "lora_B.weight"
        /// The norms of the rows of the adapted matrix, and the factors that they give its rows.
        case loraMagnitude = "lora_magnitude_vector"
        case loraGain = "lora_gain"
        /// The trained copy of a matrix, which an adapter holds.
        case copy
    }

    /// The kind of a tensor, which determines its initialization and whether weight decay applies.
    package enum Kind: Sendable {
        /// `[out, in]`.
        case matrix
        /// `[V, D]`, with one row per token id.
        case embedding
        /// The scale of a norm.
        case norm
        /// The scale of a norm, less one.
        case normOffset
        /// A vector that is added to a product.
        case bias
        /// `A` of a low-rank adapter, `[r, in]`.
        case lowRankInput
        /// `B` of a low-rank adapter, `[out, r]`.
        case lowRankOutput
        /// The norms of a matrix's rows, `[out]`.
        case magnitude

        /// Whether weight decay applies: to all but norms and biases, as in Hugging Face's trainer.
        package var decays: Bool {
            switch self {
            case .matrix, .embedding, .lowRankInput, .lowRankOutput, .magnitude: return true
            case .norm, .normOffset, .bias: return false
            }
        }

        /// Whether it multiplies activations or is looked up by rows, so that it may be stored in 16 bits.
        package var isMatrix: Bool { self == .matrix || self == .embedding }
    }

    package let module: Module
    package let part: Part
    package let kind: Kind
    /// `[out, in]` for matrices, `[width]` for norms and biases; `[heads, width]` for norms of each head.
    package let shape: [Int]
    /// The tensor's name in the model's files.
    package let name: String
    /// Whether it has a gradient and moments, and is part of exchanges and checkpoints.
    package let isTrained: Bool

    /// The number of elements.
    package var count: Int { shape.reduce(1, *) }

    /// The same tensor, trained or not.
    func with(isTrained: Bool) -> Parameter {
        Parameter(module: module, part: part, kind: kind, shape: shape, name: name, isTrained: isTrained)
    }
}

/// A tensor that an operation declares; `ParameterTable` adds the name.
struct ParameterDeclaration {
    var part: Parameter.Part = .weight
    let kind: Parameter.Kind
    let shape: [Int]
}
