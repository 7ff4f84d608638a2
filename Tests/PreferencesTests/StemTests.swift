internal import Preferences
internal import Testing

/// Prefixes that the trees of a packed sequence have in common: small ones by hand, and random ones.
struct StemTests {
    /// Costs of layers with and without a window of four tokens.
    private let cost = CostModel(
        bodyParameters: 50,
        layers: 3,
        windowedLayers: 2,
        window: 4,
        heads: 1,
        headDimension: 2,
        vocabulary: 5,
        width: 3
    )

    private func planner(
        _ dataset: PreferenceDataset,
        _ sharing: Sharing = .any,
        rowTokens: Int = 10_000,
        shards: Int = 1,
        cost: CostModel = perToken,
        shortestStem: Int = 2
    ) -> Planner {
        Planner(
            dataset: dataset,
            sharing: sharing,
            rowTokens: rowTokens,
            shards: shards,
            cost: cost,
            shortestStem: shortestStem
        )
    }

    private func packed(_ plan: StepPlan, shards: Int = 1) -> [[PackedSequence]] {
        (0..<shards).map(plan.packedSequences(shard:))
    }

    /// Examples with prompts that begin with one of a few texts, some of which extend others, or are prompts or responses
    /// of other examples.
    private func relatedExamples(_ count: Int, seed: UInt64) -> [PreferenceExample] {
        var random = TestRandom(seed: seed)
        func tokens(_ count: Int) -> [Int32] { (0..<count).map { _ in .random(in: 0..<3, using: &random) } }
        var texts = [[], tokens(3), tokens(9)]
        for _ in 0..<3 { texts.append(texts.randomElement(using: &random)! + tokens(5)) }
        let rows = randomExamples(count, seed: seed &+ 1).map { row in
            PreferenceExample(texts.randomElement(using: &random)! + row.prompt, row.responses)
        }
        // A later turn of the first conversation, and examples with its prompt, which no tree may have to itself.
        let later = PreferenceExample(rows[0].prompt + rows[0].responses[0] + tokens(2), rows[1].responses)
        return (rows + [later, rows[0], rows[0]]).shuffled(using: &random)
    }

    // MARK: By hand

    @Test("two trees share the beginning of their prompts, which belongs to no example")
    func twoTrees() throws {
        let dataset = try PreferenceDataset([
            PreferenceExample([1, 2, 3, 4], [[6], [7]]), PreferenceExample([8], [[9], [1]]),
            PreferenceExample([1, 2, 3, 5, 5], [[6], [7, 8]]),
        ])
        let plan = planner(dataset).plan(examples: [0, 1, 2])
        let row = packed(plan)[0][0]
        #expect(row.tokens == [1, 2, 3, 4, 6, 7, 5, 5, 6, 7, 8, 8, 9, 1])
        #expect(row.positions == [0, 1, 2, 3, 4, 4, 3, 4, 5, 5, 6, 0, 1, 1])
        #expect(row.nodes.map(\.parent) == [-1, 0, 1, 1, 0, 4, 4, -1, 7, 7])
        #expect(row.nodes.map(\.tokens.lowerBound) == [0, 3, 4, 5, 6, 8, 9, 11, 12, 13])
        #expect(row.trees.map(\.nodes.lowerBound) == [1, 4, 7] && row.trees.map(\.nodes.upperBound) == [4, 7, 10])
        #expect(row.trees.map(\.tokens.lowerBound) == [3, 6, 11] && row.trees.map(\.tokens.upperBound) == [6, 11, 14])
        #expect(row.examples.map(\.index) == [0, 2, 1])
        #expect(row.predictionPositions == [3, 7, 9, 11])
        #expect(row.labels.map(\.token) == [6, 7, 6, 7, 8, 1, 9])
        #expect(plan.work == countedWork(row) && plan.work.tokens == 6 + 8 + 3 - 3)
    }

    @Test("a prefix of the shortest length is shared, a shorter one is not")
    func shortestStem() throws {
        let dataset = try PreferenceDataset([
            PreferenceExample([1, 2, 3, 4, 5], [[6], [7]]), PreferenceExample([1, 2, 3, 5, 5], [[6], [7]]),
        ])
        for (shortest, saved) in [(1, 3), (3, 3), (4, 0), (Planner.shortestStem, 0)] {
            let plan = planner(dataset, shortestStem: shortest).plan(examples: [0, 1])
            #expect(plan.work.tokens == 14 - saved)
        }
    }

