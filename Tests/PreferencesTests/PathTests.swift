internal import Preferences
internal import Testing

/// Every sharing mode against the plain sequences, on random data.
struct PathTests {
    @Test(
        "each response's path is its plain sequence, of which the counted tokens are targets",
        arguments: Sharing.allCases,
        [(1, false), (2, false), (3, false), (1, true), (2, true), (3, true)] as [(UInt64, Bool)]
    )
    func pathsArePlainSequences(sharing: Sharing, data: (seed: UInt64, skips: Bool)) throws {
        let rows = randomRows(40, seed: data.seed)
        let skips = data.skips ? randomSkips(rows, seed: data.seed) : nil
        let dataset = try PreferenceDataset(rows, skips: skips)
        let row = PackedRow((0..<dataset.count).map { TokenTree(dataset, row: $0, sharing: sharing) })
        let visible = visibleTokens(of: row)
        var compared = 0
        for example in row.examples {
            #expect(row.responses[example.responses].map(\.index) == Array(dataset.responses(of: example.row)))
            for response in row.responses[example.responses] {
                let prompt = Array(dataset.prompt(example.row))
                let tokens = Array(dataset.response(response.index))
                let targets = row.responseTargets[response.targets].map { row.targets[Int($0)] }
                let skipped = Int(skips?[response.index] ?? 0)
                #expect(targets.map(\.token) == Array(tokens.dropFirst(skipped)))
                var seen: [Int] = []
                for (count, target) in zip(skipped..., targets) {
                    let predictor = Int(row.lossRows[Int(target.hidden)])
                    let path = visible[predictor]
                    #expect(path.map { row.tokens[$0] } == prompt + tokens.prefix(count))
                    #expect(path.map { Int(row.positions[$0]) } == Array(0..<prompt.count + count))
                    // All prediction positions of a response are on one path, each one token further.
                    #expect(count == skipped || path == seen + [predictor])
                    seen = path
                    compared += 1
                }
                #expect(
                    visible.contains { $0.dropLast() == seen[...] && row.tokens[$0.last!] == tokens.last },
                    "the last token lies on the path too"
                )
            }
        }
        let uncounted = skips?.reduce(0) { $0 + Int($1) } ?? 0
        #expect(compared == dataset.responseIDs.count - uncounted && compared > 300 && (uncounted > 0) == data.skips)
    }

    @Test("work counts tokens, visible pairs and prediction positions", arguments: Sharing.allCases)
    func workByBruteForce(sharing: Sharing) throws {
        let dataset = try PreferenceDataset(randomRows(60, seed: 4))
        var total = Work.zero
        for index in 0..<dataset.count {
            let tree = TokenTree(dataset, row: index, sharing: sharing)
            let row = PackedRow([tree])
            let predictors = Set(row.targets.map { row.lossRows[Int($0.hidden)] })
            #expect(tree.work.tokens == row.tokens.count)
            #expect(tree.work.visiblePairs == visibleTokens(of: row).reduce(0) { $0 + $1.count })
            #expect(tree.work.lossRows == predictors.count)
            #expect(tree.work.tokens == expectedTokens(dataset, index, sharing))
            total = total + tree.work
        }
        #expect(total.tokens > 300 && total.visiblePairs > total.tokens && total.lossRows < total.tokens)
    }

    @Test("a trie computes no prefix of a path twice")
    func trieComputesNothingTwice() throws {
        let dataset = try PreferenceDataset(randomRows(60, seed: 5))
        var computed = 0
        for index in 0..<dataset.count {
            let row = PackedRow([TokenTree(dataset, row: index, sharing: .prefix)])
            let paths = visibleTokens(of: row).map { path in path.map { row.tokens[$0] } }
            #expect(Set(paths).count == paths.count)
            computed += paths.count
        }
        #expect(computed > 300)
    }

    @Test(
        "targets ascend by hidden state, then token, and none is there twice or for nobody",
        arguments: Sharing.allCases,
        [false, true]
    )
    func targetsAscend(sharing: Sharing, hasSkips: Bool) throws {
        let rows = randomRows(60, seed: 6)
        let dataset = try PreferenceDataset(rows, skips: hasSkips ? randomSkips(rows, seed: 6) : nil)
        let row = PackedRow((0..<dataset.count).map { TokenTree(dataset, row: $0, sharing: sharing) })
        #expect(zip(row.targets, row.targets.dropFirst()).allSatisfy { ($0.hidden, $0.token) < ($1.hidden, $1.token) })
        #expect(zip(row.lossRows, row.lossRows.dropFirst()).allSatisfy { $0 < $1 })
        #expect(Set(row.targets.map { Int($0.hidden) }) == Set(row.lossRows.indices), "each position predicts")
        #expect(Set(row.responseTargets.map { Int($0) }) == Set(row.targets.indices), "each target counts")
        #expect(row.targets.count > (hasSkips ? 150 : 300))
    }

    @Test("nodes and trees cover the packed sequence in order, each node after its parent", arguments: Sharing.allCases)
    func nodesCoverTheRow(sharing: Sharing) throws {
        let dataset = try PreferenceDataset(randomRows(30, seed: 7))
        let row = PackedRow((0..<dataset.count).map { TokenTree(dataset, row: $0, sharing: sharing) })
        #expect(row.nodes.flatMap { Array($0.tokens) } == Array(row.tokens.indices))
        #expect(row.nodes.enumerated().allSatisfy { $1.parent < $0 && !$1.tokens.isEmpty })
        #expect(row.trees.flatMap { Array($0.nodes) } == Array(row.nodes.indices))
        #expect(row.trees.flatMap { Array($0.tokens) } == Array(row.tokens.indices))
        #expect(row.trees.flatMap { Array($0.lossRows) } == Array(row.lossRows.indices))
        #expect(row.trees.flatMap { Array($0.targets) } == Array(row.targets.indices))
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
        case .prefix:
            let sequences = responses.map { prompt + $0 }
            return Set(sequences.flatMap { path in (1...path.count).map { Array(path.prefix($0)) } }).count
        }
    }
}

/// For each token the indices of the tokens that it attends to, in path order: the rule of `PackedRow`, literally.
private func visibleTokens(of row: PackedRow) -> [[Int]] {
    var visible: [[Int]] = []
    for node in row.nodes {
        var path = node.parent < 0 ? [] : visible[row.nodes[node.parent].tokens.upperBound - 1]
        for token in node.tokens {
            path.append(token)
            visible.append(path)
        }
    }
    return visible
}
