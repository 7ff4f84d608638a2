internal import Benchmarking
internal import Compute
internal import Formats
internal import Testing
internal import Training
internal import Transformer

/// Synthetic models have the sizes of real ones, and weights as at initialization.
struct SyntheticModelTests {
    @Test(
        "the sizes give the known numbers of parameters",
        arguments: [
            // 1.1 billion minus an untied head of 32,000 × 2,048.
            (SyntheticModel.smol135M, 134_515_008), (.smol360M, 361_821_120), (.tiny1B, 1_100_048_384 - 65_536_000),
            (.qwen3Small, 596_049_920), (.qwen2Small, 494_032_768), (.llama1B, 1_235_814_400),
            (.gemma270M, 268_098_176), (.pythia160M, 162_322_944), (.llama8B, 8_030_261_248),
        ]
    )
    func parameters(model: SyntheticModel, count: Int) {
        #expect(model.architecture.parameterCount == count)
    }

    @Test("fewer layers are the first ones of the model")
    func layers() throws {
        let whole = SyntheticModel.gemma270M.architecture
        let model = try BenchmarkModel.synthetic(.gemma270M, layers: 7).description.architecture
        #expect(model.layerCount == 7 && model.layerKinds == Array(whole.layerKinds.prefix(7)))
        #expect(model.windowedLayerCount == 6 && model.width == whole.width)
        #expect(BenchmarkModel.synthetic(.gemma270M, layers: 7).label == "synthetic-gemma-3-270m-7-layers")
    }

    private let small = Architecture(
        vocabularySize: 20_011,
        width: 96,
        layerCount: 2,
        maxPositions: 64,
        norm: Architecture.Norm(epsilon: 1e-5),
        attention: Architecture.Attention(heads: 4, keyValueHeads: 2, headWidth: 8),
        feedForward: Architecture.FeedForward(width: 64),
        rotary: Architecture.Rotary(theta: 10_000),
        tiesEmbeddings: true
    )

    private func weights(seed: UInt64, threads: Int) throws -> [Float] {
        let policy = try Policy.random(ModelDescription(small), seed: seed, team: ThreadTeam.start(count: threads))
        return policy.weights.flat.elements()
    }

    @Test("random weights do not depend on the team, differ between seeds, and do not repeat")
    func seeds() throws {
        let values = try weights(seed: 1, threads: 1)
        #expect(try values == weights(seed: 1, threads: 3))
        #expect(try values != weights(seed: 2, threads: 1))
        // More than one chunk of 2^20.
        let size = 1 << 20
        #expect(values.count > size + 999 && values[..<999] != values[size..<size + 999])
    }

    @Test("matrices have mean 0 and deviation 0.02, norms are ones")
    func distribution() throws {
        let values = try weights(seed: 5, threads: 2)
        let layout = ModelDescription(small).parameters.trained
        let matrices = layout.tensors.filter(\.parameter.kind.decays).flatMap { values[$0.range] }.map {
            Double($0) / 0.02
        }
        let count = Double(matrices.count)
        // A mean deviates by 1 / sqrt(n), a variance by less than sqrt(2 / n): five of each.
        #expect(abs(matrices.reduce(0, +) / count) < 5 / count.squareRoot())
        #expect(abs(matrices.reduce(0) { $0 + $1 * $1 } / count - 1) < 5 * (2 / count).squareRoot())
        let norms = layout.tensors.filter { !$0.parameter.kind.decays }.flatMap { values[$0.range] }
        #expect(norms.count == 5 * 96 && norms.allSatisfy { $0 == 1 })
    }
}
