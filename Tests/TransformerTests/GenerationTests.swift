internal import Compute
internal import Formats
internal import Generation
internal import Preferences
internal import SystemPackage
internal import TestSupport
internal import Testing
internal import Transformer

/// Continuations of a prompt, whose keys and values are kept.
struct GenerationTests {
    private static let goldens = Places.repository.appending("Tests/Goldens/generation.json")

    private static func expected(_ golden: Golden) throws -> (prompt: [Int32], tokens: [Int32]) {
        func tokens(_ value: JSONValue?) -> [Int32] { value?.array?.compactMap(\.wholeNumber).map(Int32.init) ?? [] }
        let entry = try StrictJSON.object(in: goldens)[golden.rawValue]?.object ?? [:]
        // The two largest logits differ by more than five times the tolerance of log-probabilities.
        #expect(entry["margin"]?.double ?? 0 > 1e-4)
        return (tokens(entry["prompt"]), tokens(entry["tokens"]))
    }

    private func model(_ golden: Golden, _ weights: GoldenWeights, tokens: Int) throws -> GenerationModel {
        try GenerationModel(
            weights.description.architecture,
            positions: tokens,
            capacity: .init(tokens: tokens, trains: false, widensWeights: weights.isHalf),
            team: ThreadTeam.start(count: 2)
        )
    }

    @Test("greedy continuations are transformers', for every family", arguments: Golden.allCases)
    func greedy(golden: Golden) throws {
        let (prompt, expected) = try Self.expected(golden)
        let weights = try GoldenWeights(golden)
        let generator = try Generator(
            weights.description.architecture,
            positions: prompt.count + expected.count,
            capacity: .init(tokens: prompt.count, trains: false),
            parameters: weights.parameters(),
            team: ThreadTeam.start(count: 2)
        )
        var sampler = TokenSampler(TokenSampler.Settings(), seed: 0)
        // Twice: the second time over what the first one has kept.
        for _ in 0..<2 {
            let found = generator.tokens(after: prompt, count: expected.count, ends: [], sampler: &sampler)
            #expect(found == expected && expected.count == 24)
        }
        let end = expected[5]
        let first = expected.firstIndex(of: end) ?? 0
        let ended = generator.tokens(after: prompt, count: expected.count, ends: [end], sampler: &sampler)
        #expect(ended == Array(expected[...first]))
    }

    @Test(
        "logits after kept tokens have the bits of one pass over all tokens, also beyond a window",
        arguments: [Golden.tied, .qwen2Window, .gemma3, .cohere2, .gptNeoX],
        [ProductKernel.float32, .bfloat16Model]
    )
    func continuation(golden: Golden, kernel: ProductKernel) throws {
        let (prompt, tail) = try Self.expected(golden)
        let tokens = prompt + tail
        let weights = try GoldenWeights(golden)
        let parameters = weights.parameters(products: Products(.kernel(kernel)))
        let model = try model(golden, weights, tokens: tokens.count)
        let whole = model.score(PackedSequence(chain: tokens), parameters: parameters)[0]
        for size in [1, 7, prompt.count] {
            let kept = try KeptKeys(weights.description.architecture, capacity: tokens.count)
            var logits: [Float] = []
            for start in stride(from: 0, to: tokens.count, by: size) {
                let part = Array(tokens[start..<min(start + size, tokens.count)])
                let row = PackedSequence(chain: part, from: kept.count)
                logits = model.score(row, continuing: kept, parameters: parameters)[0]
            }
            #expect(logits.map(\.bitPattern) == whole.map(\.bitPattern), "parts of \(size)")
            #expect(kept.count == tokens.count && logits.count > 90)
        }
    }

    @Test("samples follow the probabilities among the tokens that top-k and top-p leave, and depend on the seed only")
    func samples() {
        let logits: [Float] = [0, 2, 1, -1, 2]
        func counts(_ change: (inout TokenSampler.Settings) -> Void, seed: UInt64 = 7) -> [Int] {
            var settings = TokenSampler.Settings()
            settings.temperature = 1
            change(&settings)
            var sampler = TokenSampler(settings, seed: seed)
            var counts = [0, 0, 0, 0, 0]
            for _ in 0..<4000 { counts[Int(sampler.token(logits))] += 1 }
            return counts
        }
        // e^x / Σ e^x; four standard deviations of a share of 4,000 samples are at most 0.032.
        let shares = [0.0516, 0.3814, 0.1403, 0.0190, 0.3814]
        for (count, share) in zip(counts { _ in }, shares) { #expect(abs(Double(count) / 4000 - share) < 0.032) }
        #expect(counts { $0.topK = 1 } == [0, 4000, 0, 0, 0])
        let two = counts { $0.topP = 0.7 }
        #expect(two[1] + two[4] == 4000 && two[1] > 1800 && two[4] > 1800)
        #expect(counts({ $0.temperature = 0.01 })[0] == 0)
        #expect(counts { _ in } == counts { _ in } && counts({ _ in }, seed: 8) != counts { _ in })
        var greedy = TokenSampler(TokenSampler.Settings(), seed: 0)
        #expect(greedy.token(logits) == 1)
    }
}
