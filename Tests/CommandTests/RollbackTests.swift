internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Runs that go back where loss or gradient norm leaps.
@Suite(.serialized)
struct RollbackTests {
    private static let rows = 120
    /// A row with one response much longer than the others: its gradient is more than ten times as large as theirs.
    private static let odd = 81
    private static let steps = 55

    private func start(
        _ output: FilePath,
        _ data: FilePath,
        _ more: [String] = [],
        ranks: Int? = nil,
        watch: (Int32) -> Bool = { _ in true }
    ) throws -> Outcome {
        let settings = output.removingLastComponent().appending("settings.yaml")
        try "adam_epsilon: 0.001\nbeta: 0.5\nlearning_rate: 0.001\nmax_steps: \(Self.steps)\n"
            .write(toFile: settings.string, atomically: true, encoding: .utf8)
        return try Launch.run(
            "espalier",
            [
                "train", "--config", settings.string, "--model", Golden.tied.directory.string, "--data", data.string,
                "--output", output.string, "--global-batch-size", "2", "--threads", "1", "--no-shuffle",
                "--save-steps", "7",
            ] + more,
            ranks: ranks ?? 1,
            solo: ranks == nil,
            watch: watch
        )
    }

    private func finish(
        _ output: FilePath,
        _ data: FilePath,
        _ more: [String] = [],
        ranks: Int? = nil
    ) throws
        -> TrainedRun
    {
        let outcome = try start(output, data, more, ranks: ranks)
        guard outcome.status == 0 else { throw Failure(description: outcome.errors) }
        return try TrainedRun(output)
    }

    /// The run without its records of going back.
    private func steps(_ run: TrainedRun) -> TrainedRun {
        let metrics = run.metrics.filter { $0["rollbacks"] == nil }
        return TrainedRun(metrics: metrics, evaluations: [], summary: run.summary, weights: run.weights)
    }

    /// A factor that the step of the odd row exceeds, and no other.
    private func factor(_ calm: TrainedRun) throws -> Double {
        let norms = calm.metrics.compactMap { $0["grad_norm"] }
        func ratio(_ step: Int) -> Double {
            let before = norms[0..<step - 1].sorted()
            return norms[step - 1] / before[before.count / 2]
        }
        let leap = Self.odd / 2 + 1
        let others = (17...Self.steps).filter { $0 != leap }.map(ratio).max() ?? 0
        try #require(ratio(leap) > 1.5 * others, "\(ratio(leap)) of the odd row, \(others) of others")
        return (ratio(leap) + others) / 2
    }

    @Test("a run goes back to its checkpoint and on behind the leap, as if the rows between had not been there")
    func leap() throws {
        try Places.temporary { directory in
            let (data, fewer) = (directory.appending("data.safetensors"), directory.appending("fewer.safetensors"))
            try writeRows(Self.rows, to: data, odd: Self.odd)
            // Back from step 41 to 35: rows 70 to 81 are passed over.
            try writeRows(Self.rows, to: fewer, odd: Self.odd, leavingOut: 70..<82)
            let calm = try finish(directory.appending("calm"), data)
            let option = ["--rollback-on-spike", "\(try factor(calm))"]
            let output = directory.appending("out")
            let outcome = try start(output, data, option)
            #expect(outcome.status == 0)
            let told = "back to step 35, the rows of 6 steps are passed over\n"
            #expect(outcome.errors.contains(told) && outcome.errors.contains("warning: step 41: loss "))
            let run = try TrainedRun(output)
            #expect(run.summary["rollbacks"] == 1 && run.summary["steps"] == Double(Self.steps))
            let records = run.metrics.filter { $0["rollbacks"] != nil }
            #expect(records.map { $0["step"] } == [35] && records.map { $0["rollback_from_step"] } == [41])
            #expect(records.map { $0["rollback_grad_norm"] } == [calm.metrics[40]["grad_norm"]])
            #expect(run.metrics.prefix(35).map { $0["loss"] } == calm.metrics.prefix(35).map { $0["loss"] })
            expectSame(steps(run), try finish(directory.appending("fewer"), fewer), steps: Self.steps)
            // On two ranks alike.
            guard Launch.testsRankRuns else { return }
            expectSame(
                steps(try finish(directory.appending("two"), data, option, ranks: 2)),
                steps(run),
                steps: Self.steps
            )
        }
    }

