internal import Compute
internal import Preferences
internal import TestSupport
internal import Testing
internal import Transformer

/// The groups of examples whose logits the head keeps.
struct HeadGroupTests {
    /// Responses of 12 tokens that differ from the first one on.
    private static func response(_ number: Int32) -> [Int32] { (0..<12).map { (number + $0 * $0) % 13 } }

    /// Five examples of one tree: the same prompt twice with different responses, and three prompts that extend it by
    /// responses, so that branches with further examples alternate with branches without.
    private static func branched() throws -> PackedSequence {
        let prompt: [Int32] = [1, 5, 2]
        let (left, right) = (prompt + response(0) + [4], prompt + response(1) + [7])
        return try TinyData.row([
            (prompt, [response(0), response(1)]), (prompt, [response(2), response(0)]),
            (left, [response(3), response(4)]), (right, [response(5), response(6)]),
            (left + response(3) + [2], [response(7), response(8)]),
        ])
    }

    private func examples(_ groups: [HeadGroup]) -> [Range<Int>] { groups.map(\.examples) }

    /// The states that predict tokens of the examples.
    private func states(_ examples: Range<Int>, _ row: PackedSequence) -> [Int32] {
        let responses = row.examples[examples].flatMap { row.responses[$0.responses] }
        let labels = responses.flatMap { row.responseLabels[$0.labels] }.map { row.labels[Int($0)] }
        return Set(labels.map(\.hidden)).sorted()
    }

    @Test(
        "a conversation is divided into groups of turns that fit, each with its own states",
        arguments: [1, 6, 7, 13, 14, 16, 27, 50, 139, 140, 200]
    )
    func conversation(size: Int) throws {
        let row = try TinyData.conversation(.prefix)
        #expect(row.trees.count == 1 && row.predictionPositions.count == 140)
        let groups = HeadGroup.groups(of: row, size: size)
        // As many turns as fit; a turn that does not fit is alone.
        let turns = size >= 140 ? 20 : max(1, size / 7)
        #expect(examples(groups) == stride(from: 0, to: 20, by: turns).map { $0..<min($0 + turns, 20) })
        #expect(groups.allSatisfy { $0.states == states($0.examples, row) })
        #expect(groups.flatMap(\.states).sorted() == Array(0..<140))
    }

    @Test("trees that fit together are one group, of all their states")
    func trees() throws {
        let row = try TinyData.conversation(.prompt)
        #expect(row.trees.count == 20)
        for (size, count) in [(1, 1), (13, 1), (14, 2), (21, 3), (140, 20)] {
            let groups = HeadGroup.groups(of: row, size: size)
            #expect(examples(groups) == stride(from: 0, to: 20, by: count).map { $0..<min($0 + count, 20) })
            #expect(groups.flatMap(\.states) == Array(0..<140))
        }
    }

    @Test("states that several groups need belong to each of them")
    func shared() throws {
        let row = try Self.branched()
        // Two responses of the first example, one more of the second, and two of each other one.
        #expect(row.trees.count == 1 && row.predictionPositions.count == 23 + 11 + 3 * 23)
        let groups = HeadGroup.groups(of: row, size: 40)
        #expect(examples(groups) == [0..<2, 2..<3, 3..<4, 4..<5])
        #expect(groups.allSatisfy { $0.states == states($0.examples, row) })
        // The first two examples have the last token of their prompt and their first response in common.
        let divided = HeadGroup.groups(of: row, size: 33)
        #expect(examples(divided) == [0..<1, 1..<2, 2..<3, 3..<4, 4..<5])
        #expect(divided.flatMap(\.states).count == row.predictionPositions.count + 12)
    }

    @Test("a tree is not divided where common states cost more than recomputed logits")
    func whole() throws {
        let best = (0..<40).map { Int32($0 * $0 % 13) }
        let pairs = (1...6).map { ([3, 3] as [Int32], [best, Self.response($0)]) }
        let row = try TinyData.row(pairs)
        let states = row.predictionPositions.count
        #expect(row.trees.count == 1 && states < 40 + 6 * 12)
        #expect(HeadGroup.groups(of: row, size: 60) == HeadGroup.groups(of: row, size: states))
        #expect(HeadGroup.groups(of: row, size: 60).count == 1)
    }

    @Test("gradients and log-probabilities of groups are those of a whole tree", arguments: [1, 3])
    func gradients(threads: Int) throws {
        let model = try TinyModel(.tiny(tied: true))
        for (row, count) in [(try TinyData.conversation(.prefix), 10), (try Self.branched(), 5)] {
            let coefficients = [TinyData.coefficients(of: row)]
            func compute(logitBytes: Int) throws -> (gradient: [Double], logps: [[Float]]) {
                try model.gradient([row], coefficients: coefficients, .init(threads: threads, logitBytes: logitBytes))
            }
            let (whole, divided) = (try compute(logitBytes: 1 << 20), try compute(logitBytes: 1))
            #expect(HeadGroup.groups(of: row, size: 16).count == count)
            #expect(divided.logps == whole.logps && whole.logps[0].count > 100)
            for tensor in model.layout.tensors {
                let error = relativeError(Array(divided.gradient[tensor.range]), Array(whole.gradient[tensor.range]))
                #expect(error < 1e-5, "\(tensor.name): \(error)")
            }
        }
    }

    @Test("the head computes no product twice where each example fits", arguments: [1, 3])
    func products(threads: Int) throws {
        let model = try TinyModel(.tiny())
        let row = try TinyData.conversation(.prefix)
        let profile = Profile(threads: threads)
        let computation = TinyModel.Computation(threads: threads, logitBytes: 1, profile: profile)
        _ = try model.gradient([row], coefficients: [TinyData.coefficients(of: row)], computation)
        func flops(_ name: String) throws -> Int {
            let phase = try #require(profile.phases.first { $0.name == name })
            return phase.kinds.reduce(0) { $0 + $1.cost.flops }
        }
        let product = 2 * 140 * model.architecture.width * model.architecture.vocabularySize
        #expect(try flops("head") == product && flops("head backward") == 2 * product)
    }
}
