/// An amount of computation.
package struct Work: Sendable, Equatable {
    /// Tokens that the layers compute.
    package var tokens = 0
    /// The number of pairs of a token and one that it attends to, itself included, in layers of full attention.
    package var visiblePairs = 0
    /// The same number in layers whose attention has a window; 0 without a window.
    package var windowedPairs = 0
    /// Prediction positions: hidden states from which a counted token is predicted.
    package var predictionPositions = 0

    /// No work.
    package static let zero = Work()

    /// Work of these amounts; 0 by default.
    package init(tokens: Int = 0, visiblePairs: Int = 0, windowedPairs: Int = 0, predictionPositions: Int = 0) {
        self.tokens = tokens
        self.visiblePairs = visiblePairs
        self.windowedPairs = windowedPairs
        self.predictionPositions = predictionPositions
    }

    /// The sum of two amounts.
    package static func + (a: Work, b: Work) -> Work {
        Work(
            tokens: a.tokens + b.tokens,
            visiblePairs: a.visiblePairs + b.visiblePairs,
            windowedPairs: a.windowedPairs + b.windowedPairs,
            predictionPositions: a.predictionPositions + b.predictionPositions
        )
    }

    /// The difference of two amounts.
    static func - (a: Work, b: Work) -> Work { a + b * -1 }

    /// An amount `count` times.
    static func * (a: Work, count: Int) -> Work {
        Work(
            tokens: a.tokens * count,
            visiblePairs: a.visiblePairs * count,
            windowedPairs: a.windowedPairs * count,
            predictionPositions: a.predictionPositions * count
        )
    }

    /// The work of a chain of `count` tokens from the root that predicts nothing.
    ///
    /// - Parameter window: Of the layers whose attention has one; nil if none has.
    init(ofChain count: Int, window: Int?) {
        self.init(
            tokens: count,
            visiblePairs: Self.pairs(ofChain: count),
            windowedPairs: window.map { Self.pairs(ofChain: count, window: $0) } ?? 0
        )
    }

    /// The visible pairs of a chain of `count` tokens: each attends to all before it and itself, `n (n + 1) / 2` pairs,
    /// with a window of `w` to the last `w` of these, `m (m + 1) / 2` fewer for `m = max(0, n - w)`.
    package static func pairs(ofChain count: Int, window: Int? = nil) -> Int {
        let hidden = window.map { max(0, count - $0) } ?? 0
        return count * (count + 1) / 2 - hidden * (hidden + 1) / 2
    }
}

/// The floating-point operations (FLOPs) of a model's passes.
package struct CostModel: Sendable, Equatable {
    /// Parameters of the layers' weight matrices.
    package var bodyParameters: Int
    /// All layers.
    package var layers: Int
    /// Those of the layers whose attention has a window.
    package var windowedLayers: Int
    /// The number of tokens of its path that a token attends to in these layers, itself included; nil: they are none.
    package var window: Int?
    package var heads: Int
    package var headDimension: Int
    package var vocabulary: Int
    package var width: Int
    /// What is trained in place of the whole model; nil for all of it.
    package var adapter: AdapterCost?

    /// The costs of an adapter.
    package struct AdapterCost: Sendable, Equatable {
        /// The parameters of its matrices in the layers.
        package var parameters: Int
        /// Whether gradients of the layers' own matrices are computed nevertheless.
        package var needsWholeGradients: Bool
        /// Whether the vocabulary projection is trained.
        package var trainsHead: Bool

        package init(parameters: Int, needsWholeGradients: Bool, trainsHead: Bool) {
            self.parameters = parameters
            self.needsWholeGradients = needsWholeGradients
            self.trainsHead = trainsHead
        }
    }

    /// A cost model of an architecture.
    package init(
        bodyParameters: Int,
        layers: Int,
        windowedLayers: Int = 0,
        window: Int? = nil,
        heads: Int,
        headDimension: Int,
        vocabulary: Int,
        width: Int
    ) {
        precondition(windowedLayers <= layers && (windowedLayers == 0 || window != nil), "a window of layers")
        self.bodyParameters = bodyParameters
        self.layers = layers
        self.windowedLayers = windowedLayers
        self.window = windowedLayers > 0 ? window : nil
        self.heads = heads
        self.headDimension = headDimension
        self.vocabulary = vocabulary
        self.width = width
    }

    /// The forward pass: `2 * bodyParameters * tokens + 2 * vocabulary * width * predictionPositions + 4 * heads * headDimension * pairs`,
    /// `pairs = (layers - windowedLayers) * visiblePairs + windowedLayers * windowedPairs`.
    package func forwardFLOPs(of work: Work) -> Double {
        let body = Double(bodyParameters + (adapter?.parameters ?? 0))
        return 2 * body * Double(work.tokens) + attentionFLOPs(of: work) + headFLOPs(of: work)
    }

    /// Forward and backward pass: three times the forward pass if all is trained.
    ///
    /// The gradients of weights, a third, count
    /// for an adapter only for those that it trains.
    package func trainingFLOPs(of work: Work) -> Double {
        guard let adapter else { return 3 * forwardFLOPs(of: work) }
        let (body, low) = (Double(bodyParameters), Double(adapter.parameters))
        let products = 4 * (body + low) + 2 * low + (adapter.needsWholeGradients ? 2 * body : 0)
        return products * Double(work.tokens) + 3 * attentionFLOPs(of: work)
            + (adapter.trainsHead ? 3 : 2) * headFLOPs(of: work)
    }

    private func headFLOPs(of work: Work) -> Double {
        2 * Double(vocabulary) * Double(width) * Double(work.predictionPositions)
    }

    private func attentionFLOPs(of work: Work) -> Double {
        let full = 4 * Double(layers - windowedLayers) * Double(heads) * Double(headDimension)
        let windowed = 4 * Double(windowedLayers) * Double(heads) * Double(headDimension)
        return full * Double(work.visiblePairs) + windowed * Double(work.windowedPairs)
    }
}
