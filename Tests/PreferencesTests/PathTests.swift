internal import Preferences
internal import Testing

/// Every sharing mode against the plain sequences, on random data.
struct PathTests {
    @Test(
        "each response's path is its plain sequence, whose counted tokens are labels",
        arguments: Sharing.allCases,
        [(1, false), (2, false), (3, false), (1, true), (2, true), (3, true)] as [(UInt64, Bool)]
    )
    func pathsArePlainSequences(sharing: Sharing, data: (seed: UInt64, skips: Bool)) throws {
        let rows = randomExamples(40, seed: data.seed)
        let skips = data.skips ? randomSkips(rows, seed: data.seed) : nil
        let dataset = try PreferenceDataset(rows, skips: skips)
        let row = PackedSequence((0..<dataset.count).map { TokenTree(dataset, example: $0, sharing: sharing) })
        let compared = comparePaths(row, with: dataset, skips: skips)
        let uncounted = skips?.reduce(0) { $0 + Int($1) } ?? 0
        #expect(compared == dataset.responseIDs.count - uncounted && compared > 300 && (uncounted > 0) == data.skips)
    }

    @Test("work counts tokens, visible pairs and prediction positions", arguments: Sharing.allCases)
    func workByBruteForce(sharing: Sharing) throws {
        let dataset = try PreferenceDataset(randomExamples(60, seed: 4))
        var total = Work.zero
        for index in 0..<dataset.count {
            let tree = TokenTree(dataset, example: index, sharing: sharing)
            let row = PackedSequence([tree])
            let predictors = Set(row.labels.map { row.predictionPositions[Int($0.hidden)] })
            #expect(tree.work.tokens == row.tokens.count)
            let visible = visibleTokens(of: row)
            #expect(tree.work.visiblePairs == visible.reduce(0) { $0 + $1.count })
            #expect(tree.work.predictionPositions == predictors.count)
            #expect(tree.work.predictionPairs == predictors.reduce(0) { $0 + visible[Int($1)].count })
            #expect(tree.work.tokens == expectedTokens(dataset, index, sharing))
            total = total + tree.work
        }
        #expect(total.tokens > 300 && total.visiblePairs > total.tokens && total.predictionPositions < total.tokens)
    }

    @Test(
        "windowed pairs count the visible tokens in the window",
        arguments: Sharing.allCases,
        [1, 2, 3, 5, 9, 1000]
    )
    func windowedWork(sharing: Sharing, window: Int) throws {
        let dataset = try PreferenceDataset(randomExamples(60, seed: 11))
        var total = Work.zero
        for index in 0..<dataset.count {
            let tree = TokenTree(dataset, example: index, sharing: sharing, window: window)
            let row = PackedSequence([tree])
            let pairs = visibleTokens(of: row).map { min(window, $0.count) }
            #expect(tree.work.windowedPairs == pairs.reduce(0, +))
            let predicting = row.predictionPositions.map { pairs[Int($0)] }
            #expect(tree.work.windowedPredictionPairs == predicting.reduce(0, +))
            var plain = tree.work
            (plain.windowedPairs, plain.windowedPredictionPairs) = (0, 0)
            #expect(plain == TokenTree(dataset, example: index, sharing: sharing).work)
            total = total + tree.work
        }
        #expect(total.tokens > 300 && (total.windowedPairs == total.visiblePairs) == (window == 1000))
    }

    @Test("a trie computes no prefix of a path twice")
    func trieComputesNothingTwice() throws {
        let dataset = try PreferenceDataset(randomExamples(60, seed: 5))
        var computed = 0
        for index in 0..<dataset.count {
            let row = PackedSequence([TokenTree(dataset, example: index, sharing: .prefix)])
            let paths = visibleTokens(of: row).map { path in path.map { row.tokens[$0] } }
            #expect(Set(paths).count == paths.count)
            computed += paths.count
        }
        #expect(computed > 300)
    }

    @Test(
        "labels ascend by hidden state, then token; each occurs once and belongs to a response",
        arguments: Sharing.allCases,
        [false, true]
    )
    func labelsAscend(sharing: Sharing, hasSkips: Bool) throws {
        let rows = randomExamples(60, seed: 6)
        let dataset = try PreferenceDataset(rows, skips: hasSkips ? randomSkips(rows, seed: 6) : nil)
        let row = PackedSequence((0..<dataset.count).map { TokenTree(dataset, example: $0, sharing: sharing) })
        #expect(zip(row.labels, row.labels.dropFirst()).allSatisfy { ($0.hidden, $0.token) < ($1.hidden, $1.token) })
        #expect(zip(row.predictionPositions, row.predictionPositions.dropFirst()).allSatisfy { $0 < $1 })
        #expect(
            Set(row.labels.map { Int($0.hidden) }) == Set(row.predictionPositions.indices),
            "each position predicts"
        )
        #expect(Set(row.responseLabels.map { Int($0) }) == Set(row.labels.indices), "each label counts")
        #expect(row.labels.count > (hasSkips ? 150 : 300))
    }

    @Test("nodes and trees cover the packed sequence in order, each node after its parent", arguments: Sharing.allCases)
    func nodesCoverTheRow(sharing: Sharing) throws {
        let dataset = try PreferenceDataset(randomExamples(30, seed: 7))
        let row = PackedSequence((0..<dataset.count).map { TokenTree(dataset, example: $0, sharing: sharing) })
        #expect(row.nodes.flatMap { Array($0.tokens) } == Array(row.tokens.indices))
        #expect(row.nodes.enumerated().allSatisfy { $1.parent < $0 && !$1.tokens.isEmpty })
        #expect(row.trees.flatMap { Array($0.nodes) } == Array(row.nodes.indices))
        #expect(row.trees.flatMap { Array($0.tokens) } == Array(row.tokens.indices))
        #expect(row.trees.flatMap { Array($0.predictionPositions) } == Array(row.predictionPositions.indices))
        #expect(row.trees.flatMap { Array($0.labels) } == Array(row.labels.indices))
        #expect(row.trees.flatMap { Array($0.examples) } == Array(row.examples.indices))
        for tree in row.trees {
            let parents = row.nodes[tree.nodes].map(\.parent).filter { $0 >= 0 }
            #expect(parents.allSatisfy(tree.nodes.contains))
        }
        #expect(row.trees.count == 30)
    }

    /// The tokens that a sharing mode must compute, counted on the plain sequences.
    private func expectedTokens(_ dataset: PreferenceDataset, _ row: Int, _ sharing: Sharing) -> Int {
        let prompt = Array(dataset.prompt(row))
        let responses = dataset.responses(of: row).map { Array(dataset.response($0)) }
        switch sharing {
        case .none:
            return dataset.unsharedTokens(of: row)
        case .prompt:
            return prompt.count + responses.reduce(0) { $0 + $1.count }
        case .prefix, .any:
            let sequences = responses.map { prompt + $0 }
            return Set(sequences.flatMap { path in (1...path.count).map { Array(path.prefix($0)) } }).count
        }
    }
}
