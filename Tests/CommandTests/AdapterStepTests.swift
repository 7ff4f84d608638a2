internal import Foundation
internal import Formats
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Training steps of adapters against PEFT's.
@Suite(.serialized)
struct AdapterStepTests {
    /// A third of the goldens without optimization.
    static let goldens = AdapterGolden.all.enumerated().filter { Launch.isOptimized || $0.offset % 3 == 0 }
        .map(\.element)
    static let freshGoldens = AdapterGolden.all.filter(\.hasFresh).enumerated()
        .filter { Launch.isOptimized || $0.offset % 3 == 0 }.map(\.element)

    /// The steps of the goldens.
    private func steps(_ golden: Golden, _ arguments: [String], to output: FilePath) throws -> TrainedRun {
        try espalier(
            [
                "train", "--model", golden.directory.string, "--data", golden.file.string, "--output", output.string,
                "--max-steps", "2", "--global-batch-size", "5", "--no-shuffle", "--beta", "0.5", "--adam-epsilon",
                "1e-4", "--lr-scheduler-type", "constant",
            ] + (arguments.contains("--learning-rate") ? [] : ["--learning-rate", "1e-3"]) + arguments
        )
        return try TrainedRun(output)
    }

    private func expect(_ run: TrainedRun, _ golden: SafetensorsFile, start: FilePath) throws {
        for (key, name, bound) in [("loss", "step_losses", 1e-5), ("grad_norm", "step_gradient_norms", 1e-4)] {
            let (found, values) = (try run.metrics.map { try #require($0[key]) }, try golden.float64s(name))
            #expect(found.count == 2 && values.count == 2)
            for (a, b) in zip(found, values) { #expect(abs(a - b) < bound * abs(b), "\(key): \(found), \(values)") }
        }
        let names = golden.tensors.keys.compactMap { $0.hasPrefix("final.") ? String($0.dropFirst(6)) : nil }
        #expect(run.weights.keys.sorted() == names.sorted() && names.count >= 4)
        let first = try storedValues(start.appending("adapter_model.safetensors"))
        for (name, found) in run.weights {
            let (expected, before) = (try golden.float32s("final.\(name)"), try #require(first[name]))
            let update = norm(expected, before)
            // Updates of at most 2e-3, next to which float32 rounds weights.
            let rounding = 1e-7 * norm(expected, Array(repeating: 0, count: expected.count))
            let error = norm(found, expected)
            #expect(update > 0 && error <= 2e-4 * update + rounding, "\(name): \(error), \(update), \(rounding)")
        }
    }

    private func norm(_ a: [Float], _ b: [Float]) -> Double {
        a.count == b.count ? zip(a, b).reduce(0) { $0 + pow(Double($1.0) - Double($1.1), 2) }.squareRoot() : .infinity
    }

    @Test("two AdamW steps from an adapter, whose start is the reference, are PEFT's", arguments: goldens)
    func steps(golden: AdapterGolden) throws {
        try Places.temporary { directory in
            let output = directory.appending("out")
            let run = try steps(golden.base, ["--adapter", golden.directory.string], to: output)
            let expected = try SafetensorsFile(golden.expected)
            try expect(run, expected, start: golden.directory)
            let model = ["--model", golden.base.directory.string]
            let logps = try responseLogps(golden.base, model + ["--adapter", output.string], in: directory)
            expectNear(logps, try expected.float64s("final_logps"))
        }
    }

    @Test("two AdamW steps from an adapter without an effect are PEFT's from a new one", arguments: freshGoldens)
    func fresh(golden: AdapterGolden) throws {
        try Places.temporary { directory in
            let run = try steps(golden.base, ["--adapter", golden.fresh.string], to: directory.appending("out"))
            let expected = try SafetensorsFile(golden.fresh.appending("golden.safetensors"))
            try expect(run, expected, start: golden.fresh)
        }
    }

    @Test("a new adapter trains as the same one that was stored before", arguments: NewAdapter.all)
    func new(adapter: NewAdapter) throws {
        try Places.temporary { directory in
            // Nearly its start: a rate at which only zeros change, by less than float32 resolves next to an update.
            let start = directory.appending("start")
            let rate = ["--learning-rate", "1e-30", "--max-steps", "1"]
            let first = try steps(.tied, adapter.arguments + rate, to: start)
            // A product of zeros changes nothing, so that policy and reference are equal: log 2 for each pair.
            #expect(abs((first.metrics[0]["loss"] ?? 0) - log(2)) < 1e-6 && first.weights.count == adapter.tensors)
            let model = ["--model", Golden.tied.directory.string]
            let base = try responseLogps(.tied, model, in: directory)
            expectNear(try responseLogps(.tied, model + ["--adapter", start.string], in: directory), base)
            let new = try steps(.tied, adapter.arguments, to: directory.appending("new"))
            let stored = try steps(.tied, ["--adapter", start.string], to: directory.appending("stored"))
            #expect(new.weights.keys == stored.weights.keys && new.weights.count == adapter.tensors)
            for (name, values) in new.weights {
                let (before, expected) = (try #require(first.weights[name]), try #require(stored.weights[name]))
                #expect(norm(values, expected) <= 1e-4 * norm(values, before), "\(name)")
            }
            for (a, b) in zip(new.metrics, stored.metrics) {
                // Magnitudes are rounded, so that a new adapter with them changes its reference by as much.
                #expect(abs(try #require(a["loss"]) - #require(b["loss"])) < 1e-5)
                let (found, expected) = (try #require(a["grad_norm"]), try #require(b["grad_norm"]))
                #expect(abs(found - expected) < 1e-5 * expected)
            }
            let other = try steps(.tied, adapter.arguments + ["--seed", "43"], to: directory.appending("other"))
            #expect(other.weights != new.weights)
        }
    }
}