    @Test("prefixes nest: what a few trees share in addition is a node below what all share")
    func nested() throws {
        let (all, some): ([Int32], [Int32]) = ([1, 1, 2, 1], [3, 4, 3])
        let dataset = try PreferenceDataset([
            PreferenceExample(all + some + [5, 6], [[7], [8]]), PreferenceExample(all + [9, 9], [[7], [8]]),
            PreferenceExample(all + some + [6, 5], [[7], [8]]), PreferenceExample(all + [9, 3], [[7], [8]]),
        ])
        let plan = planner(dataset).plan(examples: Array(0..<4))
        let row = packed(plan)[0][0]
        // All, then some with trees 0 and 2, then trees 1 and 3, whose additional common token is too short.
        #expect(row.nodes.map(\.tokens.count) == [4, 3, 2, 1, 1, 2, 1, 1, 2, 1, 1, 2, 1, 1])
        #expect(row.nodes.map(\.parent) == [-1, 0, 1, 2, 2, 1, 5, 5, 0, 8, 8, 0, 11, 11])
        #expect(row.examples.map(\.index) == [0, 2, 1, 3])
        #expect(comparePaths(row, with: dataset) == 8)
    }

    /// Prompts of a system message of 200 tokens and 20 more, and two responses of 30 tokens: 280 tokens.
    private func withSystemMessage(_ count: Int, messages: Int = 1) throws -> PreferenceDataset {
        try PreferenceDataset(
            (0..<count).map { index in
                let message = Array(repeating: Int32(index % messages), count: 200)
                func text(_ count: Int, _ part: Int) -> [Int32] {
                    Array(repeating: Int32(1000 + 3 * index + part), count: count)
                }
                return PreferenceExample(message + text(20, 0), [text(30, 1), text(30, 2)])
            }
        )
    }

    @Test("a system message of 200 tokens is computed once for each packed sequence, which holds more trees")
    func systemMessage() throws {
        let dataset = try withSystemMessage(12)
        func plan(_ sharing: Sharing, rowTokens: Int, shards: Int = 1) -> (plan: StepPlan, sequences: [Int]) {
            let plan = planner(dataset, sharing, rowTokens: rowTokens, shards: shards, shortestStem: 16)
                .plan(examples: Array(0..<12))
            return (plan, packed(plan, shards: shards).map(\.count))
        }
        #expect(plan(.prefix, rowTokens: 10_000).plan.work.tokens == 12 * 280)
        #expect(plan(.any, rowTokens: 10_000).plan.work.tokens == 12 * 280 - 11 * 200)
        // Of 520 tokens: one tree of 280 without sharing, 200 + 4 * 80 with it.
        #expect(plan(.prefix, rowTokens: 520).sequences == [12])
        #expect(plan(.any, rowTokens: 520).sequences == [3])
        #expect(plan(.any, rowTokens: 520).plan.work.tokens == 12 * 80 + 3 * 200)
        let divided = plan(.any, rowTokens: 10_000, shards: 4)
        #expect(divided.plan.shardWork.map(\.tokens) == [440, 440, 440, 440])
        // All but the first of each sequence save the pairs of a chain of 200 tokens.
        let apart = plan(.prefix, rowTokens: 1).plan.work.visiblePairs
        #expect(divided.plan.work.visiblePairs == apart - 8 * 20_100)
    }

    @Test("trees with one system message go to the same shard, if that makes the slowest shard faster")
    func broughtTogether() throws {
        let dataset = try withSystemMessage(64, messages: 8)
        let plan = planner(dataset, shards: 8, shortestStem: 16).plan(examples: Array(0..<64))
        #expect(plan.shardWork.allSatisfy { $0.tokens == 8 * 80 + 200 })
        #expect(packed(plan, shards: 8).allSatisfy { $0.count == 1 })
    }

    @Test("trees are divided by what is left of them without their common prefix")
    func balanced() throws {
        // By their own costs two trees of 1300 tokens weigh as much as ten of 260, which save nine prefixes.
        let prefix = Array(repeating: Int32(1), count: 200)
        let rows = (0..<12).map { index in
            PreferenceExample(prefix + [Int32(index)], [Array(repeating: 2, count: index < 2 ? 1098 : 58), [3]])
        }
        let plan = planner(try PreferenceDataset(rows), shards: 2, shortestStem: 16).plan(examples: Array(0..<12))
        let mean = (2 * 1100 + 10 * 60 + 2 * 200) / 2
        #expect(plan.shardWork.allSatisfy { $0.tokens <= mean + 60 })
    }

    // MARK: Random

    @Test(
        "shared prefixes change no token's position, no visible token and no label",
        arguments: 0..<8,
        [1, 2, 5]
    )
    func samePaths(seed: Int, shortestStem: Int) throws {
        let rows = relatedExamples(30, seed: UInt64(seed))
        let skips = seed % 2 == 0 ? randomSkips(rows, seed: UInt64(seed)) : nil
        let dataset = try PreferenceDataset(rows, skips: skips)
        let counted = dataset.responseIDs.count - (skips ?? []).reduce(0) { $0 + Int($1) }
        let all = Array(rows.indices)
        for (rowTokens, shards) in [(1, 1), (30, 3), (60, 1), (200, 2), (10_000, 1)] {
            let planner = planner(
                dataset,
                rowTokens: rowTokens,
                shards: shards,
                cost: cost,
                shortestStem: shortestStem
            )
            let plan = planner.plan(examples: all)
            let rows = packed(plan, shards: shards)
            #expect(rows.joined().flatMap(\.examples).map(\.index).sorted() == all)
            let labels = rows.joined().reduce(0) { $0 + comparePaths($1, with: dataset, skips: skips) }
            #expect(labels == counted)
            for (shard, rows) in rows.enumerated() {
                #expect(rows.map { countedWork($0, window: 4) }.reduce(.zero, +) == plan.shardWork[shard])
                #expect(plan.shardFLOPs[shard] == cost.forwardFLOPs(of: plan.shardWork[shard]))
            }
            for row in rows.joined() { expectSound(row, planner) }
            #expect(packed(planner.plan(examples: all.reversed()), shards: shards) == rows, "in any order")
        }
    }

