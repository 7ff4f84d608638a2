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
        var tokens = RandomTokens(vocabularySize: vocabularySize, seed: seed)
        let prefix = (0..<sharedPrefix).map { Int32($0 % vocabularySize) }
        try self.init(
            rows.enumerated().map { index, row in
                let prompt = prefix + tokens.next(row.prompt, first: index)
                return Example(prompt: prompt[...], responses: tokens.responses(row.responses))
            }
        )
    }

    /// Samples random tokens for the first `count` turns of conversations of these lengths, one conversation after the
    /// other, each turn an example of its own; the same seed gives the same tokens.
    ///
    /// Within a conversation only the prompts and the best responses in them can be shared, and nothing between
    /// conversations, up to `vocabularySize` of them.
    ///
    /// - Parameter vocabularySize: The exclusive upper bound of token ids; at least the responses of a turn.
    package init(_ lengths: ConversationLengths, count: Int, vocabularySize: Int, seed: UInt64) throws {
        var tokens = RandomTokens(vocabularySize: vocabularySize, seed: seed)
        var prompt: [Int32] = []
        try self.init(
            (0..<count).map { index in
                let (conversation, turn) = index.quotientAndRemainder(dividingBy: lengths.turns)
                if turn == 0 { prompt = [] }
                let first = turn == 0 ? conversation : tokens.next()
                prompt += tokens.next(lengths.prompt(ofTurn: turn) - prompt.count, first: first)
                let responses = tokens.responses(
                    Array(repeating: lengths.responseTokens, count: lengths.responses)
                )
                defer { prompt += responses[0] }
                return Example(prompt: prompt[...], responses: responses)
            }
        )
    }
}

/// Random token ids.
private struct RandomTokens {
    private let vocabularySize: Int
    private var random: CounterRandom

    init(vocabularySize: Int, seed: UInt64) {
        self.vocabularySize = vocabularySize
        // Distinct from the streams of epochs, which count from 0, and of lengths.
        random = CounterRandom(seed: seed, stream: 1 << 63)
    }

    mutating func next() -> Int { Int(random.next(below: UInt64(vocabularySize))) }

    /// Tokens after one that is given, modulo the size of the vocabulary.
    mutating func next(_ count: Int, first: Int) -> [Int32] {
        [Int32(first % vocabularySize)] + (1..<count).map { _ in Int32(next()) }
    }

    /// Responses of these lengths, which begin with different tokens.
    mutating func responses(_ lengths: [Int]) -> [ArraySlice<Int32>] {
        precondition(lengths.count <= vocabularySize, "a distinct first token for each response")
        let first = next()
        return lengths.enumerated().map { next($1, first: first + $0)[...] }
    }
}
