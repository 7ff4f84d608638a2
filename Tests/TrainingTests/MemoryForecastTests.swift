internal import Compute
internal import Testing
internal import Training
internal import Transformer

/// The predicted memory of a rank against that of the buffers.
struct MemoryForecastTests {
    private let model = Architecture(
        vocabularySize: 311,
        width: 48,
        layerCount: 3,
        maxPositions: 64,
        norm: Architecture.Norm(epsilon: 1e-5),
        attention: Architecture.Attention(heads: 6, keyValueHeads: 2, headWidth: 8),
        feedForward: Architecture.FeedForward(width: 88),
        rotary: Architecture.Rotary(theta: 10_000),
        tiesEmbeddings: false
    )

    private func forecast(_ adapter: Adapter?, storesHalf: Bool, ranks: Int = 1, saves: Bool = false) -> MemoryForecast
    {
        .training(
            model,
            adapter: adapter,
            storesHalf: storesHalf,
            ranks: ranks,
            shards: ranks,
            saves: saves,
            capacity: .init(tokens: 100, trains: true, adapter: AdapterShape(adapter, of: model)),
            threads: 2
        )
    }

    @Test(
        "weights take the bytes of the buffers, gradients and moments those of what is trained",
        arguments: [false, true]
    )
    func adapter(storesHalf: Bool) throws {
        let modules = (0..<3).flatMap { layer in model.adaptableModules.map { Module.layer(layer, $0) } }
        let adapter = Adapter(
            modules: Dictionary(uniqueKeysWithValues: modules.map { ($0, Adapter.LowRank(rank: 5, scale: 2)) }),
            hasMagnitudes: true,
            copiedModules: [.head]
        )
        let table = ModelDescription(model).parameters.adapted(by: adapter, of: model) { "\($0) \($1)" }
        let trained = try ParameterBuffer(table.trained)
        let frozen = try ParameterBuffer(table.frozen, matrixType: storesHalf ? .bfloat16 : nil)
        let memory = forecast(adapter, storesHalf: storesHalf, ranks: 2, saves: true)
        let gains = try ParameterBuffer(adapter.gains(of: model))
        #expect(memory.weights == trained.byteCount + frozen.byteCount + gains.byteCount && gains.byteCount > 0)
        #expect(memory.gradients == trained.byteCount && memory.optimizer == trained.byteCount)
        #expect(memory.snapshot == 3 * trained.byteCount)
        #expect(trained.layout.count > 3 * 14 * 5 && frozen.layout.count == model.parameterCount)
    }

    @Test("a model that is trained in 16 bits has master weights in slices", arguments: [1, 4])
    func whole(ranks: Int) throws {
        let (half, exact) = (
            forecast(nil, storesHalf: true, ranks: ranks, saves: true),
            forecast(nil, storesHalf: false, ranks: ranks, saves: true)
        )
        let count = model.parameterCount
        let buffer = try ParameterBuffer(ModelDescription(model).parameters.trained, matrixType: .bfloat16)
        #expect(half.weights == buffer.byteCount && exact.weights == 4 * count)
        let slice = (count + ranks - 1) / ranks
        #expect(half.optimizer == 12 * slice && exact.optimizer == 8 * slice)
        #expect(half.gradients == exact.gradients && half.snapshot == exact.snapshot)
    }
}
