internal import Preferences
internal import Testing

/// Small trees, checked by hand.
struct TokenTreeTests {
    /// Two responses with a common prefix: 7 8 | 1 2 3 and 7 8 | 1 2 4 5.
    private let forked = PreferenceExample([7, 8], [[1, 2, 3], [1, 2, 4, 5]])

    private func tree(
        _ row: PreferenceExample,
        _ sharing: Sharing,
        skips: [Int32]? = nil
    ) throws -> (row: PackedSequence, work: Work) {
        let tree = TokenTree(try PreferenceDataset([row], skips: skips), example: 0, sharing: sharing)
        return (PackedSequence([tree]), tree.work)
    }

    @Test("without sharing each response is a chain with a prompt of its own")
    func none() throws {
        let (row, work) = try tree(forked, .none)
        #expect(row.tokens == [7, 8, 1, 2, 3, 7, 8, 1, 2, 4, 5])
        #expect(row.positions == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 5])
        #expect(row.nodes == [.init(parent: -1, tokens: 0..<5), .init(parent: -1, tokens: 5..<11)])
        #expect(row.predictionPositions == [1, 2, 3, 6, 7, 8, 9])
        #expect(row.labels.map(\.token) == [1, 2, 3, 1, 2, 4, 5])
        #expect(row.labels.map(\.hidden) == [0, 1, 2, 3, 4, 5, 6])
        #expect(row.responseLabels == [0, 1, 2, 3, 4, 5, 6])
        #expect(row.responses == [.init(index: 0, rank: 0, labels: 0..<3), .init(index: 1, rank: 1, labels: 3..<7)])
        #expect(work == Work(tokens: 11, visiblePairs: 15 + 21, predictionPositions: 7, predictionPairs: 9 + 14))
    }

