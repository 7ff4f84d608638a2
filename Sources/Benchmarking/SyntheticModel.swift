package import Transformer

/// The architecture of a well-known model, for measurements that need no trained weights.
///
/// All have 8192 positions, which cost nothing, so that each accepts the same data.
package enum SyntheticModel: String, CaseIterable, Sendable {
    /// SmolLM2-135M.
    case smol135M = "135m"
    /// SmolLM2-360M.
    case smol360M = "360m"
    /// The layers of TinyLlama-1.1B, with a tied head.
    case tiny1B = "1b"

    /// The sizes of the original's `config.json`.
    package var architecture: Architecture {
        switch self {
        case .smol135M: return Self.smol(width: 576, inner: 1536, layers: 30, heads: 9, groups: 3)
        case .smol360M: return Self.smol(width: 960, inner: 2560, layers: 32, heads: 15, groups: 5)
        case .tiny1B:
            return Architecture(
                vocabularySize: 32_000,
                width: 2048,
                layerCount: 22,
                maxPositions: 32_768,
                norm: Architecture.Norm(epsilon: 1e-5),
                attention: Architecture.Attention(heads: 32, keyValueHeads: 4, headWidth: 64),
                feedForward: Architecture.FeedForward(width: 5632),
                rotary: Architecture.Rotary(theta: 10_000),
                tiesEmbeddings: true
            )
        }
    }

    private static func smol(width: Int, inner: Int, layers: Int, heads: Int, groups: Int) -> Architecture {
        Architecture(
            vocabularySize: 49_152,
            width: width,
            layerCount: layers,
            maxPositions: 32_768,
            norm: Architecture.Norm(epsilon: 1e-5),
            attention: Architecture.Attention(heads: heads, keyValueHeads: groups, headWidth: 64),
            feedForward: Architecture.FeedForward(width: inner),
            rotary: Architecture.Rotary(theta: 100_000),
            tiesEmbeddings: true
        )
    }
}
