internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing
internal import Formats

/// Training steps of every family against torch's.
@Suite(.serialized)
struct FamilyStepTests {
    /// A quarter of the goldens without optimization.
    static let goldens = Golden.short.enumerated().filter { Launch.isOptimized || $0.offset % 4 == 0 }.map(\.element)

    @Test("two AdamW steps of DPO have torch's losses and gradient norms", arguments: goldens)
    func steps(golden: Golden) throws {
        try Places.temporary { directory in
            let output = directory.appending("out")
            let arguments = [
                "train", "--model", golden.directory.string, "--data", golden.file.string, "--output", output.string,
                "--max-steps", "2", "--global-batch-size", "5", "--no-shuffle", "--beta", "0.5", "--learning-rate",
                "1e-3", "--lr-scheduler-type", "constant", "--threads", "1",
            ]
            let outcome = try Launch.run("espalier", arguments, solo: true)
            try #require(outcome.status == 0, "\(outcome.errors)")
            let expected = try SafetensorsFile(golden.expected)
            let metrics = try TrainedRun(output).metrics
            for (key, name, bound) in [("loss", "step_losses", 1e-5), ("grad_norm", "step_gradient_norms", 1e-4)] {
                let (found, values) = (try metrics.map { try #require($0[key]) }, try expected.float64s(name))
                #expect(found.count == 2 && values.count == 2)
                for (a, b) in zip(found, values) { #expect(abs(a - b) < bound * abs(b), "\(key): \(found), \(values)") }
            }
        }
    }
}
