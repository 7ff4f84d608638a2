extension PreferenceDataset {
    /// Random tokens in rows of these lengths, the same for the same seed.
    ///
    /// Nothing but the prompt can be shared: a row's responses begin with different tokens, and so do the prompts of
    /// as many rows in succession as there are tokens.
    ///
    /// - Parameter vocabularySize: Ids lie below it; at least the responses of a row.
    package init(_ rows: [RowLengths], vocabularySize: Int, seed: UInt64) throws {
        var random = CounterRandom(seed: seed, stream: Self.tokenStream)
        func token() -> Int { Int(random.next(below: UInt64(vocabularySize))) }
        func tokens(_ count: Int, first: Int) -> ArraySlice<Int32> {
            [Int32(first % vocabularySize)] + (1..<count).map { _ in Int32(token()) }
        }
        try self.init(
            rows.enumerated().map { index, row in
                precondition(row.responses.count <= vocabularySize, "responses that begin with different tokens")
                let prompt = tokens(row.prompt, first: index)
                let first = token()
                let responses = row.responses.enumerated().map { tokens($1, first: first + $0) }
                return Row(prompt: prompt, responses: responses)
            }
        )
    }

    /// Apart from the streams of epochs, which count from 0, and of lengths.
    private static let tokenStream: UInt64 = 1 << 63
}