    /// Checks the order of nodes, trees and labels, and the length.
    private func expectSound(_ row: PackedSequence, _ planner: Planner) {
        #expect(row.nodes.flatMap { Array($0.tokens) } == Array(row.tokens.indices))
        #expect(row.nodes.enumerated().allSatisfy { $1.parent < $0 && !$1.tokens.isEmpty })
        #expect(row.trees.flatMap { Array($0.predictionPositions) } == Array(row.predictionPositions.indices))
        #expect(row.trees.flatMap { Array($0.labels) } == Array(row.labels.indices))
        #expect(row.trees.flatMap { Array($0.examples) } == Array(row.examples.indices))
        #expect(row.tokens.count <= planner.rowTokens || row.trees.count == 1)
        #expect(row.tokens.count <= planner.maximumPackedTokens(of: 0..<planner.dataset.count))
        for tree in row.trees {
            let (first, last) = (row.nodes[tree.nodes].first!.tokens, row.nodes[tree.nodes].last!.tokens)
            #expect(tree.tokens == first.lowerBound..<last.upperBound)
            #expect(row.predictionPositions[tree.predictionPositions].allSatisfy { tree.tokens.contains(Int($0)) })
        }
        // What is in no tree is a stem, which has several children.
        for node in row.nodes.indices where !row.trees.contains(where: { $0.nodes.contains(node) }) {
            #expect(row.nodes.count { $0.parent == node } > 1 && row.nodes[node].tokens.count >= planner.shortestStem)
        }
    }

    @Test("no shard gets more to do than without shared prefixes, and some get less", arguments: 0..<20)
    func balance(seed: Int) throws {
        let rows = relatedExamples(24, seed: UInt64(seed))
        let dataset = try PreferenceDataset(rows)
        for (shards, speeds) in [(1, [1]), (2, [1, 1]), (3, [1, 0.5, 0.8]), (5, [1, 1, 1, 1, 1])] {
            for rowTokens in [1, 40, 100, 1000] {
                func slowest(_ sharing: Sharing) -> Double {
                    let planner = planner(dataset, sharing, rowTokens: rowTokens, shards: shards, cost: cost)
                    let plan = planner.plan(examples: Array(rows.indices), speeds: speeds)
                    return zip(plan.shardFLOPs, speeds).map { $0 / $1 }.max()!
                }
                let (with, without) = (slowest(.any), slowest(.prefix))
                #expect(with <= without)
                if shards == 1, rowTokens > 100 { #expect(with < without) }
            }
        }
    }

    @Test("where nothing is shared the plan is that of prefix", arguments: 0..<10, [1, 3])
    func nothingToShare(seed: Int, shards: Int) throws {
        // Prompts of different first tokens; some are equal, so that they are one tree.
        let rows = randomExamples(30, seed: UInt64(seed)).enumerated().map { index, row in
            PreferenceExample([Int32(10 + index % 25)] + (index < 25 ? row.prompt : []), row.responses)
        }
        let dataset = try PreferenceDataset(rows)
        let plans = [Sharing.any, .prefix].map { sharing in
            planner(dataset, sharing, rowTokens: 40, shards: shards).plan(examples: Array(0..<30))
        }
        #expect(packed(plans[0], shards: shards) == packed(plans[1], shards: shards))
        #expect(plans[0].shardFLOPs == plans[1].shardFLOPs && plans[0].imbalance == plans[1].imbalance)
    }

    @Test("sharing more saves more, and packing needs no more sequences", arguments: 0..<20)
    func fewerTokens(seed: Int) throws {
        let rows = relatedExamples(60, seed: UInt64(seed))
        let dataset = try PreferenceDataset(rows)
        for rowTokens in [40, 80, 200] {
            let plans = [Sharing.any, .prefix].map { sharing in
                planner(dataset, sharing, rowTokens: rowTokens).plan(examples: Array(rows.indices))
            }
            // In two seeds the examples that have a prefix in common are one tree already.
            #expect(plans[0].work.tokens <= plans[1].work.tokens)
            #expect(plans[0].work.tokens < plans[1].work.tokens || [8, 19].contains(seed))
            #expect(packed(plans[0])[0].count <= packed(plans[1])[0].count)
        }
    }
}
