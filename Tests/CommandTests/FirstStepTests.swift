internal import Compute
internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Before the first update policy and reference are one model: no reward exceeds another by more than rounding.
@Suite(.serialized)
struct FirstStepTests {
    private static let data = Golden.tied.file.string

    private func rewards(_ directory: FilePath, _ arguments: [String], ranks: Int? = nil) throws -> (Double, Double) {
        let runs = TinyRuns(output: directory.appending("out"))
        let first = ["--max-steps", "1", "--global-batch-size", "6", "--eval-data", Self.data, "--eval-on-start"]
        try runs.finish(first + arguments, ranks: ranks)
        let run = try TrainedRun(runs.output)
        #expect(run.evaluations.first?["step"] == 0)
        #expect(run.evaluations.first?["eval_rewards/accuracies"] == 0, "\(arguments)")
        let line = try #require(run.metrics.first)
        return (try #require(line["rewards/accuracies"]), try #require(line["rewards/margins"]))
    }

    @Test(
        "the accuracy of the first step is 0, whatever the packing of step and reference, and margins are 0 to the bit",
        arguments: ["sigmoid", "ipo", "plackett_luce", "aot"]
    )
    func packing(loss: String) throws {
        try Places.temporary { directory in
            let options = ["--loss-type", loss, "--pairs", "all", "--reference-cache", directory.appending("r").string]
            var margins: [Double] = []
            for packing in [
                ["--sharing", "none", "--row-tokens", "4096"], ["--row-tokens", "64"], ["--sharing", "prompt"],
                ["--recompute", "--row-tokens", "200"],
            ] {
                let (accuracy, margin) = try rewards(directory, options + packing)
                #expect(accuracy == 0, "\(packing)")
                margins.append(margin)
            }
            // The library's products, on processors without AVX2, round in another way in another place.
            let isExact = ProductKernel.float32 != .portable
            #expect(margins.allSatisfy { isExact ? $0 == 0 : abs($0) < 1e-5 }, "\(margins)")
        }
    }

    @Test("so is that of two ranks, with a cache of one", .enabled(if: Launch.hasMPI, "mpirun is not installed"))
    func ranks() throws {
        try Places.temporary { directory in
            let options = ["--reference-cache", directory.appending("r").string]
            let (alone, together) = try (
                rewards(directory, options + ["--sharing", "none"]),
                rewards(directory, options + ["--row-tokens", "100"], ranks: 2)
            )
            #expect(alone.0 == 0 && together.0 == 0)
        }
    }

    @Test("evaluate agrees, with a reference model and with a cache of another packing")
    func evaluate() throws {
        try Places.temporary { directory in
            func report(_ model: String, _ arguments: [String]) throws -> Metrics {
                let words = ["evaluate", "--model", model, "--data", Self.data, "--threads", "1"]
                let reference = ["--reference-model", Golden.tied.directory.string]
                let outcome = try Launch.run("espalier", words + reference + arguments, solo: true)
                #expect(outcome.status == 0, "\(outcome.errors)")
                return try Metrics(json: outcome.output)
            }
            let (model, cache) = (Golden.tied.directory.string, ["--reference-cache", directory.appending("r").string])
            let plain = try report(model, ["--sharing", "none"] + cache)
            #expect(plain["eval_rewards/accuracies"] == 0)
            for arguments in [cache + ["--row-tokens", "64"], cache, ["--row-tokens", "64"], []] {
                let found = try report(model, arguments)
                #expect(found["eval_rewards/accuracies"] == 0 && abs(found["eval_rewards/margins"] ?? 1) < 1e-5)
                #expect(found["eval_logps/accuracies"] == plain["eval_logps/accuracies"])
            }
            // A step changes rewards far beyond rounding.
            let runs = TinyRuns(output: directory.appending("out"))
            try runs.finish(["--max-steps", "3", "--learning-rate", "1e-4"])
            let trained = try report(runs.output.string, cache)
            #expect((trained["eval_rewards/accuracies"] ?? 0) > 0.5, "\(trained)")
        }
    }
}
