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
    /// Those of the visible pairs whose token is a prediction position.
    package var predictionPairs = 0
    /// Those of the windowed pairs.
    package var windowedPredictionPairs = 0

    /// No work.
    package static let zero = Work()

    /// Work of these amounts; 0 by default.
    package init(
        tokens: Int = 0,
        visiblePairs: Int = 0,
        windowedPairs: Int = 0,
        predictionPositions: Int = 0,
        predictionPairs: Int = 0,
        windowedPredictionPairs: Int = 0
    ) {
        self.tokens = tokens
        self.visiblePairs = visiblePairs
        self.windowedPairs = windowedPairs
        self.predictionPositions = predictionPositions
        self.predictionPairs = predictionPairs
        self.windowedPredictionPairs = windowedPredictionPairs
    }

    /// The sum of two amounts.
    package static func + (a: Work, b: Work) -> Work {
        Work(
            tokens: a.tokens + b.tokens,
            visiblePairs: a.visiblePairs + b.visiblePairs,
            windowedPairs: a.windowedPairs + b.windowedPairs,
            predictionPositions: a.predictionPositions + b.predictionPositions,
            predictionPairs: a.predictionPairs + b.predictionPairs,
            windowedPredictionPairs: a.windowedPredictionPairs + b.windowedPredictionPairs
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
            predictionPositions: a.predictionPositions * count,
            predictionPairs: a.predictionPairs * count,
            windowedPredictionPairs: a.windowedPredictionPairs * count
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

    /// The work of the prediction positions among the tokens of a chain, in addition to that of the chain.
    ///
    /// - Parameter window: Of the layers whose attention has one; nil if none has.
    init(ofPredictions positions: Range<Int>, window: Int?) {
        func pairs(_ window: Int?) -> Int {
            Self.pairs(ofChain: positions.upperBound, window: window)
                - Self.pairs(ofChain: positions.lowerBound, window: window)
        }
        self.init(
            predictionPositions: positions.count,
            predictionPairs: pairs(nil),
            windowedPredictionPairs: window.map(pairs) ?? 0
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
    /// What the last layer computes for prediction positions alone; nil if it computes all for every token.
    package var lastLayer: LastLayerCost?
    /// What is trained in place of the whole model; nil for all of it.
    package var adapter: AdapterCost?

    /// The part of the last layer behind its queries, keys and values: only prediction positions need it.
    package struct LastLayerCost: Sendable, Equatable {
        /// The parameters of its weight matrices.
        package var parameters: Int
        /// Whether its attention has a window.
        package var isWindowed: Bool

        package init(parameters: Int, isWindowed: Bool = false) {
            self.parameters = parameters
            self.isWindowed = isWindowed
        }
    }

    /// The costs of an adapter.
    package struct AdapterCost: Sendable, Equatable {
        /// The parameters of its matrices in the layers.
        package var parameters: Int
        /// Those of them in the part of the last layer that `LastLayerCost` describes.
        package var lastParameters: Int
        /// Whether gradients of the layers' own matrices are computed nevertheless.
        package var needsWholeGradients: Bool
        /// Whether the vocabulary projection is trained.
        package var trainsHead: Bool

        package init(parameters: Int, lastParameters: Int = 0, needsWholeGradients: Bool, trainsHead: Bool) {
            self.parameters = parameters
            self.lastParameters = lastParameters
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

    /// The forward pass: two for each multiplication.
    ///
    /// `2 * products + 4 * heads * headDimension * pairs + 2 * vocabulary * width * predictionPositions`, with the parameters of
    /// weight matrices times tokens as products, and the visible pairs of all layers; what the last layer computes for prediction
    /// positions alone counts these.
    package func forwardFLOPs(of work: Work) -> Double {
        2 * (bodyProducts(work) + adapterProducts(work)) + attentionFLOPs(of: work) + headFLOPs(of: work)
    }

    /// Forward and backward pass: three times the forward pass if all is trained.
    ///
    /// The gradients of weights, a third, count
    /// for an adapter only for those that it trains.
    package func trainingFLOPs(of work: Work) -> Double {
        guard let adapter else { return 3 * forwardFLOPs(of: work) }
        return (adapter.needsWholeGradients ? 6 : 4) * bodyProducts(work) + 6 * adapterProducts(work)
            + 3 * attentionFLOPs(of: work) + (adapter.trainsHead ? 3 : 2) * headFLOPs(of: work)
    }

    private func bodyProducts(_ work: Work) -> Double {
        products(bodyParameters, last: lastLayer?.parameters ?? 0, work)
    }

    private func adapterProducts(_ work: Work) -> Double {
        products(adapter?.parameters ?? 0, last: adapter?.lastParameters ?? 0, work)
    }

    /// The products of parameters with tokens, of which `last` parameters are multiplied with prediction positions alone.
    private func products(_ parameters: Int, last: Int, _ work: Work) -> Double {
        Double(parameters - last) * Double(work.tokens) + Double(last) * Double(work.predictionPositions)
    }

    private func headFLOPs(of work: Work) -> Double {
        2 * Double(vocabulary) * Double(width) * Double(work.predictionPositions)
    }

    private func attentionFLOPs(of work: Work) -> Double {
        let full = layers - windowedLayers
        var pairs = Double(full) * Double(work.visiblePairs) + Double(windowedLayers) * Double(work.windowedPairs)
        if let lastLayer {
            pairs -= Double(lastLayer.isWindowed ? work.windowedPairs : work.visiblePairs)
            pairs += Double(lastLayer.isWindowed ? work.windowedPredictionPairs : work.predictionPairs)
        }
        return 4 * Double(heads) * Double(headDimension) * pairs
    }
}
