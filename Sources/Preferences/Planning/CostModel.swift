/// An amount of computation.
package struct Work: Sendable, Equatable {
    /// Tokens that the layers compute.
    package var tokens = 0
    /// The number of pairs of a token and one that it attends to, itself included.
    package var visiblePairs = 0
    /// Prediction positions: hidden states from which a counted token is predicted.
    package var predictionPositions = 0

    /// No work.
    package static let zero = Work()

    /// Work of these amounts; 0 by default.
    package init(tokens: Int = 0, visiblePairs: Int = 0, predictionPositions: Int = 0) {
        self.tokens = tokens
        self.visiblePairs = visiblePairs
        self.predictionPositions = predictionPositions
    }

    /// The sum of two amounts.
    package static func + (a: Work, b: Work) -> Work {
        Work(
            tokens: a.tokens + b.tokens,
            visiblePairs: a.visiblePairs + b.visiblePairs,
            predictionPositions: a.predictionPositions + b.predictionPositions
        )
    }
}

/// The floating-point operations (FLOPs) of a model's forward pass; the backward pass takes twice that number.
package struct CostModel: Sendable, Equatable {
    /// Parameters of the layers' weight matrices.
    package var bodyParameters: Int
    package var layers: Int
    package var heads: Int
    package var headDimension: Int
    package var vocabulary: Int
    package var width: Int

    /// A cost model of an architecture.
    package init(bodyParameters: Int, layers: Int, heads: Int, headDimension: Int, vocabulary: Int, width: Int) {
        self.bodyParameters = bodyParameters
        self.layers = layers
        self.heads = heads
        self.headDimension = headDimension
        self.vocabulary = vocabulary
        self.width = width
    }

    /// `2 * bodyParameters * tokens + 4 * layers * heads * headDimension * visiblePairs
    ///     + 2 * vocabulary * width * predictionPositions`.
    package func forwardFLOPs(of work: Work) -> Double {
        let attention = 4 * Double(layers) * Double(heads) * Double(headDimension)
        return 2 * Double(bodyParameters) * Double(work.tokens)
            + attention * Double(work.visiblePairs)
            + 2 * Double(vocabulary) * Double(width) * Double(work.predictionPositions)
    }
}
