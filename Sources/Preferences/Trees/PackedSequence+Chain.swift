extension PackedSequence {
    /// A chain of tokens of which the last one predicts, without a label: the input of generation.
    ///
    /// - Parameter position: That of the first token, the number of tokens before it.
    package init(chain tokens: [Int32], from position: Int = 0) {
        self.init()
        self.tokens = tokens
        positions = (0..<tokens.count).map { Int32(position + $0) }
        nodes = [Node(parent: -1, tokens: 0..<tokens.count)]
        predictionPositions = [Int32(tokens.count - 1)]
    }
}
