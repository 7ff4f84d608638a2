internal import Compute
internal import Preferences
internal import TestSupport
internal import Testing
internal import Transformer

/// The plan of attention over random trees against the rule of `PackedSequence`, token by token.
struct AttentionPlanTests {
    /// The lengths of prompts and responses, and of a block of queries.
    struct Shape: Sendable, CustomTestStringConvertible {
        let prompt: Int
        let response: Int
        let blockSize: Int

        var testDescription: String { "prompts to \(prompt), responses to \(response), blocks of \(blockSize)" }

        static let all = [
            Shape(prompt: 6, response: 8, blockSize: 3),
            Shape(prompt: 40, response: 30, blockSize: 16),
            // Spans of several tiles.
            Shape(prompt: 400, response: 150, blockSize: 64),
        ]
    }

    /// A packed sequence of three examples whose responses share prefixes.
    private static func row(_ shape: Shape, _ sharing: Sharing, seed: Int) throws -> PackedSequence {
        func draw(_ limit: Int, _ place: Int) -> Int { 1 + Int(Double(limit - 1) * (noise(seed + place) + 1) / 2) }
        func tokens(_ count: Int, _ place: Int) -> [Int32] { (0..<count).map { Int32(draw(3, place + $0)) } }
        let prompts = (0..<3).map { tokens(draw(shape.prompt, $0), 1000 * $0) }
        let responses = (0..<9).map { index in
            // With three tokens in the vocabulary and the same noise, responses of an example share prefixes.
            tokens(draw(shape.response, 40 + index), 50_000 + index / 3 * 1000 + index % 3 * draw(2, 60 + index))
        }
        func offsets(_ counts: [Int]) -> [Int] { counts.reduce(into: [0]) { $0.append($0.last! + $1) } }
        let dataset = try PreferenceDataset(
            promptIDs: prompts.flatMap(\.self),
            promptOffsets: offsets(prompts.map(\.count)),
            responseIDs: responses.flatMap(\.self),
            responseOffsets: offsets(responses.map(\.count)),
            exampleOffsets: [0, 3, 6, 9]
        )
        return PackedSequence((0..<3).map { TokenTree(dataset, example: $0, sharing: sharing) })
    }

    /// For each token the indices of the tokens of its path, in order.
    private static func paths(_ row: PackedSequence) -> [[Int]] {
        var paths: [[Int]] = []
        for node in row.nodes {
            let above = node.parent < 0 ? [] : paths[row.nodes[node.parent].tokens.upperBound - 1]
            for token in node.tokens { paths.append(above + Array(node.tokens.lowerBound...token)) }
        }
        return paths
    }

    private static func plan(
        _ row: PackedSequence,
        _ shape: Shape,
        queries: [Int32]? = nil,
        window: Int? = nil
    ) -> AttentionPlan {
        AttentionPlan(row: row, queries: queries, groups: 2, threads: 3, blockSize: shape.blockSize, window: window)
    }

    /// The keys of a tile that query `query` of the block sees by the definition of `AttentionTile`.
    private static func seen(_ tile: AttentionPlan.Tile, _ block: AttentionPlan.Block, _ query: Int) -> [Int] {
        let token = query - block.queries.lowerBound
        let keys = tile.runs.flatMap(Array.init)
        let end = min(keys.count, max(0, tile.firstVisible + token))
        let start = max(0, tile.firstInWindow.map { $0 + token } ?? 0)
        return Array(keys[min(start, end)..<end])
    }

    @Test(
        "tiles hold every visible pair once, none is unseen, all begin at multiples, and the cost counts the pairs",
        arguments: Shape.all,
        [nil, 1, 2, 5, 17, 64, 300] as [Int?]
    )
    func pairs(shape: Shape, window: Int?) throws {
        var (compared, hidden, longest) = (0, 0, 0)
        for seed in 0..<6 {
            let row = try Self.row(shape, Sharing.allCases[seed % 3], seed: 7000 * seed)
            let paths = Self.paths(row)
            longest = max(longest, paths.map(\.count).max()!)
            let wanted = seed < 3 ? nil : row.predictionPositions
            let tasks = Self.plan(row, shape, queries: wanted, window: window).tasks.flatMap(\.self)
            for group in 0..<2 {
                let blocks = tasks.filter { $0.group == group }.map(\.block)
                let queries = blocks.flatMap { Array($0.queries) }
                #expect(Set(queries).count == queries.count)
                #expect(wanted.map { Set(queries).isSuperset(of: $0.map(Int.init)) } ?? (queries.count == paths.count))
                for block in blocks {
                    let keys = block.queries.map { query in block.tiles.flatMap { Self.seen($0, block, query) } }
                    for (query, keys) in zip(block.queries, keys) {
                        #expect(keys == Array(paths[query].suffix(window ?? .max)))
                        hidden += paths[query].count - keys.count
                    }
                    for tile in block.tiles {
                        #expect(block.queries.contains { !Self.seen(tile, block, $0).isEmpty })
                        #expect(row.positions[tile.runs[0].lowerBound] % Int32(AttentionTile.mostKeys) == 0)
                    }
                    #expect(block.cost == keys.reduce(0) { $0 + $1.count })
                    #expect(block.queries.count <= shape.blockSize)
                    compared += block.cost
                }
            }
        }
        #expect(compared > 100)
        #expect((hidden > 0) == (window ?? .max < longest))
    }

    @Test("a window that binds for no query gives the plan without window", arguments: Shape.all, Sharing.allCases)
    func idleWindow(shape: Shape, sharing: Sharing) throws {
        let row = try Self.row(shape, sharing, seed: 100)
        let longest = Int(row.positions.max()!) + 1
        let plan = Self.plan(row, shape)
        #expect(Self.plan(row, shape, window: longest) == plan)
        #expect(Self.plan(row, shape, window: longest + 1000) == plan)
        #expect(Self.plan(row, shape, window: longest - 1) != plan)
    }
}
