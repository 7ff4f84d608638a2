internal import Preferences
internal import Testing

/// Synthetic conversations share prompts and the best responses in them, and nothing else.
struct ConversationLengthsTests {
    private func dataset(
        _ lengths: ConversationLengths,
        count: Int,
        vocabularySize: Int = 997
    ) throws
        -> PreferenceDataset
    {
        try PreferenceDataset(lengths, count: count, vocabularySize: vocabularySize, seed: 3)
    }

    @Test("each prompt continues the prompt and the best response of the turn before")
    func turns() throws {
        let lengths = ConversationLengths(turns: 4, promptTokens: 50, responses: 3, responseTokens: 5)
        let data = try dataset(lengths, count: 8)
        #expect((0..<4).map(lengths.prompt) == [12, 25, 37, 50])
        for row in 0..<8 {
            #expect(data.prompt(row).count == lengths.prompt(ofTurn: row % 4))
            #expect(data.responses(of: row).map { data.response($0).count } == [5, 5, 5])
            #expect(Set(data.responses(of: row).map { data.response($0).first }).count == 3)
            guard row % 4 > 0 else { continue }
            let before = data.prompt(row - 1) + data.response(data.responses(of: row - 1).lowerBound)
            #expect(data.prompt(row).starts(with: before))
        }
        #expect(!data.prompt(4).starts(with: data.prompt(0).prefix(1)), "another conversation begins differently")
    }

    @Test(
        "a conversation in one tree has the leaves and tokens that its lengths give",
        arguments: [(1, 7, 2, 3), (1, 9, 8, 1), (2, 9, 3, 3), (20, 97, 2, 3)]
    )
    func tree(turns: Int, prompt: Int, responses: Int, tokens: Int) throws {
        let lengths = ConversationLengths(
            turns: turns,
            promptTokens: prompt,
            responses: responses,
            responseTokens: tokens
        )
        let data = try dataset(lengths, count: turns)
        let planner = Planner(dataset: data, sharing: .prefix, rowTokens: 1 << 12, shards: 1, cost: perToken)
        let packed = planner.plan(examples: Array(0..<turns)).packedSequences(shard: 0)
        try #require(packed.count == 1)
        #expect(packed[0].tokens.count == lengths.treeTokens)
        let parents = Set(packed[0].nodes.map(\.parent))
        #expect(packed[0].nodes.indices.count { !parents.contains($0) } == lengths.leaves)
    }

    @Test("one turn is an example with an own prompt; the same seed gives the same tokens")
    func oneTurn() throws {
        let lengths = ConversationLengths(promptTokens: 30, responses: 4, responseTokens: 6)
        let data = try dataset(lengths, count: 3)
        #expect((0..<3).map { data.unsharedTokens(of: $0) } == [144, 144, 144])
        #expect(Set((0..<3).map { data.prompt($0).first }).count == 3)
        #expect(try data.digest == dataset(lengths, count: 3).digest)
    }
}