    @Test(
        "a run that has gone back, is killed and resumed has the bits of one that was not killed",
        arguments: [35, 49]
    )
    func resumed(step: Int) throws {
        try Places.temporary { directory in
            let data = directory.appending("data.safetensors")
            try writeRows(Self.rows, to: data, odd: Self.odd)
            let option = ["--rollback-on-spike", "\(try factor(finish(directory.appending("calm"), data)))"]
            let whole = try finish(directory.appending("whole"), data, option)
            let output = directory.appending("killed")
            // What it finds after a kill between that checkpoint and the next: all later ones are gone.
            _ = try finish(output, data, option)
            for later in stride(from: step + 7, to: Self.steps, by: 7) {
                try FileManager.default.removeItem(atPath: output.appending("checkpoint-\(later)").string)
            }
            try FileManager.default.removeItem(atPath: output.appending("model.safetensors").string)
            let resumed = try finish(output, data, option + ["--resume"])
            #expect(resumed.weights == whole.weights && resumed.weights.count == 29)
            #expect(resumed.metrics.map { $0["loss"] } == whole.metrics.map { $0["loss"] })
            #expect(resumed.metrics.map { $0["rollbacks"] } == whole.metrics.map { $0["rollbacks"] })
            #expect(resumed.summary["rollbacks"] == 1)
        }
    }

    @Test("a run that has gone back and is resumed without the flag has the reference of all rows that it takes")
    func resumedWithoutFlag() throws {
        try Places.temporary { directory in
            let data = directory.appending("data.safetensors")
            // Steps take 110 rows of 120; those that are skipped move the last steps to rows behind them.
            try writeRows(Self.rows, to: data, odd: Self.odd)
            let option = ["--rollback-on-spike", "\(try factor(finish(directory.appending("calm"), data)))"]
            let output = directory.appending("out")
            let whole = try finish(output, data, option)
            try #require(whole.summary["rollbacks"] == 1)
            let resumed = try finish(output, data, ["--resume"])
            #expect(resumed.metrics.map { $0["loss"] } == whole.metrics.map { $0["loss"] })
            #expect(resumed.weights == whole.weights && resumed.weights.count == 29)
        }
    }

    @Test("a run that is resumed with the flag judges a step by those before it, also by those it took without")
    func flagAdded() throws {
        try Places.temporary { directory in
            let (data, output) = (directory.appending("data.safetensors"), directory.appending("out"))
            try writeRows(Self.rows, to: data, odd: Self.odd)
            // Without the flag until the checkpoint before the leap.
            let option = ["--rollback-on-spike", "\(try factor(finish(output, data)))"]
            for later in [42, 49] {
                try FileManager.default.removeItem(atPath: output.appending("checkpoint-\(later)").string)
            }
            let resumed = try finish(output, data, option + ["--resume"])
            #expect(resumed.summary["rollbacks"] == 1)
            let whole = try finish(directory.appending("whole"), data, option)
            #expect(resumed.weights == whole.weights && resumed.weights.count == 29)
        }
    }

    @Test("a run that goes back again and again ends; without a checkpoint it is told of the leap and goes on")
    func limit() throws {
        try Places.temporary { directory in
            let data = directory.appending("data.safetensors")
            try writeRows(Self.rows, to: data, odd: Self.odd)
            let option = ["--rollback-on-spike", "1.000001"]
            let ended = try start(directory.appending("out"), data, option)
            #expect(ended.status == 1)
            let reason =
                "loss or gradient norm has leapt again, after 10 returns to a checkpoint; lower --learning-rate"
            #expect(ended.errors.contains(reason), "\(ended.errors)")
            let seldom = try start(directory.appending("seldom"), data, option + ["--save-steps", "1000"])
            #expect(seldom.status == 0)
            #expect(seldom.errors.contains("no checkpoint to go back to, the run goes on\n"), "\(seldom.errors)")
            let refused = try start(directory.appending("none"), data, ["--rollback-on-spike", "1"])
            #expect(refused.status == 64)
            #expect(refused.errors == "error: rollback_on_spike must be a finite number above 1, found 1.0\n")
        }
    }
}
