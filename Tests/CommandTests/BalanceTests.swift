internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Load balancing by measured speeds of ranks.
@Suite(.serialized, .enabled(if: Launch.testsRankRuns, "needs mpirun, optimized"))
struct BalanceTests {
    @Test("a run balanced by measured speeds gives the same results, and reports its imbalance")
    func sameRun() throws {
        let planned = try train(ranks: 2)
        let measured = try train(ranks: 2, ["--balance", "measured"])
        expectSame(measured, planned)
        for line in measured.metrics + planned.metrics {
            #expect((line["imbalance"] ?? 0) >= 1 && (line["measured_imbalance"] ?? 0) >= 1)
        }
        #expect((measured.summary["measured_imbalance"] ?? 0) >= 1 && (measured.summary["imbalance"] ?? 0) >= 1)
    }

    @Test("a checkpoint saves the speeds, and a run resumes with them")
    func resumed() throws {
        try Places.temporary { directory in
            let output = directory.appending("out").string
            let golden = Golden.tied
            let words = [
                "train", "--model", golden.directory.string, "--data", golden.file.string, "--output", output,
                "--global-batch-size", "4", "--threads", "1", "--balance", "measured", "--save-steps", "1",
                "--max-steps",
                "3",
            ]
            let first = try Launch.run("espalier", words, ranks: 2)
            #expect(first.status == 0, "\(first.errors)")
            let state = try String(contentsOfFile: "\(output)/checkpoint-2/espalier-state.json", encoding: .utf8)
            let object = try JSONSerialization.jsonObject(with: Data(state.utf8)) as? [String: Any]
            let speeds = (object?["run"] as? [String: Any])?["speeds"] as? [String: Any]
            let rates = try #require(speeds?["rates"] as? [Double])
            #expect(rates.count == 2 && rates.allSatisfy { $0 > 0 })
            try reopen(FilePath(output))
            let second = try Launch.run("espalier", words + ["--resume"], ranks: 2)
            #expect(second.status == 0 && second.errors.contains("resuming after step 2"), "\(second.errors)")
        }
    }

    @Test(
        "if one rank is many times slower, balancing by speed removes much of the waiting",
        .enabled(if: Launch.isOptimized, "without optimization, and slowed, a step would take a minute")
    )
    func uneven() throws {
        let planned = try excess("planned", steps: 3)
        let measured = try excess("measured", steps: 11)
        // Of two ranks the slow one takes nearly twice the mean. The remaining imbalance on a busy machine comes from
        // changes of speed between steps.
        #expect(planned > 0.3 && measured < 0.7 * planned, "\(planned) by plan, \(measured) by measured speeds")
    }

    /// The median imbalance, minus 1, in the last steps of a run on two ranks, of which one is stopped most of the time.
    private func excess(_ balance: String, steps: Int) throws -> Double {
        try Places.temporary { directory in
            let (output, data) = (directory.appending("out"), directory.appending("data.safetensors"))
            try writeExamples(4000, to: data)
            let words = [
                "train", "--model", Golden.tied.directory.string, "--data", data.string, "--output", output.string,
                "--threads", "1", "--global-batch-size", "4000", "--max-steps", "\(steps)", "--balance", balance,
            ]
            let metrics = output.appending("metrics.jsonl").string
            var slowed: Int32?
            let outcome = try Launch.run("espalier", words, ranks: 2, timeout: 300) { launcher in
                guard let process = slowed ?? RankProcesses.find(rank: 1, of: launcher),
                    FileManager.default.fileExists(atPath: metrics)
                else { return false }
                slowed = process
                // It runs for the millisecond between two calls of this closure.
                kill(process, SIGSTOP)
                usleep(19_000)
                kill(process, SIGCONT)
                return false
            }
            #expect(outcome.status == 0 && slowed != nil, "\(outcome.errors)")
            let lines = try String(contentsOfFile: metrics, encoding: .utf8).split(separator: "\n")
            #expect(lines.count == steps)
            let last = try lines.suffix(steps / 2 + 1).map { try Metrics(json: $0)["measured_imbalance"] ?? 0 }.sorted()
            return last[last.count / 2] - 1
        }
    }
}
