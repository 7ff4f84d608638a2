internal import Compute
internal import Testing
internal import Transformer

extension Architecture {
    /// A tiny Llama.
    static func tiny(
        layers: Int = 2,
        heads: Int = 4,
        groups: Int = 2,
        headWidth: Int = 4,
        tied: Bool = false
    ) -> Architecture {
        Architecture(
            vocabularySize: 13,
            width: 10,
            layerCount: layers,
            maxPositions: 2048,
            norm: Norm(epsilon: 1e-5),
            attention: Attention(heads: heads, keyValueHeads: groups, headWidth: headWidth),
            feedForward: FeedForward(width: 7),
            rotary: Rotary(theta: 100),
            tiesEmbeddings: tied
        )
    }

    /// This architecture with a change.
    func with(_ change: (inout Architecture) -> Void) -> Architecture {
        var changed = self
        change(&changed)
        return changed
    }
}

/// A tiny model that combines features as a family does, or as none does.
struct TinyArchitecture: Sendable, CustomTestStringConvertible {
    let name: String
    let model: Architecture

    var testDescription: String { name }

    private init(_ name: String, _ model: Architecture) { (self.name, self.model) = (name, model) }

    static let all = plain + families + mixtures

    private static let plain = [
        TinyArchitecture("llama", .tiny()),
        TinyArchitecture("one layer, a head for each key, tied", .tiny(layers: 1, groups: 4, tied: true)),
        TinyArchitecture("one key for three heads", .tiny(layers: 1, heads: 3, groups: 1)),
    ]

    private static let families = [
        TinyArchitecture(
            "qwen 2 with a window in the second layer",
            .tiny().with {
                $0.attention.hasInputBias = true
                $0.window = 3
                $0.layerKinds = [.init(), .init(isWindowed: true)]
            }
        ),
        TinyArchitecture("qwen 3", .tiny(headWidth: 6, tied: true).with { $0.attention.headNorm = .sharedScale }),
        TinyArchitecture(
            "smollm 3",
            .tiny(tied: true).with {
                $0.layerKinds = [.init(), .init(positions: .none)]
            }
        ),
        TinyArchitecture(
            "gemma 2",
            .tiny(tied: true).with {
                $0.norm.addsOne = true
                $0.branches = .sandwiched
                $0.feedForward.activation = .geluTanh
                (($0.attention.scoreScale, $0.attention.scoreCap), $0.logitCap) = ((0.8, 1.5), 3)
                $0.embeddingScale = Float(10).squareRoot()
                $0.window = 3
                $0.layerKinds = [.init(isWindowed: true), .init()]
            }
        ),
        TinyArchitecture(
            "gemma 3",
            .tiny(layers: 3, tied: true).with {
                $0.norm.addsOne = true
                $0.branches = .sandwiched
                $0.attention.headNorm = .sharedScale
                $0.feedForward.activation = .geluTanh
                $0.embeddingScale = Float(10).squareRoot()
                $0.localRotary = Architecture.Rotary(theta: 7)
                $0.window = 2
                $0.layerKinds = [
                    .init(isWindowed: true, positions: .local), .init(), .init(isWindowed: true, positions: .local),
                ]
            }
        ),
        TinyArchitecture(
            "phi 3",
            .tiny(headWidth: 6).with {
                $0.attention.projection = .fused
                $0.feedForward.isFused = true
                ($0.rotary.rotatedWidth, $0.rotary.attentionFactor) = (4, 1.3)
                $0.window = 4
                $0.layerKinds = [.init(isWindowed: true), .init(isWindowed: true)]
            }
        ),
        TinyArchitecture(
            "olmo 3",
            .tiny(layers: 3).with {
                $0.branches = .postNormalized
                $0.attention.headNorm = .joint
                $0.localRotary = Architecture.Rotary(theta: 20)
                $0.window = 3
                $0.layerKinds = [
                    .init(isWindowed: true, positions: .local), .init(isWindowed: true, positions: .local), .init(),
                ]
            }
        ),
        TinyArchitecture(
            "granite with biases",
            .tiny().with {
                $0.embeddingScale = 1.7
                $0.residualScale = 0.4
                $0.attention.scoreScale = 0.3
                $0.logitScale = 0.6
                ($0.attention.hasInputBias, $0.attention.hasOutputBias, $0.feedForward.hasBias) = (true, true, true)
            }
        ),
        TinyArchitecture(
            "cohere",
            .tiny(tied: true).with {
                $0.norm.subtractsMean = true
                $0.branches = .parallel
                $0.attention.headNorm = .ownScale
                $0.rotary.pairsNeighbours = true
                $0.logitScale = 0.7
            }
        ),
        TinyArchitecture(
            "cohere 2",
            .tiny(tied: true).with {
                $0.norm.subtractsMean = true
                $0.branches = .parallel
                $0.rotary.pairsNeighbours = true
                $0.logitScale = 1.4
                $0.window = 3
                $0.layerKinds = [.init(isWindowed: true), .init(positions: .none)]
            }
        ),
        TinyArchitecture(
            "gpt-neox",
            .tiny(heads: 3, groups: 3).with {
                ($0.norm.subtractsMean, $0.norm.hasBias) = (true, true)
                $0.branches = .parallelTwoNorms
                $0.attention.projection = .interleaved
                $0.rotary.rotatedWidth = 2
                ($0.attention.hasInputBias, $0.attention.hasOutputBias, $0.feedForward.hasBias) = (true, true, true)
                ($0.feedForward.isPlain, $0.feedForward.activation) = (true, .gelu)
            }
        ),
    ]

