internal import Benchmarking
internal import Preferences
internal import Testing
internal import Transformer

/// What the last layer omits is not counted as computed.
struct ComputedFLOPsTests {
    private var model: Architecture {
        Architecture(
            vocabularySize: 50,
            width: 24,
            layerCount: 3,
            maxPositions: 64,
            norm: Architecture.Norm(epsilon: 1e-5),
            attention: Architecture.Attention(heads: 4, keyValueHeads: 2, headWidth: 8),
            feedForward: Architecture.FeedForward(width: 40),
            rotary: Architecture.Rotary(theta: 10_000),
            tiesEmbeddings: true
        )
    }

    @Test(
        "output and feed-forward part and attention of tokens that predict nothing are missing in one layer of three",
        arguments: [(nil, 1 + 2 + 5 + 5), (3, 1 + 2 + 3 + 3)] as [(Int?, Int)]
    )
    func lastLayer(window: Int?, pairs: Int) throws {
        var model = model
        model.window = window
        if window != nil {
            model.layerKinds = [Architecture.LayerKind(), Architecture.LayerKind()]
            model.layerKinds.append(Architecture.LayerKind(isWindowed: true))
        }
        // A prompt of 3 tokens with two responses of 2: the last one of the prompt and the first of each response predict.
        let lengths = ExampleLengths(prompt: 3, responses: [2, 2])
        let data = try PreferenceDataset([lengths], vocabularySize: 50, seed: 1)
        let cost = CostModel(model)
        let plan = Planner(dataset: data, sharing: .prompt, rowTokens: 64, shards: 1, cost: cost).plan(examples: [0])
        let products = 2 * Double(4 * 8 * 24 + 3 * 24 * 40) * 4
        let attention = 4 * Double(4 * 8) * Double(pairs)
        let found = ComputedFLOPs(model, adapter: nil).total(of: plan)
        #expect(found == plan.trainingFLOPs - 3 * (products + attention))
    }
}
