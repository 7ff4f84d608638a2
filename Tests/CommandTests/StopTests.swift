internal import Foundation
internal import Glibc
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Runs that a signal stops or kills, at a step or in the reference pass.
@Suite(.serialized)
struct StopTests {
    @Test(
        "a signal saves the run after its current step and ends it with exit code 75",
        arguments: [SIGTERM, SIGUSR1, SIGUSR2, SIGINT]
    )
    func stopped(signal: Int32) throws {
        try Places.temporary { directory in
            let (uninterrupted, output) = (directory.appending("uninterrupted"), directory.appending("stopped"))
            // Without a scheduled checkpoint.
            let seldom = ["--save-steps", "1000"]
            let watch = send(signal, when: output.appending("metrics.jsonl"))
            let stopped = try LongRun.start(output, seldom, watch: watch)
            #expect(stopped.status == 75, "\(stopped.errors)")
            #expect(stopped.errors.contains("; pass --resume to continue from it\n"))
            let resumed = try LongRun.finish(output, seldom + ["--resume"])
            expectSameBits(resumed, try LongRun.finish(uninterrupted, seldom))
        }
    }

    @Test("a signal in the reference pass ends it, and finished log-probabilities are not computed again")
    func reference() throws {
        try Places.temporary { directory in
            let data = directory.appending("data.safetensors")
            try writeExamples(8000, to: data)
            func arguments(_ cache: FilePath) -> [String] {
                ["--data", data.string, "--global-batch-size", "200", "--max-steps", "40", "--save-steps", "1000"]
                    + ["--reference-cache", cache.string]
            }
            let (first, second) = (directory.appending("a.safetensors"), directory.appending("b.safetensors"))
            let output = directory.appending("stopped")
            let journal = FilePath(first.string + ".journal")
            let stopped = try LongRun.start(output, arguments(first), watch: send(SIGUSR1, when: journal))
            #expect(stopped.status == 75 && !exists(output.appending("metrics.jsonl")))
            #expect(stopped.errors.contains("stopped in the reference pass, "), "\(stopped.errors)")
            let resumed = try LongRun.finish(output, arguments(first) + ["--resume"])
            let uninterrupted = try LongRun.finish(directory.appending("uninterrupted"), arguments(second))
            let (rest, all) = (resumed.summary["reference_rows"] ?? 0, uninterrupted.summary["reference_rows"])
            #expect(all == 8000 && rest > 0 && rest < 8000 && rest.truncatingRemainder(dividingBy: 1024) == 832)
            expectSameBits(resumed, uninterrupted, steps: 40)
        }
    }

    @Test("a run killed in the reference pass keeps computed examples, even if the end of its journal is damaged")
    func referenceKilled() throws {
        try Places.temporary { directory in
            let data = directory.appending("data.safetensors")
            try writeExamples(6000, to: data)
            let cache = directory.appending("a.safetensors")
            let journal = FilePath(cache.string + ".journal")
            let arguments = ["--data", data.string, "--global-batch-size", "200", "--max-steps", "30"]
            let kept = arguments + ["--save-steps", "1000", "--reference-cache", cache.string]
            /// Kills a run as soon as its journal exceeds `bytes`.
            func kill(_ output: FilePath, beyond bytes: Int) throws {
                let outcome = try LongRun.start(output, kept) { process in
                    let found = FileManager.default.contents(atPath: journal.string)?.count ?? 0
                    guard found > bytes else { return exists(cache) }
                    Glibc.kill(process, SIGKILL)
                    return true
                }
                #expect(outcome.status == SIGKILL && !exists(cache), "\(outcome.errors)")
            }
            // Two responses of 2 and 1 tokens per example: 16 bytes per example with its number.
            try kill(directory.appending("one"), beyond: 2 * 16 * 1024 + 2000)
            var bytes = try Data(contentsOf: URL(fileURLWithPath: journal.string))
            let whole = bytes.count
            bytes[whole - 5] ^= 1
            try bytes.write(to: URL(fileURLWithPath: journal.string))
            let resumed = try LongRun.finish(directory.appending("two"), kept)
            let uninterrupted = try LongRun.finish(
                directory.appending("uninterrupted"),
                arguments + ["--save-steps", "1000"]
            )
            let rest = try #require(resumed.summary["reference_rows"])
            // At least three chunks were there, the last of them damaged.
            #expect(rest <= 6000 - 2 * 1024 && rest >= 6000 - 4 * 1024 && Int(rest) % 1024 == 6000 % 1024)
            expectSameBits(resumed, uninterrupted, steps: 30)
            #expect(exists(cache) && !exists(journal))
            let again = try LongRun.finish(directory.appending("three"), kept)
            #expect(again.summary["reference_rows"] == 0)
        }
    }

    @Test("a second interrupt ends a run at once")
    func interruptedTwice() throws {
        try Places.temporary { directory in
            let output = directory.appending("out")
            let outcome = try LongRun.start(output) { process in
                // Repeatedly, as long as it runs.
                if exists(output.appending("metrics.jsonl")) { kill(process, SIGINT) }
                return false
            }
            #expect(outcome.status == SIGINT)
        }
    }

    @Test(
        "a signal forwarded by mpirun saves all ranks at the same step, and they resume with the same bits",
        .enabled(if: Launch.hasMPI, "mpirun is not installed")
    )
    func ranksStopped() throws {
        try Places.temporary { directory in
            let (uninterrupted, output) = (directory.appending("uninterrupted"), directory.appending("stopped"))
            let watch = send(SIGUSR1, when: checkpoint(output, 5))
            let stopped = try LongRun.start(output, ranks: 2, watch: watch)
            #expect(RankStarter.own.stopped.contains(stopped.status), "\(stopped.errors)")
            #expect(stopped.errors.contains("stopped after step "), "\(stopped.errors)")
            let resumed = try LongRun.finish(output, ["--resume"], ranks: 2)
            expectSameBits(resumed, try LongRun.finish(uninterrupted, ranks: 2))
        }
    }
}
