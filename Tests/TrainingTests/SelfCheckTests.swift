internal import Compute
internal import Formats
internal import Preferences
internal import TestSupport
internal import Testing
internal import Training
internal import Transformer

/// The check before a run: it passes if sharing gives the right results, and fails otherwise.
struct SelfCheckTests {
    private let policy: Policy
    private let dataset: PreferenceDataset
    private let comparison: EquivalenceCheck

    init() throws {
        policy = try Policy.read(directory: Golden.tied.directory, team: ThreadTeam.start(count: 1))
        dataset = try PreferenceDataset.read(path: Golden.tied.file)
        let cost = CostModel(bodyParameters: 1, layers: 1, heads: 1, headDimension: 1, vocabulary: 1, width: 1)
        let planner = Planner(dataset: dataset, sharing: .none, rowTokens: 1, shards: 1, cost: cost)
        comparison = EquivalenceCheck(
            policy: policy,
            model: try policy.model(for: Array(0..<dataset.count), planner: planner, trains: true),
            gradients: try ParameterBuffer(policy.layout)
        )
    }

    private func check(_ sharing: Sharing = .prefix) throws -> SelfCheck {
        try #require(SelfCheck(of: dataset, among: Array(0..<dataset.count), count: 99, sharing: sharing))
    }

    private func message(_ body: () throws -> Void) -> String {
        do {
            try body()
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test("all examples of the golden data pass by a wide margin", arguments: [Sharing.prompt, .prefix])
    func passes(sharing: Sharing) throws {
        let check = try check(sharing)
        #expect(check.rows.count == 6)
        for (index, row) in check.rows.enumerated() {
            let difference = comparison.difference(
                between: check.packed(index, sharing),
                and: check.packed(index, .none)
            )
            try SelfCheck.verify(difference, row: row, sharing: sharing)
            #expect(difference.gradients > 0 && difference.gradients < difference.tolerance / 5, "\(difference)")
        }
    }

    /// The effects of a fault in the computation of a tree: some tokens see wrong tokens or have wrong positions.
    enum Fault: CaseIterable {
        case positions, promptToken, responseToken, missingToken
    }

    @Test("an example whose tokens have wrong positions or see wrong tokens is refused", arguments: Fault.allCases)
    func refuses(fault: Fault) throws {
        var found = 0
        for row in 0..<dataset.count {
            var prompt = Array(dataset.prompt(row))
            var responses = dataset.responses(of: row).map { Array(dataset.response($0)) }
            switch fault {
            // One more token at the start shifts all others by one.
            case .positions: prompt.insert(prompt[0], at: 0)
            case .promptToken: prompt[prompt.count / 2] = (prompt[prompt.count / 2] + 1) % 131
            case .responseToken: responses[1][0] = (responses[1][0] + 1) % 131
            case .missingToken where prompt.count > 1: prompt.removeFirst()
            case .missingToken: continue
            }
            let other = try dataset(prompt, responses)
            let same = try dataset(
                Array(dataset.prompt(row)),
                dataset.responses(of: row).map { Array(dataset.response($0)) }
            )
            let tree = PackedSequence([TokenTree(same, example: 0, sharing: .prefix)])
            let plain = PackedSequence([TokenTree(other, example: 0, sharing: .none)])
            guard plain.tokens.count <= largest else { continue }
            let difference = comparison.difference(between: tree, and: plain)
            let text = message { try SelfCheck.verify(difference, row: row, sharing: .prefix, rank: 3) }
            #expect(
                text.hasPrefix(
                    "rank 3: self-check: example \(row) of the data, computed with --sharing prefix and with none"
                )
            )
            #expect(text.contains("rounding explains 1.5e-05; train with --sharing none"), "\(text)")
            #expect(difference.logps > 100 * difference.tolerance && difference.gradients > 100 * difference.tolerance)
            found += 1
        }
        #expect(found >= 3)
    }

    @Test("a relative error of 1 % in one matrix of one layer is detected")
    func weights() throws {
        let check = try check()
        let (tree, plain) = (check.packed(0, .prefix), check.packed(0, .none))
        let other = try Policy.read(directory: Golden.tied.directory, team: policy.team)
        #expect(message { try verify(comparison.difference(between: tree, and: plain, weights: other.weights)) } == "")
        let tensor = try #require(other.layout.tensors.first { $0.name == "model.layers.1.self_attn.v_proj.weight" })
        other.weights.elements(of: tensor).withMutableSpan { span in
            for index in span.indices { span[index] *= 1.01 }
        }
        let wrong = comparison.difference(between: tree, and: plain, weights: other.weights)
        #expect(message { try verify(wrong) }.hasPrefix("self-check: example 0 of the data, computed with"))
    }

    private func verify(_ difference: EquivalenceDifference) throws {
        try SelfCheck.verify(difference, row: 0, sharing: .prefix)
    }

    private var largest: Int { (0..<dataset.count).map(dataset.unsharedTokens(of:)).max() ?? 0 }

    private func dataset(_ prompt: [Int32], _ responses: [[Int32]]) throws -> PreferenceDataset {
        try PreferenceDataset(
            promptIDs: prompt,
            promptOffsets: [0, prompt.count],
            responseIDs: responses.flatMap { $0 },
            responseOffsets: responses.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) },
            exampleOffsets: [0, responses.count]
        )
    }

    // MARK: Choice

    @Test("examples whose responses diverge within the cut come first, and at most the requested number is selected")
    func choice() throws {
        let long = Array(repeating: Int32(7), count: 40)
        let rows: [(prompt: [Int32], responses: [[Int32]])] = [
            (long, [long + [1], long + [2]]), ([1], [[2], [3], [4]]), (long + [5], [[1] + long, [2] + long]),
        ]
        let responses = rows.flatMap(\.responses)
        func offsets(_ counts: [Int]) -> [Int] { counts.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) } }
        let dataset = try PreferenceDataset(
            promptIDs: rows.flatMap(\.prompt),
            promptOffsets: offsets(rows.map(\.prompt.count)),
            responseIDs: responses.flatMap { $0 },
            responseOffsets: offsets(responses.map(\.count)),
            exampleOffsets: offsets(rows.map(\.responses.count))
        )
        func chosen(among candidates: [Int], count: Int, sharing: Sharing = .prefix) -> [Int]? {
            SelfCheck(of: dataset, among: candidates, count: count, sharing: sharing)?.rows
        }
        #expect(chosen(among: [2, 0, 1], count: 9) == [2, 1, 0])
        #expect(chosen(among: [0, 1], count: 1) == [1] && chosen(among: [0], count: 1) == [0])
        #expect(chosen(among: [1], count: 0) == nil && chosen(among: [1], count: 1, sharing: .none) == nil)
        let cut = try #require(SelfCheck(of: dataset, among: [2, 1], count: 2, sharing: .prefix)?.dataset)
        #expect(cut.prompt(0).elementsEqual(Array(repeating: 7, count: 12) + [5]))
        #expect(cut.response(1).elementsEqual([2] + Array(repeating: 7, count: 6)))
        #expect(cut.responses(of: 1) == 2..<4 && cut.prompt(1).elementsEqual([1]))
    }
}