    @Test("with the prompt shared, its last state predicts the first token of each branch")
    func prompt() throws {
        let (row, work) = try tree(forked, .prompt)
        #expect(row.tokens == [7, 8, 1, 2, 3, 1, 2, 4, 5])
        #expect(row.positions == [0, 1, 2, 3, 4, 2, 3, 4, 5])
        #expect(
            row.nodes == [
                .init(parent: -1, tokens: 0..<2), .init(parent: 0, tokens: 2..<5), .init(parent: 0, tokens: 5..<9),
            ]
        )
        #expect(row.predictionPositions == [1, 2, 3, 5, 6, 7])
        // Both responses begin with the same token: one prediction, counted for both.
        #expect(row.labels.map(\.token) == [1, 2, 3, 2, 4, 5])
        #expect(row.responseLabels == [0, 1, 2, 0, 3, 4, 5])
        #expect(work == Work(tokens: 9, visiblePairs: 3 + 12 + 18, predictionPositions: 6, predictionPairs: 2 + 7 + 12))
    }

    @Test("a trie computes the common prefix of responses once")
    func prefix() throws {
        let (row, work) = try tree(forked, .prefix)
        #expect(row.tokens == [7, 8, 1, 2, 3, 4, 5])
        #expect(row.positions == [0, 1, 2, 3, 4, 4, 5])
        #expect(
            row.nodes == [
                .init(parent: -1, tokens: 0..<4), .init(parent: 0, tokens: 4..<5), .init(parent: 0, tokens: 5..<7),
            ]
        )
        #expect(row.predictionPositions == [1, 2, 3, 5])
        // The state of the token before the fork has two labels, the smaller token first.
        #expect(row.labels.map(\.hidden) == [0, 1, 2, 2, 3])
        #expect(row.labels.map(\.token) == [1, 2, 3, 4, 5])
        #expect(row.responseLabels == [0, 1, 2, 0, 1, 3, 4])
        #expect(work == Work(tokens: 7, visiblePairs: 10 + 5 + 11, predictionPositions: 4, predictionPairs: 9 + 5))
    }

    @Test("a node is split where a shorter response ends", arguments: [false, true])
    func responseThatIsAPrefix(shorterFirst: Bool) throws {
        let responses: [[Int32]] = shorterFirst ? [[1, 2], [1, 2, 3]] : [[1, 2, 3], [1, 2]]
        let (row, work) = try tree(PreferenceExample([9], responses), .prefix)
        #expect(row.tokens == [9, 1, 2, 3])
        #expect(row.nodes == [.init(parent: -1, tokens: 0..<3), .init(parent: 0, tokens: 3..<4)])
        #expect(row.predictionPositions == [0, 1, 2])
        #expect(row.responseLabels == (shorterFirst ? [0, 1, 0, 1, 2] : [0, 1, 2, 0, 1]))
        #expect(work == Work(tokens: 4, visiblePairs: 10, predictionPositions: 3, predictionPairs: 6))
    }

    @Test("equal responses are one path, counted for each")
    func equalResponses() throws {
        let (row, _) = try tree(PreferenceExample([9], [[4, 5], [4, 5]]), .prefix)
        #expect(row.tokens == [9, 4, 5])
        #expect(row.nodes == [.init(parent: -1, tokens: 0..<3)])
        #expect(row.labels.map(\.token) == [4, 5])
        #expect(row.responseLabels == [0, 1, 0, 1])
    }

    @Test("skipped tokens are computed but not predicted, unless another response counts them")
    func skippedTokens() throws {
        let (row, work) = try tree(forked, .prefix, skips: [1, 3])
        #expect(row.tokens == [7, 8, 1, 2, 3, 4, 5])
        #expect(row.positions == [0, 1, 2, 3, 4, 4, 5])
        // The first response counts 2 3, the second only 5.
        #expect(row.predictionPositions == [2, 3, 5])
        #expect(row.labels.map(\.token) == [2, 3, 5])
        #expect(row.labels.map(\.hidden) == [0, 1, 2])
        #expect(row.responseLabels == [0, 1, 2])
        #expect(row.responses == [.init(index: 0, rank: 0, labels: 0..<2), .init(index: 1, rank: 1, labels: 2..<3)])
        #expect(work == Work(tokens: 7, visiblePairs: 10 + 5 + 11, predictionPositions: 3, predictionPairs: 7 + 5))
    }

    @Test("a trie forks again within a fork")
    func nestedForks() throws {
        let (row, _) = try tree(PreferenceExample([9], [[1, 2, 3], [4], [1, 2, 5], [1, 6]]), .prefix)
        #expect(row.tokens == [9, 1, 2, 3, 5, 6, 4])
        #expect(row.positions == [0, 1, 2, 3, 3, 2, 1])
        #expect(row.nodes.map(\.parent) == [-1, 0, 1, 2, 2, 1, 0])
        #expect(row.predictionPositions == [0, 1, 2])
        #expect(row.labels.map(\.token) == [1, 4, 2, 6, 3, 5])
        #expect(row.responseLabels == [0, 2, 4, 1, 0, 2, 5, 0, 3])
    }

    @Test("trees packed together keep their shape, with shifted indices")
    func packedTogether() throws {
        let other = PreferenceExample([3], [[1], [2]])
        let dataset = try PreferenceDataset([forked, other])
        let row = PackedSequence([1, 0].map { TokenTree(dataset, example: $0, sharing: .prefix) })
        #expect(row.tokens == [3, 1, 2, 7, 8, 1, 2, 3, 4, 5])
        #expect(row.positions == [0, 1, 1, 0, 1, 2, 3, 4, 4, 5])
        #expect(row.nodes.map(\.parent) == [-1, 0, 0, -1, 3, 3])
        #expect(row.predictionPositions == [0, 4, 5, 6, 8])
        #expect(row.labels.map(\.hidden) == [0, 0, 1, 2, 3, 3, 4])
        #expect(row.responseLabels == [0, 1, 2, 3, 4, 2, 3, 5, 6])
        #expect(row.responses.map(\.index) == [2, 3, 0, 1])
        #expect(row.examples == [.init(index: 1, responses: 0..<2), .init(index: 0, responses: 2..<4)])
        #expect(row.trees.map(\.nodes) == [0..<3, 3..<6])
        #expect(row.trees.map(\.tokens) == [0..<3, 3..<10])
        #expect(row.trees.map(\.predictionPositions) == [0..<1, 1..<5])
        #expect(row.trees.map(\.labels) == [0..<2, 2..<7])
        #expect(row.trees.map(\.examples) == [0..<1, 1..<2])
    }
}
