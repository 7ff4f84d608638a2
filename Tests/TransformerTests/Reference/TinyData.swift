internal import Preferences
internal import TestSupport

/// Packed sequences for tiny models, whose vocabulary has 13 tokens.
enum TinyData {
    typealias Example = (prompt: [Int32], responses: [[Int32]])

    /// Two examples: one with three nested forks, one with a response that another extends and a duplicate
    /// response.
    private static let examples: [Example] = [
        ([1, 5, 2, 8], [[3, 4, 6, 7, 9], [3, 4, 6, 10], [3, 4, 11, 2], [3, 12], [0, 3]]),
        ([5, 5], [[2, 7], [2, 7, 1, 4], [2, 7], [8]]),
    ]

    /// The plan of both examples, in one packed sequence.
    static func plan(_ sharing: Sharing, cost: CostModel) throws -> StepPlan {
        let dataset = try dataset(examples)
        let planner = Planner(dataset: dataset, sharing: sharing, rowTokens: 1000, shards: 1, cost: cost)
        return planner.plan(examples: Array(examples.indices))
    }

    /// Both trees in one packed sequence, and the second again in a separate one.
    static func rows(_ sharing: Sharing) throws -> [PackedSequence] {
        let dataset = try dataset(examples)
        return [[0, 1], [1]].map { PackedSequence($0.map { TokenTree(dataset, example: $0, sharing: sharing) }) }
    }

    /// Nodes of several tiles and blocks: a trunk longer than a tile of keys (384), and branches longer than a block of
    /// queries.
    static func long() throws -> PackedSequence {
        func tokens(_ count: Int, _ seed: Int) -> [Int32] {
            (0..<count).map { Int32(6.5 * (noise(seed + $0) + 1)) }
        }
        let start = tokens(70, 5000)
        let dataset = try dataset([
            (tokens(9, 100), [tokens(4, 200), tokens(3, 300)]),
            (tokens(390, 1000), [start + tokens(40, 2000), start + tokens(3, 3000), tokens(110, 4000)]),
        ])
        return PackedSequence([0, 1].map { TokenTree(dataset, example: $0, sharing: .prefix) })
    }

    /// Examples whose prompts have beginnings in common: all, three of them more, two of these more than a tile of keys; one
    /// prompt extends another by a response of its, so that both may form one tree.
    private static let related: [Example] = {
        func tokens(_ count: Int, _ seed: Int) -> [Int32] {
            (0..<count).map { Int32(6.5 * (noise(seed + $0) + 1)) }
        }
        let (all, some, few) = (tokens(21, 6000), tokens(17, 7000), tokens(400, 8000))
        return [
            (all + some + [1, 2], [[3, 4], [3, 5, 6]]),
            (all + some + [1, 2, 3, 4, 9], [[3, 4, 7], [2]]),
            (all + [9, 8, 7], [[6], [5, 4], [5, 4, 3]]),
            (all + some + few + [4], [tokens(19, 100), tokens(30, 200)]),
            (all + some + few + [5, 5], [tokens(3, 300), tokens(33, 400)]),
        ]
    }()

    private static let cost = CostModel(
        bodyParameters: 1,
        layers: 0,
        heads: 0,
        headDimension: 0,
        vocabulary: 0,
        width: 0
    )

    /// Packed sequences of examples whose prompts have beginnings in common.
    ///
    /// - Parameter rowTokens: At least 1.
    static func related(_ sharing: Sharing, rowTokens: Int) throws -> [PackedSequence] {
        let planner = Planner(
            dataset: try dataset(related),
            sharing: sharing,
            rowTokens: rowTokens,
            shards: 1,
            cost: cost
        )
        return planner.plan(examples: Array(related.indices)).packedSequences(shard: 0)
    }

    /// The examples in one packed sequence, as one tree if their prompts extend the first one.
    static func row(_ examples: [Example]) throws -> PackedSequence {
        try row(dataset(examples), sharing: .prefix)
    }

    /// A conversation of 20 turns, each an example with two responses of four tokens, seven predictions in all.
    static func conversation(_ sharing: Sharing) throws -> PackedSequence {
        let lengths = ConversationLengths(turns: 20, promptTokens: 120, responses: 2, responseTokens: 4)
        return try row(PreferenceDataset(lengths, count: 20, vocabularySize: 13, seed: 5), sharing: sharing)
    }

    private static func row(_ dataset: PreferenceDataset, sharing: Sharing) throws -> PackedSequence {
        let planner = Planner(dataset: dataset, sharing: sharing, rowTokens: 10_000, shards: 1, cost: cost)
        let rows = planner.plan(examples: Array(0..<dataset.count)).packedSequences(shard: 0)
        precondition(rows.count == 1, "one packed sequence")
        return rows[0]
    }

    private static func dataset(_ examples: [Example]) throws -> PreferenceDataset {
        func offsets(_ counts: [Int]) -> [Int] { counts.reduce(into: [0]) { $0.append($0.last! + $1) } }
        let responses = examples.flatMap(\.responses)
        return try PreferenceDataset(
            promptIDs: examples.flatMap(\.prompt),
            promptOffsets: offsets(examples.map(\.prompt.count)),
            responseIDs: responses.flatMap { $0 },
            responseOffsets: offsets(responses.map(\.count)),
            exampleOffsets: offsets(examples.map(\.responses.count))
        )
    }

    /// The levels of the deepest tree.
    static func depth(of row: PackedSequence) -> Int {
        var depths: [Int] = []
        for node in row.nodes { depths.append(node.parent < 0 ? 1 : depths[node.parent] + 1) }
        return depths.max() ?? 0
    }

    /// Coefficients of both signs for each token of each response; those of one response are 0.
    static func coefficients(of row: PackedSequence) -> [Double] {
        row.responses.enumerated().flatMap { index, response in
            response.labels.map { index == 3 ? 0 : noise(777 + $0) }
        }
    }
}
