internal import Preferences
internal import Testing

struct PlannerTests {
    /// A prompt of `count - 2` tokens and two responses of one: `count` tokens with the prompt shared.
    private func row(tokens count: Int) -> PreferenceExample {
        PreferenceExample(Array(repeating: 0, count: count - 2), [[1], [2]])
    }

    private func plan(tokens counts: [Int], rowTokens: Int = 100, shards: Int = 1) throws -> StepPlan {
        let dataset = try PreferenceDataset(counts.map { row(tokens: $0) })
        let planner = Planner(
            dataset: dataset,
            sharing: .prompt,
            rowTokens: rowTokens,
            shards: shards,
            cost: perToken
        )
        return planner.plan(examples: Array(counts.indices))
    }

    @Test("a pass costs two FLOPs per multiplication of body, attention and head")
    func costModel() {
        let cost = CostModel(bodyParameters: 1000, layers: 2, heads: 3, headDimension: 5, vocabulary: 7, width: 11)
        var work = Work.zero
        #expect(cost.forwardFLOPs(of: work) == 0)
        (work.tokens, work.visiblePairs, work.predictionPositions) = (10, 55, 4)
        let body = 2 * 1000 * 10
        let attention = 4 * 2 * (3 * 5) * 55
        let head = 2 * (7 * 11) * 4
        #expect(cost.forwardFLOPs(of: work) == Double(body + attention + head))
    }

    @Test("the last layer costs its prediction positions behind queries, keys and values, also with an adapter")
    func lastLayerCost() {
        var cost = CostModel(
            bodyParameters: 1000,
            layers: 2,
            windowedLayers: 1,
            window: 4,
            heads: 3,
            headDimension: 5,
            vocabulary: 7,
            width: 11
        )
        let work = Work(
            tokens: 10,
            visiblePairs: 55,
            windowedPairs: 34,
            predictionPositions: 4,
            predictionPairs: 31,
            windowedPredictionPairs: 16
        )
        let head = 2 * (7 * 11) * 4
        for (isWindowed, pairs) in [(false, 31 + 34), (true, 55 + 16)] {
            cost.adapter = nil
            cost.lastLayer = .init(parameters: 400, isWindowed: isWindowed)
            let (body, attention) = (600 * 10 + 400 * 4, 4 * (3 * 5) * pairs)
            #expect(cost.forwardFLOPs(of: work) == Double(2 * body + attention + head))
            #expect(cost.trainingFLOPs(of: work) == Double(3 * (2 * body + attention + head)))
            cost.adapter = .init(parameters: 50, lastParameters: 20, needsWholeGradients: false, trainsHead: false)
            let low = 30 * 10 + 20 * 4
            #expect(cost.forwardFLOPs(of: work) == Double(2 * (body + low) + attention + head))
            #expect(cost.trainingFLOPs(of: work) == Double(4 * body + 6 * low + 3 * attention + 2 * head))
        }
    }

    @Test(
        "layers whose attention has a window cost their visible pairs alone",
        arguments: Sharing.allCases,
        [2, 4, 100]
    )
    func windowedCost(sharing: Sharing, window: Int) throws {
        let full = CostModel(bodyParameters: 9, layers: 5, heads: 3, headDimension: 5, vocabulary: 7, width: 11)
        let cost = CostModel(
            bodyParameters: 9,
            layers: 5,
            windowedLayers: 3,
            window: window,
            heads: 3,
            headDimension: 5,
            vocabulary: 7,
            width: 11
        )
        let dataset = try PreferenceDataset(randomExamples(30, seed: 12))
        let planner = Planner(dataset: dataset, sharing: sharing, rowTokens: 1000, shards: 3, cost: cost)
        let plan = planner.plan(examples: Array(0..<30))
        for shard in 0..<3 {
            let packed = plan.packedSequences(shard: shard)
            let hidden = packed.flatMap(\.positions).reduce(0) { $0 + max(0, Int($1) + 1 - window) }
            #expect((hidden > 0) == (window < 100))
            let unlimited = full.forwardFLOPs(of: packed.map { countedWork($0) }.reduce(.zero, +))
            #expect(plan.shardFLOPs[shard] == unlimited - Double(4 * 3 * (3 * 5) * hidden))
        }
    }

    @Test("trees go to the least loaded shard, most expensive first; then two are swapped")
    func longestProcessingTime() throws {
        let plan = try plan(tokens: [5, 9, 4, 7, 6], shards: 2)
        // 9 | 7, 9 | 7+6, 9+5 | 13, 14 | 13+4; 7 for 5 makes 16 | 15.
        #expect(plan.shardFLOPs == [32, 30])
        #expect(plan.flops == 62)
        #expect(plan.imbalance == 32 * 2 / 62.0)
        #expect(plan.packedSequences(shard: 0).map(exampleIndices) == [[1, 3]])
        #expect(plan.packedSequences(shard: 1).map(exampleIndices) == [[0, 2, 4]])
    }

