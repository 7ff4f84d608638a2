internal import Preferences

/// A prompt and its responses, best first.
struct PreferenceExample {
    var prompt: [Int32]
    var responses: [[Int32]]

    init(_ prompt: [Int32], _ responses: [[Int32]]) {
        self.prompt = prompt
        self.responses = responses
    }
}

extension PreferenceDataset {
    /// A dataset of these examples.
    init(
        _ rows: [PreferenceExample],
        ranks: [Int32]? = nil,
        skips: [Int32]? = nil,
        metadata: [String: String] = [:]
    ) throws {
        let responses = rows.flatMap(\.responses)
        try self.init(
            promptIDs: rows.flatMap(\.prompt),
            promptOffsets: offsets(rows.map(\.prompt.count)),
            responseIDs: responses.flatMap(\.self),
            responseOffsets: offsets(responses.map(\.count)),
            exampleOffsets: offsets(rows.map(\.responses.count)),
            responseRanks: ranks,
            responseSkips: skips,
            metadata: metadata
        )
    }
}

private func offsets(_ counts: [Int]) -> [Int] {
    counts.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) }
}

/// A cost model of two FLOPs per token, all in the layers' matrices.
let perToken = CostModel(bodyParameters: 1, layers: 0, heads: 0, headDimension: 0, vocabulary: 0, width: 0)

/// A 64-bit linear congruential generator (Knuth's MMIX constants): tests sample the same data on every machine.
struct TestRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        (high() << 32) | high()
    }

    /// The upper half of the state: its low bits have short periods.
    private mutating func high() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state >> 32
    }
}

/// Examples over a small vocabulary whose responses share prefixes, repeat or extend each other.
///
/// Prompts have 1–6 tokens, responses 1–8 tokens, examples 2–5 responses.
func randomExamples(_ count: Int, seed: UInt64) -> [PreferenceExample] {
    var random = TestRandom(seed: seed)
    return (0..<count).map { _ in
        let prompt = randomTokens(1...6, &random)
        var responses = [randomTokens(1...6, &random)]
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            responses.append(relative(of: responses.randomElement(using: &random)!, &random))
        }
        return PreferenceExample(prompt, responses.shuffled(using: &random))
    }
}

/// For each response of `rows` the number of leading tokens that are not counted; at least one is.
func randomSkips(_ rows: [PreferenceExample], seed: UInt64) -> [Int32] {
    var random = TestRandom(seed: seed)
    return rows.flatMap(\.responses).map { Int32.random(in: 0..<Int32($0.count), using: &random) }
}

private func relative(of response: [Int32], _ random: inout TestRandom) -> [Int32] {
    let shared = Array(response.prefix(Int.random(in: 1...response.count, using: &random)))
    switch Int.random(in: 0..<5, using: &random) {
    case 0: return response
    case 1: return shared
    case 2: return Array((response + randomTokens(1...2, &random)).prefix(8))
    case 3: return Array((shared + randomTokens(1...4, &random)).prefix(8))
    default: return randomTokens(1...8, &random)
    }
}

private func randomTokens(_ counts: ClosedRange<Int>, _ random: inout TestRandom) -> [Int32] {
    (0..<Int.random(in: counts, using: &random)).map { _ in Int32.random(in: 0..<3, using: &random) }
}
