internal import Preferences
internal import Testing

struct PairingTests {
    private func pairs(_ pairing: Pairing, _ ranks: [Int]) -> [[Int]] {
        pairing.pairs(ranks: ranks).map { [$0.chosen, $0.rejected] }
    }

    @Test("two responses are one pair in every mode", arguments: Pairing.allCases)
    func two(pairing: Pairing) {
        #expect(pairs(pairing, [0, 1]) == [[0, 1]])
    }

    @Test("of four responses in strict order, all six, the best's three or the two extremes are paired")
    func strict() {
        #expect(pairs(.all, [0, 1, 2, 3]) == [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]])
        #expect(pairs(.bestVersusRest, [0, 1, 2, 3]) == [[0, 1], [0, 2], [0, 3]])
        #expect(pairs(.bestVersusWorst, [0, 1, 2, 3]) == [[0, 3]])
    }

    @Test("tied responses are never paired with each other; all that tie for best or worst are paired with others")
    func ties() {
        #expect(pairs(.all, [0, 0, 1, 1]) == [[0, 2], [0, 3], [1, 2], [1, 3]])
        #expect(pairs(.bestVersusRest, [0, 0, 1, 5]) == [[0, 2], [0, 3], [1, 2], [1, 3]])
        #expect(pairs(.bestVersusWorst, [0, 1, 1, 2, 2]) == [[0, 3], [0, 4]])
    }

    @Test("in random examples pairs differ in rank, are unique, and the modes are subsets of each other")
    func random() {
        var random = TestRandom(seed: 4)
        for _ in 0..<100 {
            let others = (0..<Int.random(in: 1...9, using: &random)).map { _ in Int.random(in: 0...4, using: &random) }
            let ranks = [0] + others.sorted()
            let all = pairs(.all, ranks)
            let brute = ranks.indices.flatMap { a in ranks.indices.filter { ranks[a] < ranks[$0] }.map { [a, $0] } }
            #expect(Set(all) == Set(brute) && all.count == brute.count)
            let rest = pairs(.bestVersusRest, ranks)
            #expect(rest == all.filter { ranks[$0[0]] == 0 })
            #expect(pairs(.bestVersusWorst, ranks) == rest.filter { ranks[$0[1]] == ranks.last })
        }
    }

    @Test("pairs as examples of their own have the prompt and both responses, in order")
    func apart() throws {
        let rows = [PreferenceExample([1, 2], [[3], [4, 5], [6]]), PreferenceExample([7], [[8], [9]])]
        let dataset = try PreferenceDataset(rows, ranks: [0, 0, 1, 0, 1])
        let pairs = try PreferenceDataset(pairsOf: dataset, examples: [1, 0], pairing: .all)
        let expected = [
            PreferenceExample([7], [[8], [9]]), PreferenceExample([1, 2], [[3], [6]]),
            PreferenceExample([1, 2], [[4, 5], [6]]),
        ]
        #expect(try pairs.digest == PreferenceDataset(expected).digest)
        let skipping = try PreferenceDataset(rows, ranks: [0, 0, 1, 0, 1], skips: [0, 1, 0, 0, 0])
        let apart = try PreferenceDataset(pairsOf: skipping, examples: [1, 0], pairing: .all)
        #expect(try apart.digest == PreferenceDataset(expected, skips: [0, 0, 0, 0, 1, 0]).digest)
    }

    @Test("a plan counts the pairs, examples and best tokens of its pairing", arguments: Pairing.allCases)
    func counts(pairing: Pairing) throws {
        let rows = [
            PreferenceExample([1], [[1, 2], [3], [4, 5, 6]]), PreferenceExample([2], [[1], [2, 3], [4]]),
            PreferenceExample([3], [[7, 7], [8]]),
        ]
        let dataset = try PreferenceDataset(rows, ranks: [0, 1, 2, 0, 0, 1, 0, 1], skips: [1, 0, 2, 0, 1, 0, 0, 0])
        let planner = Planner(
            dataset: dataset,
            sharing: .prefix,
            pairing: pairing,
            rowTokens: 99,
            shards: 2,
            cost: perToken
        )
        let plan = planner.plan(examples: [2, 0, 1])
        let first = [Pairing.all: 3, .bestVersusRest: 2, .bestVersusWorst: 1][pairing]!
        #expect(plan.counts == planner.counts(of: [2, 0, 1]))
        #expect(plan.counts.examples == 3 && plan.counts.pairs == 1 + first + 2 && plan.counts.bestTokens == 2 + 1 + 2)
        #expect(plan.counts.firstPairs == [2: 0, 0: 1, 1: 1 + first])
        let packed = (0..<2).flatMap { plan.packedSequences(shard: $0) }
        let ranks = packed.flatMap { row in row.responses.map { ($0.index, $0.rank) } }
        #expect(ranks.sorted { $0.0 < $1.0 }.map(\.1) == [0, 1, 2, 0, 0, 1, 0, 1])
    }
}
