internal import Compute
internal import Foundation
internal import Formats
internal import Preferences
internal import SystemPackage
internal import TestSupport
internal import Testing
internal import Transformer

/// Results of the transformer against `transformers` in float64, for every sharing mode, packing, team and head path.
struct GoldenTests {
    @Test("token log-probabilities equal transformers'", arguments: Setting.cases)
    func logps(golden: Golden, setting: Setting) throws {
        let expected = try SafetensorsFile(golden.expected).float32s("token_logps")
        let found = try GoldenModel(golden, setting).tokenLogps()
        #expect(found.count == expected.count && expected.count > 100)
        // Float32 through three layers: some units in the last place of logits around 10.
        #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 2e-5 })
    }

    @Test(
        "counted tokens of partly skipped responses have transformers' log-probabilities, skipped ones none",
        arguments: Setting.cases
    )
    func skippedLogps(golden: Golden, setting: Setting) throws {
        let expected = try SafetensorsFile(golden.expected).float32s("token_logps")
        let dataset = try PreferenceDataset.read(path: golden.file).skipping { 5 * $0 % $1 }
        let found = try GoldenModel(golden, setting, dataset: dataset).tokenLogps()
        let counted = Set((0..<dataset.responseCount).flatMap(dataset.countedRange))
        #expect(counted.count > 30 && counted.count < expected.count - 30)
        for index in expected.indices {
            #expect(counted.contains(index) ? abs(found[index] - expected[index]) < 2e-5 : found[index].isNaN)
        }
    }

    @Test("the goldens cover every setting, and each one every sharing mode and several combinations of other options")
    func coverage() {
        func settings(_ golden: Golden) -> [Setting] { Setting.cases.filter { $0.0 == golden }.map(\.1) }
        #expect(Setting.kinds == 6 && Golden.long.count == 5)
        for golden in Golden.allCases {
            #expect(Set(settings(golden).map(\.sharing)) == Set(Sharing.allCases))
            let others = Set(settings(golden).map { $0.description.drop { $0 != "," } })
            #expect(others.count == (Launch.isOptimized || Golden.long.contains(golden) ? 6 : 4))
        }
        for (goldens, count) in [(Golden.long, 4), (Golden.short, 6)] {
            for start in 0...goldens.count - count {
                let covered = goldens[start..<start + count].flatMap { settings($0).map(\.description) }
                #expect(Set(covered) == Set(Setting.all.map(\.description)))
            }
        }
    }

    @Test("the older form of the configuration describes the same model", arguments: Golden.allCases)
    func olderConfiguration(golden: Golden) throws {
        try Places.temporary { directory in
            let copy = directory.appending("config.json").string
            try FileManager.default.copyItem(atPath: golden.olderConfiguration.string, toPath: copy)
            let models = try [golden.directory, directory].map { try ModelDescription(directory: $0).architecture }
            #expect(models[0] == models[1])
        }
    }

    @Test("all logits at all positions equal transformers'", arguments: Golden.allCases)
    func logits(golden: Golden) throws {
        let file = try SafetensorsFile(golden.expected)
        let logits = try file.float32s("logits")
        let data = try PreferenceDataset.read(path: golden.file)
        let sequence = Array(data.prompt(0) + data.response(0))
        let vocabulary = logits.count / sequence.count
        // Each prefix of the sequence is a prompt, with every token of the vocabulary as a response: the
        // log-probabilities of its branches are the whole distribution.
        let prefixes = (1...sequence.count).map { Array(sequence[..<$0]) }
        let dataset = try PreferenceDataset(
            promptIDs: prefixes.flatMap { $0 },
            promptOffsets: prefixes.reduce(into: [0]) { $0.append($0.last! + $1.count) },
            responseIDs: prefixes.flatMap { _ in (0..<Int32(vocabulary)) },
            responseOffsets: Array(0...prefixes.count * vocabulary),
            exampleOffsets: (0...prefixes.count).map { $0 * vocabulary }
        )
        let found = try GoldenModel(golden, Setting(), dataset: dataset).tokenLogps()
        #expect(found.count == logits.count && logits.count > 4000)
        for position in sequence.indices {
            let row = logits[position * vocabulary..<(position + 1) * vocabulary].map(Double.init)
            let top = row.max()!
            let sum = top + log(row.reduce(0) { $0 + exp($1 - top) })
            let logps = found[position * vocabulary..<(position + 1) * vocabulary]
            #expect(zip(logps, row).allSatisfy { abs(Double($0) - ($1 - sum)) < 3e-5 }, "position \(position)")
        }
    }

    @Test("every gradient of a DPO step equals torch's", arguments: Setting.cases)
    func gradients(golden: Golden, setting: Setting) throws {
        let file = try SafetensorsFile(golden.expected)
        let gradients = try GoldenModel(golden, setting).dpoGradients(of: file)
        let names = file.tensors.keys.compactMap { $0.hasPrefix("grad.") ? String($0.dropFirst(5)) : nil }
        #expect(gradients.keys.sorted() == names.sorted() && names.count >= golden.leastTensorCount)
        // The other tensors are those of images.
        let others = Set(try ModelWeights(directory: golden.directory).names).subtracting(names)
        #expect(others.isEmpty != golden.rawValue.hasSuffix("-wrapper"))
        #expect(others.allSatisfy { $0.hasPrefix("vision_tower.") || $0.hasPrefix("multi_modal_projector.") })
        for (name, found) in gradients {
            let expected = try file.float32s("grad.\(name)")
            let error = zip(found, expected).reduce(0) { $0 + pow(Double($1.0 - $1.1), 2) }.squareRoot()
            let size = expected.reduce(0) { $0 + pow(Double($1), 2) }.squareRoot()
            #expect(size > 0 && error < 1e-5 * size, "\(name): \(error / size)")
        }
    }

    @Test("two computations with the same team give the same bits", arguments: [1, 3])
    func deterministic(threads: Int) throws {
        func compute() throws -> [String: [Float]] {
            try GoldenModel(.tied, Setting(rowTokens: 150, threads: threads)).gradients { response, _, row in
                response == row.lowerBound ? -1 : 0.5
            }
        }
        let first = try compute()
        #expect(try first == compute() && first["model.norm.weight"]!.contains { $0 != 0 })
    }

    @Test("recomputing activations changes no bit and takes less memory", arguments: Golden.allCases)
    func recomputed(golden: Golden) throws {
        func compute(recomputes: Bool) throws -> [String: [Float]] {
            try GoldenModel(golden, Setting(rowTokens: 150, threads: 2, recomputes: recomputes))
                .gradients { response, _, row in response == row.lowerBound ? -1 : 0.5 }
        }
        let kept = try compute(recomputes: false)
        #expect(try kept == compute(recomputes: true) && kept.values.allSatisfy { $0.contains { $0 != 0 } })
    }

    @Test("with recomputation a deep model keeps less than a quarter of its activations")
    func recomputedMemory() throws {
        let model = Architecture.tiny(layers: 30, tied: true)
        func activations(recomputes: Bool) -> Int {
            func bytes(tokens: Int, trains: Bool) -> Int {
                let capacity = Workspace.Capacity(tokens: tokens, trains: trains, recomputes: recomputes, logitBytes: 1)
                return ForestModel.byteCount(model, capacity: capacity, threads: 1)
            }
            return bytes(tokens: 2048, trains: true) - bytes(tokens: 2048, trains: false)
        }
        #expect(4 * activations(recomputes: true) < activations(recomputes: false))
    }
}
