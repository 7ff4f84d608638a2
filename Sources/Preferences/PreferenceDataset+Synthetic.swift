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
        func append(_ count: Int, first: Int, to ids: inout [Int32]) {
            ids.append(Int32(first % vocabularySize))
            for _ in 1..<count { ids.append(Int32(token())) }
        }
        var (prompts, responses) = ([Int32](), [Int32]())
        var (promptOffsets, responseOffsets, rowOffsets) = ([0], [0], [0])
        for (index, row) in rows.enumerated() {
            precondition(row.responses.count <= vocabularySize, "responses that begin with different tokens")
            append(row.prompt, first: index, to: &prompts)
            promptOffsets.append(prompts.count)
            let first = token()
            for (number, length) in row.responses.enumerated() {
                append(length, first: first + number, to: &responses)
                responseOffsets.append(responses.count)
            }
            rowOffsets.append(responseOffsets.count - 1)
        }
        try self.init(
            promptIDs: prompts,
            promptOffsets: promptOffsets,
            responseIDs: responses,
            responseOffsets: responseOffsets,
            rowOffsets: rowOffsets
        )
    }

    /// Apart from the streams of epochs, which count from 0, and of lengths.
    private static let tokenStream: UInt64 = 1 << 63
}
