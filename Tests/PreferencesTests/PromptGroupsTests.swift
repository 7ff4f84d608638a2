internal import Preferences
internal import Testing

/// Examples whose prompts extend one another.
struct PromptGroupsTests {
    private func planner(
        _ dataset: PreferenceDataset,
        _ sharing: Sharing = .prefix,
        rowTokens: Int = 1000,
        shards: Int = 1
    ) -> Planner {
        Planner(dataset: dataset, sharing: sharing, rowTokens: rowTokens, shards: shards, cost: perToken)
    }

    /// Examples of which many extend one another: prompts over two tokens.
    private func relatedExamples(_ count: Int, seed: UInt64) -> [PreferenceExample] {
        var random = TestRandom(seed: seed)
        return randomExamples(count, seed: seed).map { row in
            PreferenceExample(
                (0..<Int.random(in: 1...5, using: &random)).map { _ in .random(in: 0...1, using: &random) },
                row.responses
            )
        }
    }

    @Test("examples are grouped if the prompt of one is a prefix of the other's")
    func groups() throws {
        let responses: [[Int32]] = [[8], [9]]
        let prompts: [[Int32]] = [[5, 6], [1, 2], [5, 7], [1, 2, 8, 3], [1, 2], [1, 3], [5]]
        let groups = try PreferenceDataset(prompts.map { PreferenceExample($0, responses) }).promptGroups
        #expect(groups[1] == groups[3] && groups[1] == groups[4])
        // The others extend the prompt of example 6, though not each other's.
        #expect(groups[0] == groups[6] && groups[2] == groups[6])
        #expect(Set(groups) == [groups[1], groups[0], groups[5]] && Set(groups).count == 3)
    }

    @Test("a conversation whose second turn is an example of its own is one tree, first example first")
    func conversation() throws {
        // The second prompt is the first prompt, its best response, and the next user message.
        let dataset = try PreferenceDataset([
            PreferenceExample([1, 2, 3, 5], [[6], [7]]), PreferenceExample([1, 2], [[3], [4]]),
        ])
        let packed = planner(dataset).plan(examples: [0, 1]).packedSequences(shard: 0)
        #expect(packed.count == 1)
        let row = packed[0]
        #expect(row.tokens == [1, 2, 3, 5, 6, 7, 4])
        #expect(row.positions == [0, 1, 2, 3, 4, 4, 2])
        #expect(row.nodes.map(\.parent) == [-1, 0, 1, 2, 2, 0])
        #expect(row.trees.count == 1)
        #expect(row.examples == [.init(index: 1, responses: 0..<2), .init(index: 0, responses: 2..<4)])
        #expect(row.responses.map(\.index) == [2, 3, 0, 1])
        // 3 and 4 are predicted at 2, 6 and 7 at 5; 5 itself is in no response.
        #expect(row.predictionPositions == [1, 3])
        #expect(row.labels.map(\.token) == [3, 4, 6, 7])
        #expect(row.responseLabels == [0, 1, 2, 3])
    }

    @Test("modes that do not share across examples keep a tree per example", arguments: [Sharing.none, .prompt])
    func otherWays(sharing: Sharing) throws {
        let row = PreferenceExample([1, 2], [[3], [4]])
        let plan = planner(try PreferenceDataset([row, row]), sharing).plan(examples: [0, 1])
        #expect(plan.packedSequences(shard: 0).flatMap(\.trees).count == 2)
        #expect(plan.work.tokens == (sharing == .none ? 12 : 8))
    }

    @Test("each example is planned once, sharing with others or alone, in any order", arguments: 1...4)
    func everyRowOnce(shards: Int) throws {
        let dataset = try PreferenceDataset(relatedExamples(30, seed: 3))
        for rowTokens in [1, 20, 60, 500] {
            let planner = planner(dataset, rowTokens: rowTokens, shards: shards)
            let plan = planner.plan(examples: Array(0..<30))
            let packed = (0..<shards).map(plan.packedSequences(shard:))
            #expect(packed.joined().flatMap(\.examples).map(\.index).sorted() == Array(0..<30))
            let back = planner.plan(examples: (0..<30).reversed())
            #expect(packed == (0..<shards).map(back.packedSequences(shard:)))
            for tree in packed.joined().flatMap(\.trees) where tree.examples.count > 1 {
                #expect(tree.tokens.count <= rowTokens)
            }
            #expect(packed.joined().allSatisfy { $0.tokens.count <= planner.maximumPackedTokens(of: 0..<30) })
        }
    }

    @Test("trees of several examples never increase the cost of the most expensive shard", arguments: 0..<20)
    func balance(seed: Int) throws {
        let dataset = try PreferenceDataset(relatedExamples(12, seed: UInt64(seed)))
        for shards in 1...4 {
            // No tree of several examples fits one token.
            let apart = planner(dataset, rowTokens: 1, shards: shards).plan(examples: Array(0..<12))
            let joined = planner(dataset, shards: shards).plan(examples: Array(0..<12))
            #expect(joined.shardFLOPs.max()! <= apart.shardFLOPs.max()!)
            if shards == 1 { #expect(joined.flops < apart.flops) }
        }
    }

    @Test("the examples of one prompt are split if a shard would wait for them")
    func divided() throws {
        let rows = (0..<8).map { PreferenceExample([1], [Array(repeating: 2 + $0, count: 9), [20 + $0]]) }
        let plan = planner(try PreferenceDataset(rows), shards: 2).plan(examples: Array(0..<8))
        // Four examples of ten tokens plus the prompt.
        #expect(plan.shardWork.map(\.tokens) == [41, 41])
    }
}