    /// Features in combinations of no family.
    private static let mixtures = [
        TinyArchitecture(
            "parallel branches with a scale and a window",
            .tiny(heads: 2, groups: 1, headWidth: 6).with {
                ($0.norm.subtractsMean, $0.norm.hasBias) = (true, true)
                $0.branches = .parallel
                $0.residualScale = 0.6
                ($0.attention.projection, $0.attention.hasInputBias) = (.fused, true)
                $0.attention.headNorm = .joint
                ($0.attention.scoreCap, $0.logitCap, $0.logitScale) = (1, 2, 1.5)
                ($0.rotary.rotatedWidth, $0.rotary.pairsNeighbours, $0.rotary.attentionFactor) = (4, true, 0.9)
                ($0.feedForward.isPlain, $0.feedForward.activation) = (true, .geluTanh)
                $0.window = 2
                $0.layerKinds = [.init(), .init(isWindowed: true)]
            }
        ),
        TinyArchitecture(
            "scaled outputs of norms with biases",
            .tiny(groups: 4).with {
                ($0.norm.subtractsMean, $0.norm.hasBias) = (true, true)
                $0.branches = .sandwiched
                $0.residualScale = 0.6
                ($0.attention.projection, $0.attention.hasInputBias) = (.interleaved, true)
                ($0.feedForward.isFused, $0.feedForward.hasBias, $0.feedForward.activation) = (true, true, .gelu)
            }
        ),
        TinyArchitecture(
            "two norms side by side, with gates",
            .tiny().with {
                $0.norm.addsOne = true
                $0.branches = .parallelTwoNorms
                $0.residualScale = 1.2
                ($0.attention.headNorm, $0.attention.hasOutputBias) = (.ownScale, true)
                ($0.localRotary, $0.window) = (Architecture.Rotary(theta: 9), 3)
                $0.layerKinds = [.init(positions: .local), .init(isWindowed: true)]
            }
        ),
        TinyArchitecture(
            "scaled outputs alone normalized, without gates",
            .tiny(layers: 1).with {
                $0.norm.addsOne = true
                $0.branches = .postNormalized
                ($0.residualScale, $0.embeddingScale) = (0.5, 0.7)
                $0.attention.hasOutputBias = true
                $0.feedForward.isPlain = true
            }
        ),
    ]
}
