internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Jobs in which a rank makes no progress.
@Suite(.enabled(if: Launch.hasMPI, "mpirun is not installed"), .serialized)
struct StallTests {
    /// The timeout in seconds: many times the interval between heartbeats of a rank that reads and plans, also while
    /// other tests run.
    private static let timeout = Launch.isOptimized ? 4 : 20

    private func arguments(_ output: FilePath, _ more: [String]) -> [String] {
        let golden = Golden.tied
        return [
            "train", "--model", golden.directory.string, "--data", golden.file.string, "--output", output.string,
            "--threads", "1", "--global-batch-size", "6", "--save-steps", "5",
        ] + more
    }

    private func newestCheckpoint(_ output: FilePath) -> Int {
        (try? checkpoints(output))?.last ?? 0
    }

    /// The seconds without progress that a rank reports; nil if it reports none.
    private func stillSeconds(_ output: FilePath, rank: Int) -> Double? {
        let path = output.appending("stall/rank-\(rank)").string
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        return ((try? JSONSerialization.jsonObject(with: data)) as? [String: Any])?["seconds"] as? Double
    }

    @Test("a stopped rank is named, the last state of each rank is reported, and the job ends with 124 and can resume")
    func stopped() throws {
        try Places.temporary { directory in
            let output = directory.appending("out")
            var stopped: Int32?
            let words = arguments(output, ["--max-steps", "1000000", "--stall-timeout", "\(Self.timeout)"])
            let outcome = try Launch.run("espalier", words, ranks: 3) { launcher in
                guard exists(output.appending("checkpoint-5")) else { return false }
                stopped = RankProcesses.find(rank: 1, of: launcher)
                stopped.map { _ = kill($0, SIGSTOP) }
                return true
            }
            let process = try #require(stopped)
            #expect(outcome.status == 124, "\(outcome.errors)")
            let lines = outcome.errors.split(separator: "\n").map { String($0) }
            let verdict = try #require(lines.first { $0.hasPrefix("error: stalled: ") }, "\(outcome.errors)")
            #expect(
                verdict.contains("no progress for \(Self.timeout) s; no status record from rank 1 on "),
                "\(verdict)"
            )
            #expect(verdict.contains(" (process \(process)): stopped, hung, or disconnected from "), "\(verdict)")
            for rank in [0, 2] {
                let line = lines.first { $0.hasPrefix("rank \(rank) on ") } ?? ""
                #expect(line.contains("): step ") && line.contains(", collective call "), "\(outcome.errors)")
                #expect(exists(output.appending("stall/rank-\(rank)")))
            }
            #expect(!lines.contains { $0.hasPrefix("rank 1 on ") })
            // No process is left but zombies, and neither locks nor status records are in the way of the next start.
            #expect(RankProcesses.hasEnded(process))
            let steps = newestCheckpoint(output)
            let limits = ["--max-steps", "1000000", "--stall-timeout", "60", "--resume"]
            let resumed = try Launch.run("espalier", arguments(output, limits), ranks: 2) { launcher in
                guard newestCheckpoint(output) > steps else { return false }
                kill(launcher, SIGUSR1)
                return true
            }
            #expect(RankStarter.own.stopped.contains(resumed.status), "\(resumed.errors)")
            #expect(resumed.errors.contains("stopped after step "), "\(resumed.errors)")
            #expect(!exists(output.appending("stall")))
        }
    }

    @Test(
        "a rank that is slow but makes progress raises no alarm, though others wait for longer than the timeout",
        .enabled(if: Launch.isOptimized, "without optimization, and slowed, it would plan for minutes without a sign")
    )
    func slow() throws {
        try Places.temporary { directory in
            let (output, data) = (directory.appending("out"), directory.appending("data.safetensors"))
            try writeExamples(6000, to: data, promptLength: 60)
            // Many packed sequences per step: each is a heartbeat. They take much longer than planning, which has none.
            let options = ["--data", data.string, "--global-batch-size", "3000", "--row-tokens", "64"]
            let words = arguments(output, options + ["--max-steps", "2", "--stall-timeout", "\(Self.timeout)"])
            let most = Double(Self.timeout) + 1
            var (slowed, longest): (Int32?, Double) = (nil, 0)
            let outcome = try Launch.run("espalier", words, ranks: 2) { launcher in
                guard let process = slowed ?? RankProcesses.find(rank: 1, of: launcher),
                    exists(output.appending("metrics.jsonl"))
                else { return false }
                slowed = process
                // At a hundredth of its speed, so that a step takes longer than the timeout on fast machines too.
                RankProcesses.run(process, milliseconds: 5)
                usleep(495_000)
                longest = max(longest, stillSeconds(output, rank: 0) ?? 0)
                guard longest > most else { return false }
                kill(process, SIGCONT)
                return true
            }
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(longest > most, "rank 0 never waited for longer than the timeout")
            #expect(!exists(output.appending("stall")))
        }
    }
}