    @Test("a shard of twice the speed gets twice the work, and the plan is balanced")
    func speeds() throws {
        let dataset = try PreferenceDataset((0..<9).map { _ in row(tokens: 5) })
        let planner = Planner(dataset: dataset, sharing: .prompt, rowTokens: 10, shards: 3, cost: perToken)
        let plan = planner.plan(examples: Array(0..<9), speeds: [1, 0.5, 0.75])
        #expect(plan.shardFLOPs == [40, 20, 30] && plan.flops == 90)
        #expect(plan.imbalance == 1)
    }

    /// The architecture of SmolLM2-135M.
    private let smollm2 = CostModel(
        bodyParameters: 106_168_320,
        layers: 30,
        heads: 9,
        headDimension: 64,
        vocabulary: 49_152,
        width: 576
    )

    @Test("64 pairs of each length profile are balanced over 8 shards within 3 %", arguments: LengthProfile.all)
    func profiles(profile: LengthProfile) throws {
        for seed: UInt64 in 1...12 {
            let rows = profile.examples(64, responses: 2, longest: 4096, seed: seed)
            let dataset = try PreferenceDataset(rows, vocabularySize: 49_152, seed: seed)
            for sharing in Sharing.allCases {
                let planner = Planner(dataset: dataset, sharing: sharing, rowTokens: 2048, shards: 8, cost: smollm2)
                let plan = planner.plan(examples: Array(0..<64))
                #expect(plan.imbalance <= 1.03, "\(sharing), seed \(seed)")
                #expect(plan.imbalance >= 1 && plan.shardFLOPs.count == 8)
            }
        }
    }

    @Test("ties go to the lower example and the lower shard")
    func ties() throws {
        let plan = try plan(tokens: [5, 5, 5, 5], shards: 3)
        #expect((0..<3).map { plan.packedSequences(shard: $0).map(exampleIndices) } == [[[0, 3]], [[1]], [[2]]])
    }

    @Test("trees are packed first fit by descending tokens, within a sequence in order of the dataset")
    func firstFitDecreasing() throws {
        let plan = try plan(tokens: [4, 8, 3, 5, 7, 3], rowTokens: 10)
        // 8 | 7 | 5, then 4 with 5, 3 with 7, and 3 alone.
        #expect(plan.packedSequences(shard: 0).map(exampleIndices) == [[1], [2, 4], [0, 3], [5]])
    }

    @Test("a tree larger than the maximum has a packed sequence of its own")
    func largerThanARow() throws {
        let plan = try plan(tokens: [3, 12, 30, 3], rowTokens: 10)
        #expect(plan.packedSequences(shard: 0).map(exampleIndices) == [[2], [1], [0, 3]])
        #expect(plan.packedSequences(shard: 0).map(\.tokens.count) == [30, 12, 6])
    }

    @Test(
        "every example is in exactly one packed sequence of one shard, none larger than the maximum",
        arguments: Sharing.allCases,
        [1, 2, 3, 7, 50]
    )
    func everyExampleOnce(sharing: Sharing, shards: Int) throws {
        let dataset = try PreferenceDataset(randomExamples(40, seed: 8))
        let (rowTokens, rows) = (24, Array(stride(from: 39, to: 0, by: -3)))
        let planner = Planner(
            dataset: dataset,
            sharing: sharing,
            rowTokens: rowTokens,
            shards: shards,
            cost: perToken
        )
        let plan = planner.plan(examples: rows)
        let packed = (0..<shards).map(plan.packedSequences(shard:))
        #expect(packed.flatMap(\.self).flatMap(exampleIndices).sorted() == rows.sorted())
        for row in packed.flatMap(\.self) {
            #expect(row.tokens.count <= rowTokens || row.trees.count == 1)
        }
        for (shard, rows) in packed.enumerated() {
            #expect(rows.reduce(0) { $0 + $1.tokens.count } == plan.shardWork[shard].tokens)
            #expect(plan.shardFLOPs[shard] == perToken.forwardFLOPs(of: plan.shardWork[shard]))
        }
        let trees = packed.joined().reduce(0) { $0 + $1.trees.count }
        #expect(packed.filter(\.isEmpty).count == max(0, shards - trees), "a shard is idle only for want of trees")
        #expect(plan.counts.examples == 13 && plan.shardFLOPs.count == shards)
        #expect(plan.work.tokens > 13 * 3 && plan.imbalance >= 1)
    }

