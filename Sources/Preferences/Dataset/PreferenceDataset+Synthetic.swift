extension PreferenceDataset {
    /// Samples random tokens for examples of these lengths; the same seed gives the same tokens.
    ///
    /// Only prompts can be shared: the responses of an example begin with different tokens, and so do the prompts of up
    /// to `vocabularySize` consecutive examples.
    ///
    /// - Parameters:
    ///   - vocabularySize: The exclusive upper bound of token ids; at least the responses of an example.
    ///   - sharedPrefix: The number of tokens before every prompt, the same for all examples.
    package init(_ rows: [ExampleLengths], vocabularySize: Int, sharedPrefix: Int = 0, seed: UInt64) throws {
        var random = CounterRandom(seed: seed, stream: Self.tokenStream)
        func token() -> Int { Int(random.next(below: UInt64(vocabularySize))) }
        func tokens(_ count: Int, first: Int) -> ArraySlice<Int32> {
            [Int32(first % vocabularySize)] + (1..<count).map { _ in Int32(token()) }
        }
        let prefix = (0..<sharedPrefix).map { Int32($0 % vocabularySize) }
        try self.init(
            rows.enumerated().map { index, row in
                precondition(row.responses.count <= vocabularySize, "a distinct first token for each response")
                let prompt = (prefix + tokens(row.prompt, first: index))[...]
                let first = token()
                let responses = row.responses.enumerated().map { tokens($1, first: first + $0) }
                return Example(prompt: prompt, responses: responses)
            }
        )
    }

    /// Distinct from the streams of epochs, which count from 0, and of lengths.
    private static let tokenStream: UInt64 = 1 << 63
}
