package import Formats

/// The architecture of a well-known model, for measurements that need no trained weights.
///
/// Positions are given as 8192 to all, since they cost nothing: so the same data fits each.
package enum SyntheticModel: String, CaseIterable, Sendable {
    /// SmolLM2-135M.
    case smol135M = "135m"
    /// SmolLM2-360M.
    case smol360M = "360m"
    /// The layers of TinyLlama-1.1B, with a tied head.
    case tiny1B = "1b"

    /// The sizes of the original's `config.json`.
    package var configuration: ModelConfiguration {
        switch self {
        case .smol135M: return smol(width: 576, inner: 1536, layers: 30, heads: 9, groups: 3)
        case .smol360M: return smol(width: 960, inner: 2560, layers: 32, heads: 15, groups: 5)
        case .tiny1B:
            return ModelConfiguration(
                vocabularySize: 32_000,
                hiddenSize: 2048,
                intermediateSize: 5632,
                layerCount: 22,
                headCount: 32,
                keyValueHeadCount: 4,
                headDimension: 64,
                normEpsilon: 1e-5,
                ropeTheta: 10_000,
                maxPositions: 32_768,
                tiesEmbeddings: true
            )
        }
    }

    private func smol(width: Int, inner: Int, layers: Int, heads: Int, groups: Int) -> ModelConfiguration {
        ModelConfiguration(
            vocabularySize: 49_152,
            hiddenSize: width,
            intermediateSize: inner,
            layerCount: layers,
            headCount: heads,
            keyValueHeadCount: groups,
            headDimension: 64,
            normEpsilon: 1e-5,
            ropeTheta: 100_000,
            maxPositions: 32_768,
            tiesEmbeddings: true
        )
    }
}
