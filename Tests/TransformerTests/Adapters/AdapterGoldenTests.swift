internal import Compute
internal import Formats
internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing
internal import Transformer

/// Results of models with adapters against PEFT in float64, for every sharing mode, packing, team and head path, with
/// weights in float32 and in 16 bits.
struct AdapterGoldenTests {
    /// Every adapter with its settings.
    static let cases = AdapterGolden.all.enumerated().flatMap { number, golden in
        Setting.ofAdapter(number).map { (golden, $0) }
    }

    private func model(
        _ golden: AdapterGolden,
        _ setting: Setting = Setting(),
        _ storage: GoldenWeights.Storage = .float32
    ) throws -> GoldenModel {
        try GoldenModel(golden.base, GoldenWeights(golden, storage), setting)
    }

    @Test("the goldens are those of the directory, and are computed with every setting")
    func coverage() throws {
        let bases = try FileManager.default.contentsOfDirectory(atPath: AdapterGolden.root.string)
        let found = try bases.flatMap { base in
            try FileManager.default.contentsOfDirectory(atPath: AdapterGolden.root.appending(base).string)
                .map { "\(base)/\($0)" }
        }
        #expect(found.sorted() == AdapterGolden.all.map(\.description).sorted() && found.count == 20)
        #expect(Set(Self.cases.map(\.1.description)) == Set(Setting.all.map(\.description)))
        #expect(AdapterGolden.all.count(where: \.hasFresh) == 7)
    }

    @Test("log-probabilities with the adapter equal PEFT's", arguments: cases)
    func logps(golden: AdapterGolden, setting: Setting) throws {
        let (file, model) = (try SafetensorsFile(golden.expected), try model(golden, setting))
        let (expected, found) = (try file.float32s("token_logps"), model.tokenLogps())
        #expect(found.count == expected.count && expected.count > 100)
        // As without an adapter: some units in the last place of logits around 10.
        #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 2e-5 })
        try expectNear(model.responseLogps(), file.float64s("response_logps"))
    }

    @Test("log-probabilities with the adapter off are those of the model", arguments: AdapterGolden.all)
    func base(golden: AdapterGolden) throws {
        let file = try SafetensorsFile(golden.expected)
        let model = try model(golden, Setting(rowTokens: 150, threads: 2))
        let found = model.responseLogps(isAdapted: false)
        try expectNear(found, file.float64s("base_logps"))
        #expect(model.responseLogps() != found)
        // Also after the adapter has been on.
        #expect(model.responseLogps(isAdapted: false) == found)
    }

    private func expectNear(_ found: [Double], _ expected: [Double]) {
        #expect(found.count == expected.count && expected.count > 10)
        for (a, b) in zip(found, expected) { #expect(abs(a - b) <= 2e-5 * abs(b), "\(a) and \(b)") }
    }

    @Test("every gradient of a DPO step equals torch's", arguments: cases)
    func gradients(golden: AdapterGolden, setting: Setting) throws {
        let file = try SafetensorsFile(golden.expected)
        let gradients = try model(golden, setting).dpoGradients(of: file)
        let names = file.tensors.keys.compactMap { $0.hasPrefix("grad.") ? String($0.dropFirst(5)) : nil }
        #expect(gradients.keys.sorted() == names.sorted() && names.count >= 4)
        for (name, found) in gradients {
            let error = relativeDifference(found, try file.float32s("grad.\(name)"))
            #expect(error < 1e-5, "\(name): \(error)")
        }
    }

    @Test("recomputing activations changes no bit", arguments: AdapterGolden.all)
    func recomputed(golden: AdapterGolden) throws {
        let file = try SafetensorsFile(golden.expected)
        func compute(recomputes: Bool) throws -> [String: [Float]] {
            try model(golden, Setting(rowTokens: 150, threads: 2, recomputes: recomputes)).dpoGradients(of: file)
        }
        let kept = try compute(recomputes: false)
        #expect(try kept == compute(recomputes: true) && kept.values.allSatisfy { $0.contains { $0 != 0 } })
    }

    @Test("the merged weights are PEFT's", arguments: AdapterGolden.all)
    func merged(golden: AdapterGolden) throws {
        let file = try SafetensorsFile(golden.expected)
        let names = file.tensors.keys.compactMap { $0.hasPrefix("merged.") ? String($0.dropFirst(7)) : nil }
        let kinds =
            ["yarn/plain", "yarn/pattern", "linear/saved", "qwen3-biases/rslora", "qwen3-biases/dora"]
            + ["phi3/plain", "phi3-default/dora", "gpt-neox/plain"]
        #expect(names.isEmpty != kinds.contains(golden.description))
        let merged = names.isEmpty ? [:] : try GoldenWeights(golden).merged()
        for name in names {
            let error = relativeDifference(try #require(merged[name]), try file.float32s("merged.\(name)"))
            // Products of few terms, added to the weights, and norms, all in float32.
            #expect(error < 5e-7, "\(name): \(error)")
        }
    }

    @Test(
        "frozen weights in 16 bits give what their values give in float32",
        arguments: cases.enumerated().filter { $0.offset % (Launch.isOptimized ? 1 : 3) == 0 }.map(\.element),
        HalfType.allCases
    )
    func half(golden: (AdapterGolden, Setting), type: HalfType) throws {
        let (golden, setting) = golden
        let file = try SafetensorsFile(golden.expected)
        let (half, rounded) = (try model(golden, setting, .half(type)), try model(golden, setting, .rounded(type)))
        for isAdapted in [true, false] {
            let (found, expected) = (half.tokenLogps(isAdapted: isAdapted), rounded.tokenLogps(isAdapted: isAdapted))
            #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 2e-5 } && found.count > 100)
        }
        // Rounding to 16 bits does change the model.
        let exact = try file.float32s("token_logps")
        #expect(zip(rounded.tokenLogps(), exact).contains { abs($0 - $1) > 2e-4 })
        let (found, expected) = (try half.dpoGradients(of: file), try rounded.dpoGradients(of: file))
        #expect(found.keys == expected.keys && found.count >= 4)
        for (name, values) in expected {
            let error = relativeDifference(try #require(found[name]), values)
            #expect(error < 1e-5, "\(name): \(error)")
        }
    }

    /// `‖found - expected‖ / ‖expected‖`; infinite if there is nothing to compare.
    private func relativeDifference(_ found: [Float], _ expected: [Float]) -> Double {
        let error = zip(found, expected).reduce(0) { $0 + pow(Double($1.0 - $1.1), 2) }.squareRoot()
        let size = expected.reduce(0) { $0 + pow(Double($1), 2) }.squareRoot()
        return size > 0 && found.count == expected.count ? error / size : .infinity
    }
}
