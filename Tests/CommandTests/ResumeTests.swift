internal import Foundation
internal import Glibc
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Runs that are resumed after they were killed, or with other settings.
@Suite(.serialized)
struct ResumeTests {
    @Test("a killed and resumed run has the bits of an uninterrupted one", arguments: [5, 60])
    func killed(step: Int) throws {
        try Places.temporary { directory in
            let (uninterrupted, output) = (directory.appending("uninterrupted"), directory.appending("killed"))
            let watch = send(SIGKILL, when: checkpoint(output, step))
            #expect(try LongRun.start(output, watch: watch).status == SIGKILL)
            #expect(!exists(output.appending("model.safetensors")))
            let resumed = try LongRun.finish(output, ["--resume"])
            expectSameBits(resumed, try LongRun.finish(uninterrupted))
            // No partly written file is left, and the last step has no checkpoint in addition to the model.
            let names = try FileManager.default.contentsOfDirectory(atPath: output.string)
            #expect(names.allSatisfy { !$0.hasSuffix(".tmp") })
            #expect(try checkpoints(output) == Array(stride(from: 5, to: LongRun.steps, by: 5)))
        }
    }

    @Test("saving changes no bit of a run, and neither does a line of metrics that spans a checkpoint")
    func undisturbed() throws {
        try Places.temporary { directory in
            let saved = try LongRun.finish(directory.appending("a"), ["--max-steps", "12"])
            let plain = try LongRun.finish(directory.appending("b"), ["--max-steps", "12", "--save-steps", "100"])
            expectSameBits(saved, plain, steps: 12)
            // Lines of three steps, resumed after the fifth.
            let output = directory.appending("c")
            let logging = ["--max-steps", "12", "--logging-steps", "3"]
            let uninterrupted = try LongRun.finish(output, logging)
            try FileManager.default.removeItem(atPath: checkpoint(output, 10).string)
            try reopen(output)
            let resumed = try LongRun.finish(output, logging + ["--resume"])
            #expect(resumed.metrics.map { $0["step"] } == [3, 6, 9, 12])
            for name in ["loss", "grad_norm", "num_tokens", "tokens_computed"] {
                #expect(resumed.metrics.map { $0[name] } == uninterrupted.metrics.map { $0[name] }, "\(name)")
            }
            #expect(resumed.weights == saved.weights)
        }
    }

    @Test("a resumed run keeps its best model and its patience")
    func evaluated() throws {
        try Places.temporary { directory in
            let (uninterrupted, output) = (directory.appending("uninterrupted"), directory.appending("killed"))
            let evaluation = [
                "--eval-data", Golden.tied.file.string, "--eval-steps", "4", "--load-best-model-at-end",
                "--metric-for-best-model", "rewards/rejected", "--lr-scheduler-type", "constant",
            ]
            let watch = send(SIGKILL, when: checkpoint(output, 10))
            #expect(try LongRun.start(output, evaluation, watch: watch).status == SIGKILL)
            // The best model is in the checkpoint: the output may contain that of a later step.
            try FileManager.default.removeItem(atPath: output.appending("model.safetensors").string)
            let resumed = try LongRun.finish(output, evaluation + ["--resume"])
            expectSameBits(resumed, try LongRun.finish(uninterrupted, evaluation))
            #expect(resumed.summary["evaluations"] == Double(LongRun.steps / 4))
        }
    }

    @Test(
        "a run resumes with other ranks, threads and row tokens, and differs only by rounding",
        .enabled(if: Launch.hasMPI, "mpirun is not installed")
    )
    func otherRanks() throws {
        try Places.temporary { directory in
            let output = directory.appending("out")
            let options = ["--max-steps", "8"]
            let alone = try LongRun.finish(output, options)
            try reopen(output)
            let together = try LongRun.finish(output, options + ["--row-tokens", "64", "--resume"], ranks: 2)
            expectSame(together, alone, steps: 8)
            #expect(try checkpoints(output) == [5])
        }
    }

    @Test("a checkpoint is a model directory that another run and other commands can read")
    func model() throws {
        try Places.temporary { directory in
            let output = directory.appending("out")
            let run = try LongRun.finish(output, ["--max-steps", "6"])
            let model = checkpoint(output, 5)
            let outcome = try Launch.run(
                "espalier",
                ["evaluate", "--model", model.string, "--data", Golden.tied.file.string, "--threads", "1"],
                solo: true
            )
            #expect(outcome.status == 0, "\(outcome.errors)")
            let latest = try FileManager.default.destinationOfSymbolicLink(atPath: output.appending("latest").string)
            #expect(latest == "checkpoint-5")
            // Given by path, also through the link.
            let named = try LongRun.finish(output, ["--max-steps", "6", "--resume", output.appending("latest").string])
            #expect(named.weights == run.weights)
        }
    }

    @Test("only the requested number of newest checkpoints is kept")
    func limit() throws {
        try Places.temporary { directory in
            let output = directory.appending("out")
            _ = try LongRun.finish(output, ["--max-steps", "24", "--save-total-limit", "2"])
            #expect(try checkpoints(output) == [15, 20])
        }
    }
}
