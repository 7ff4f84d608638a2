internal import Compute
internal import Configuration
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
    /// Qwen3-0.6B.
    case qwen3Small = "qwen3-0.6b"
    /// Qwen2.5-0.5B.
    case qwen2Small = "qwen2.5-0.5b"
    /// Llama 3.2 1B.
    case llama1B = "llama-3.2-1b"
    /// Llama 3.1 8B.
    case llama8B = "llama-3.1-8b"
    /// Gemma 3 270M.
    case gemma270M = "gemma-3-270m"
    /// Pythia 160M.
    case pythia160M = "pythia-160m"

    /// The features and sizes of the original's `config.json`.
    package var architecture: Architecture {
        switch self {
        case .smol135M: return Self.smol(width: 576, inner: 1536, layers: 30, heads: 9, groups: 3)
        case .smol360M: return Self.smol(width: 960, inner: 2560, layers: 32, heads: 15, groups: 5)
        case .tiny1B:
            return Self.decoder(
                Sizes(vocabulary: 32_000, width: 2048, inner: 5632, layers: 22, heads: 32, groups: 4, headWidth: 64),
                theta: 10_000
            )
        case .qwen3Small: return Self.qwen3
        case .qwen2Small: return Self.qwen2
        case .llama1B: return Self.llama
        case .llama8B: return Self.largeLlama
        case .gemma270M: return Self.gemma
        case .pythia160M: return Self.pythia
        }
    }

    /// The architecture with the first layers only.
    ///
    /// - Throws: `TrainingError` if the original has fewer.
    func architecture(layers: Int) throws -> Architecture {
        var model = architecture
        guard (1...model.layerCount).contains(layers) else {
            let expected = "from 1 to \(model.layerCount), the layers of \(rawValue)"
            throw TrainingError.invalid(key: "--layers", expected: expected, found: "\(layers)")
        }
        model.layerKinds = Array(model.layerKinds.prefix(layers))
        model.layerCount = layers
        return model
    }

    /// The family of the original.
    package var family: any Family.Type {
        switch self {
        case .smol135M, .smol360M, .tiny1B, .llama1B, .llama8B: return Llama.self
        case .qwen3Small: return Qwen3.self
        case .qwen2Small: return Qwen2.self
        case .gemma270M: return Gemma3Text.self
        case .pythia160M: return GPTNeoX.self
        }
    }

    private struct Sizes {
        let vocabulary: Int, width: Int, inner: Int, layers: Int, heads: Int, groups: Int, headWidth: Int
    }

    /// A Llama with a tied head.
    private static func decoder(_ sizes: Sizes, theta: Double, epsilon: Float = 1e-5) -> Architecture {
        Architecture(
            vocabularySize: sizes.vocabulary,
            width: sizes.width,
            layerCount: sizes.layers,
            maxPositions: 32_768,
            norm: Architecture.Norm(epsilon: epsilon),
            attention: Architecture.Attention(
                heads: sizes.heads,
                keyValueHeads: sizes.groups,
                headWidth: sizes.headWidth
            ),
            feedForward: Architecture.FeedForward(width: sizes.inner),
            rotary: Architecture.Rotary(theta: theta),
            tiesEmbeddings: true
        )
    }

    private static func smol(width: Int, inner: Int, layers: Int, heads: Int, groups: Int) -> Architecture {
        decoder(
            Sizes(
                vocabulary: 49_152,
                width: width,
                inner: inner,
                layers: layers,
                heads: heads,
                groups: groups,
                headWidth: 64
            ),
            theta: 100_000
        )
    }

    private static var qwen3: Architecture {
        var model = decoder(
            Sizes(vocabulary: 151_936, width: 1024, inner: 3072, layers: 28, heads: 16, groups: 8, headWidth: 128),
            theta: 1_000_000,
            epsilon: 1e-6
        )
        model.attention.headNorm = .sharedScale
        return model
    }

    private static var qwen2: Architecture {
        var model = decoder(
            Sizes(vocabulary: 151_936, width: 896, inner: 4864, layers: 24, heads: 14, groups: 2, headWidth: 64),
            theta: 1_000_000,
            epsilon: 1e-6
        )
        model.attention.hasInputBias = true
        return model
    }

    private static var largeLlama: Architecture {
        var model = decoder(
            Sizes(vocabulary: 128_256, width: 4096, inner: 14_336, layers: 32, heads: 32, groups: 8, headWidth: 128),
            theta: 500_000
        )
        model.rotary.scaling = .llama3(factor: 8, low: 1, high: 4, originalLength: 8192)
        model.tiesEmbeddings = false
        return model
    }

    private static var llama: Architecture {
        var model = decoder(
            Sizes(vocabulary: 128_256, width: 2048, inner: 8192, layers: 16, heads: 32, groups: 8, headWidth: 64),
            theta: 500_000
        )
        model.rotary.scaling = .llama3(factor: 32, low: 1, high: 4, originalLength: 8192)
        return model
    }

    private static var gemma: Architecture {
        var model = decoder(
            Sizes(vocabulary: 262_144, width: 640, inner: 2048, layers: 18, heads: 4, groups: 1, headWidth: 256),
            theta: 1_000_000,
            epsilon: 1e-6
        )
        (model.norm.addsOne, model.branches) = (true, .sandwiched)
        (model.attention.headNorm, model.attention.scoreScale) = (.sharedScale, 1 / 16)
        model.feedForward.activation = .geluTanh
        model.embeddingScale = Float(640).squareRoot()
        model.window = 512
        model.localRotary = Architecture.Rotary(theta: 10_000)
        // Every sixth layer sees the whole path.
        model.layerKinds = (1...18).map {
            $0 % 6 == 0 ? Architecture.LayerKind() : Architecture.LayerKind(isWindowed: true, positions: .local)
        }
        return model
    }

    private static var pythia: Architecture {
        var model = decoder(
            Sizes(vocabulary: 50_304, width: 768, inner: 3072, layers: 12, heads: 12, groups: 12, headWidth: 64),
            theta: 10_000
        )
        (model.norm.subtractsMean, model.norm.hasBias, model.branches) = (true, true, .parallelTwoNorms)
        (model.attention.projection, model.attention.hasInputBias) = (.interleaved, true)
        model.attention.hasOutputBias = true
        (model.feedForward.isPlain, model.feedForward.hasBias, model.feedForward.activation) = (true, true, .gelu)
        model.rotary.rotatedWidth = 16
        model.tiesEmbeddings = false
        return model
    }
}
