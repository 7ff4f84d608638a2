internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Shares of a step by what ranks were measured to do.
@Suite(.serialized, .enabled(if: Launch.testsRankRuns, "needs mpirun, optimized"))
struct BalanceTests {
    @Test("a run whose shares follow the ranks' speeds learns the same, and is told how even it was")
    func sameRun() throws {
        let planned = try train(ranks: 2)
        let measured = try train(ranks: 2, ["--balance", "measured"])
        expectSame(measured, planned)
        for line in measured.metrics + planned.metrics {
            #expect((line["imbalance"] ?? 0) >= 1 && (line["measured_imbalance"] ?? 0) >= 1)
        }
        #expect((measured.summary["measured_imbalance"] ?? 0) >= 1 && (measured.summary["imbalance"] ?? 0) >= 1)
    }

    @Test("a checkpoint keeps the speeds, and a run goes on from it")
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
            let second = try Launch.run("espalier", words + ["--resume"], ranks: 2)
            #expect(second.status == 0 && second.errors.contains("resuming after step 2"), "\(second.errors)")
        }
    }
}