    @Test("costs are known before trees are flattened", arguments: Sharing.allCases, [8, 30, 1000])
    func costsBeforehand(sharing: Sharing, rowTokens: Int) throws {
        var joined = 0
        for seed: UInt64 in 1...20 {
            let rows = randomExamples(30, seed: seed)
            let dataset = try PreferenceDataset(rows, skips: seed % 2 == 0 ? randomSkips(rows, seed: seed) : nil)
            let planner = Planner(dataset: dataset, sharing: sharing, rowTokens: rowTokens, shards: 3, cost: perToken)
            let plan = planner.plan(examples: Array(0..<30))
            for (shard, work) in plan.shardWork.enumerated() {
                let packed = plan.packedSequences(shard: shard)
                #expect(packed.map { countedWork($0) }.reduce(.zero, +) == work, "seed \(seed)")
                joined += packed.flatMap(\.trees).count { $0.examples.count > 1 }
            }
        }
        #expect((joined > 0) == [.prefix, .any].contains(sharing))
    }

    @Test("a plan counts its pairs and the tokens that it would compute without sharing", arguments: Sharing.allCases)
    func counts(sharing: Sharing) throws {
        let dataset = try PreferenceDataset([
            PreferenceExample([1, 2, 3], [[4], [5, 6]]),
            PreferenceExample([1], [[2], [2], [2, 3]]),
            PreferenceExample([1, 2], [[4], [5]]),
        ])
        let planner = Planner(dataset: dataset, sharing: sharing, rowTokens: 100, shards: 2, cost: perToken)
        let plan = planner.plan(examples: [0, 1])
        #expect(plan.counts.examples == 2 && plan.counts.pairs == 1 + 2 && plan.counts.bestTokens == 1 + 1)
        #expect(plan.counts.firstPairs == [0: 0, 1: 1])
        #expect(plan.unsharedTokens == (3 + 1 + 3 + 2) + (1 + 1 + 1 + 1 + 1 + 2))
        #expect(plan.work.tokens == [.none: 16, .prompt: 11, .prefix: 6, .any: 6][sharing])
    }

    @Test("a step without examples can be planned: every shard is idle")
    func noRows() throws {
        let dataset = try PreferenceDataset([row(tokens: 5)])
        let planner = Planner(dataset: dataset, sharing: .prefix, rowTokens: 10, shards: 3, cost: perToken)
        let plan = planner.plan(examples: [])
        #expect((0..<3).allSatisfy { plan.packedSequences(shard: $0).isEmpty })
        #expect(plan.work == .zero && plan.flops == 0 && plan.imbalance == 1)
        #expect(plan.counts.examples == 0 && plan.counts.pairs == 0 && plan.unsharedTokens == 0)
    }

    @Test("no packed sequence is larger than the predicted maximum", arguments: Sharing.allCases, [1, 10, 24, 10_000])
    func maximumPackedTokens(sharing: Sharing, rowTokens: Int) throws {
        let dataset = try PreferenceDataset(randomExamples(20, seed: 9))
        let planner = Planner(dataset: dataset, sharing: sharing, rowTokens: rowTokens, shards: 1, cost: perToken)
        let largest = planner.maximumPackedTokens(of: 0..<20)
        let packed = planner.plan(examples: Array(0..<20)).packedSequences(shard: 0)
        #expect(packed.allSatisfy { $0.tokens.count <= largest })
        // With one tree, or all in one sequence, the bound is exact if examples share nothing with each other.
        let isExact = rowTokens == 1 || rowTokens == 10_000 && [.none, .prompt].contains(sharing)
        if isExact { #expect(packed.map(\.tokens.count).max() == largest) }
        #expect(planner.maximumPackedTokens(of: []) == 0)
    }

    @Test("the same examples give the same plan in any order")
    func orderDoesNotMatter() throws {
        let dataset = try PreferenceDataset(randomExamples(20, seed: 10))
        let planner = Planner(dataset: dataset, sharing: .prefix, rowTokens: 24, shards: 3, cost: perToken)
        let (there, back) = (planner.plan(examples: Array(0..<20)), planner.plan(examples: (0..<20).reversed()))
        let packed = (0..<3).map(there.packedSequences(shard:))
        #expect(packed == (0..<3).map(back.packedSequences(shard:)))
        #expect(packed.flatMap(\.self).flatMap(\.examples).count == 20)
    }
}

/// The examples in a packed sequence, in order.
private func exampleIndices(_ row: PackedSequence) -> [Int] { row.examples.map(\.index) }
