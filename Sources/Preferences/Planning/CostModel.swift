/// How much there is to compute.
package struct Work: Sendable, Equatable {
    /// Tokens that go through the layers.
    package var tokens = 0
    /// Over all tokens, the tokens that each sees, itself included.
    package var visiblePairs = 0
    /// Hidden states that predict a counted token.
    package var lossRows = 0

    /// Nothing.
    package static let zero = Work()

    /// So many tokens, visible pairs and predicting states.
    package init(tokens: Int = 0, visiblePairs: Int = 0, lossRows: Int = 0) {
        self.tokens = tokens
        self.visiblePairs = visiblePairs
        self.lossRows = lossRows
    }

    /// The work of two parts.
    package static func + (a: Work, b: Work) -> Work {
        Work(
            tokens: a.tokens + b.tokens,
            visiblePairs: a.visiblePairs + b.visiblePairs,
            lossRows: a.lossRows + b.lossRows
        )
    }
}

/// The floating-point operations of a model's forward pass; the backward pass takes twice as many.
package struct CostModel: Sendable, Equatable {
    /// Parameters of the layers' matrices.
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

    /// `2 * bodyParameters * tokens + 4 * layers * heads * headDimension * visiblePairs + 2 * vocabulary * width * lossRows`.
    package func forwardFLOPs(of work: Work) -> Double {
        let attention = 4 * Double(layers) * Double(heads) * Double(headDimension)
        return 2 * Double(bodyParameters) * Double(work.tokens)
            + attention * Double(work.visiblePairs)
            + 2 * Double(vocabulary) * Double(width) * Double(work.lossRows)
    }
}
