internal import Preferences
internal import Testing
internal import Transformer

/// Passes that keep less than all activations, for tiny models of every feature.
struct RecomputationTests {
    @Test(
        "recomputed activations change no bit of gradients or log-probabilities",
        arguments: TinyArchitecture.all,
        [1, 3]
    )
    func gradients(tiny: TinyArchitecture, threads: Int) throws {
        let model = try TinyModel(tiny.model)
        let rows = try TinyData.rows(.prefix)
        let coefficients = rows.map(TinyData.coefficients)
        func compute(recomputes: Bool) throws -> (gradient: [Double], logps: [[Float]]) {
            try model.gradient(rows, coefficients: coefficients, .init(threads: threads, recomputes: recomputes))
        }
        let (kept, recomputed) = (try compute(recomputes: false), try compute(recomputes: true))
        #expect(kept.gradient == recomputed.gradient && kept.gradient.contains { $0 != 0 })
        #expect(kept.logps == recomputed.logps)
    }

    @Test("log-probabilities without gradients are those of training, to the bit", arguments: TinyArchitecture.all)
    func scores(tiny: TinyArchitecture) throws {
        let model = try TinyModel(tiny.model)
        let rows = try TinyData.rows(.prefix)
        let trained = try model.gradient(rows, coefficients: rows.map(TinyData.coefficients), .init(threads: 2))
        #expect(try model.logps(rows, .init(threads: 2)) == trained.logps)
        #expect(trained.logps.joined().allSatisfy { $0 < 0 } && trained.logps[0].count > 10)
    }
}
