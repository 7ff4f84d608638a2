internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Runs that roll back at spikes of loss or gradient norm.
@Suite(.serialized)
struct RollbackTests {
    private static let rows = 120
    /// An example with one response much longer than the others: its gradient is more than ten times as large.
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

    /// The run without its records of rollbacks.
    private func steps(_ run: TrainedRun) -> TrainedRun {
        let metrics = run.metrics.filter { $0["rollbacks"] == nil }
        return TrainedRun(metrics: metrics, evaluations: [], summary: run.summary, weights: run.weights)
    }

    /// A factor that only the step of the odd example exceeds.
    private func factor(_ plain: TrainedRun) throws -> Double {
        let norms = plain.metrics.compactMap { $0["grad_norm"] }
        func ratio(_ step: Int) -> Double {
            let before = norms[0..<step - 1].sorted()
            return norms[step - 1] / before[before.count / 2]
        }
        let spike = Self.odd / 2 + 1
        let others = (17...Self.steps).filter { $0 != spike }.map(ratio).max() ?? 0
        try #require(ratio(spike) > 1.5 * others, "\(ratio(spike)) of the odd example, \(others) of others")
        return (ratio(spike) + others) / 2
    }

    @Test("a run rolls back to its checkpoint and continues after the spike, as if the examples between did not exist")
    func spike() throws {
        try Places.temporary { directory in
            let (data, fewer) = (directory.appending("data.safetensors"), directory.appending("fewer.safetensors"))
            try writeExamples(Self.rows, to: data, odd: Self.odd)
            // Back from step 41 to 35: examples 70 to 81 are skipped.
            try writeExamples(Self.rows, to: fewer, odd: Self.odd, leavingOut: 70..<82)
            let plain = try finish(directory.appending("plain"), data)
            let option = ["--rollback-on-spike", "\(try factor(plain))"]
            let output = directory.appending("out")
            let outcome = try start(output, data, option + ["--report-to", "tensorboard"])
            #expect(outcome.status == 0)
            let notice = "rolled back to step 35, the examples of 6 steps are skipped\n"
            #expect(outcome.errors.contains(notice) && outcome.errors.contains("warning: step 41: loss "))
            let run = try TrainedRun(output)
            #expect(run.summary["rollbacks"] == 1 && run.summary["steps"] == Double(Self.steps))
            let records = run.metrics.filter { $0["rollbacks"] != nil }
            #expect(records.map { $0["step"] } == [35] && records.map { $0["rollback_from_step"] } == [41])
            #expect(records.map { $0["rollback_grad_norm"] } == [plain.metrics[40]["grad_norm"]])
            // TensorBoard drops the abandoned steps too.
            let events = try EventFiles(try #require(try eventDirectories(output).first))
            let differences = try events.differences(from: output.appending("metrics.jsonl"))
            #expect(differences == [])
            #expect(events.starts == [0, 36])
            #expect(run.metrics.prefix(35).map { $0["loss"] } == plain.metrics.prefix(35).map { $0["loss"] })
            expectSame(steps(run), try finish(directory.appending("fewer"), fewer), steps: Self.steps)
            // The same on two ranks.
            guard Launch.testsRankRuns else { return }
            expectSame(
                steps(try finish(directory.appending("two"), data, option, ranks: 2)),
                steps(run),
                steps: Self.steps
            )
        }
    }

    @Test(
        "a run that rolled back, was killed and resumed has the bits of one that was not killed",
        arguments: [35, 49]
    )
    func resumed(step: Int) throws {
        try Places.temporary { directory in
            let data = directory.appending("data.safetensors")
            try writeExamples(Self.rows, to: data, odd: Self.odd)
            let option = ["--rollback-on-spike", "\(try factor(finish(directory.appending("plain"), data)))"]
            let whole = try finish(directory.appending("whole"), data, option)
            let output = directory.appending("killed")
            // The state after a kill between that checkpoint and the next: all later ones are removed.
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

    @Test("a run that has rolled back and resumes without the setting has the reference of all examples that it visits")
    func resumedWithoutFlag() throws {
        try Places.temporary { directory in
            let data = directory.appending("data.safetensors")
            // Steps take 110 of 120 examples; skipped ones move the last steps to the remaining ones.
            try writeExamples(Self.rows, to: data, odd: Self.odd)
            let option = ["--rollback-on-spike", "\(try factor(finish(directory.appending("plain"), data)))"]
            let output = directory.appending("out")
            let whole = try finish(output, data, option)
            try #require(whole.summary["rollbacks"] == 1)
            try reopen(output)
            let resumed = try finish(output, data, ["--resume"])
            #expect(resumed.metrics.map { $0["loss"] } == whole.metrics.map { $0["loss"] })
            #expect(resumed.weights == whole.weights && resumed.weights.count == 29)
        }
    }

    @Test("a run that resumes with the setting compares a step with those before it, including those without it")
    func flagAdded() throws {
        try Places.temporary { directory in
            let (data, output) = (directory.appending("data.safetensors"), directory.appending("out"))
            try writeExamples(Self.rows, to: data, odd: Self.odd)
            // Without the setting until the checkpoint before the spike.
            let option = ["--rollback-on-spike", "\(try factor(finish(output, data)))"]
            for later in [42, 49] {
                try FileManager.default.removeItem(atPath: output.appending("checkpoint-\(later)").string)
            }
            try reopen(output)
            let resumed = try finish(output, data, option + ["--resume"])
            #expect(resumed.summary["rollbacks"] == 1)
            let whole = try finish(directory.appending("whole"), data, option)
            #expect(resumed.weights == whole.weights && resumed.weights.count == 29)
        }
    }

    @Test("a run that rolls back repeatedly fails; without a checkpoint it reports the spike and continues")
    func limit() throws {
        try Places.temporary { directory in
            let data = directory.appending("data.safetensors")
            try writeExamples(Self.rows, to: data, odd: Self.odd)
            let option = ["--rollback-on-spike", "1.000001"]
            let ended = try start(directory.appending("out"), data, option)
            #expect(ended.status == 1)
            let reason =
                "loss or gradient norm spiked again after 10 rollbacks; lower --learning-rate"
            #expect(ended.errors.contains(reason), "\(ended.errors)")
            let seldom = try start(directory.appending("seldom"), data, option + ["--save-steps", "1000"])
            #expect(seldom.status == 0)
            #expect(seldom.errors.contains("no checkpoint to roll back to, the run continues\n"), "\(seldom.errors)")
            let refused = try start(directory.appending("none"), data, ["--rollback-on-spike", "1"])
            #expect(refused.status == 64)
            #expect(refused.errors == "error: rollback_on_spike must be a finite number above 1, found 1.0\n")
        }
    }
}
