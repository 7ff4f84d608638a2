internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Runs of the tiny tied model that are long enough to be stopped, with a checkpoint every five steps.
enum LongRun {
    static let steps = 120

    /// Trains into `output`; its settings are written next to it.
    static func start(
        _ output: FilePath,
        _ more: [String] = [],
        ranks: Int? = nil,
        watch: (Int32) -> Bool = { _ in true }
    ) throws -> Outcome {
        let settings = output.removingLastComponent().appending("settings.yaml")
        try "adam_epsilon: 0.001\nbeta: 0.5\nlearning_rate: 0.01\nsave_steps: 5\nmax_steps: \(steps)\n"
            .write(toFile: settings.string, atomically: true, encoding: .utf8)
        let golden = Golden.tied
        return try Launch.run(
            "espalier",
            [
                "train", "--config", settings.string, "--model", golden.directory.string, "--data", golden.file.string,
                "--output", output.string, "--global-batch-size", "4", "--threads", "1",
            ] + more,
            ranks: ranks ?? 1,
            solo: ranks == nil,
            watch: watch
        )
    }

    /// Trains into `output`, and reads what the run has written.
    static func finish(_ output: FilePath, _ more: [String] = [], ranks: Int? = nil) throws -> TrainedRun {
        let outcome = try start(output, more, ranks: ranks)
        guard outcome.status == 0 else { throw Failure(description: outcome.errors) }
        return try TrainedRun(output)
    }
}

/// Sends a signal as soon as a file exists.
func send(_ signal: Int32, when file: FilePath) -> (Int32) -> Bool {
    { process in
        guard exists(file) else { return false }
        kill(process, signal)
        return true
    }
}

/// The directory of a run's checkpoint.
func checkpoint(_ output: FilePath, _ step: Int) -> FilePath { output.appending("checkpoint-\(step)") }

/// The steps of a run's checkpoints, ascending.
func checkpoints(_ output: FilePath) throws -> [Int] {
    try FileManager.default.contentsOfDirectory(atPath: output.string)
        .compactMap { $0.hasPrefix("checkpoint-") ? Int($0.dropFirst(11)) : nil }.sorted()
}

extension Metrics {
    /// The metrics that do not depend on time.
    var timeless: Metrics {
        let clocks = ["seconds", "second", "runtime", "mfu", "measured_imbalance"]
        return filter { name, _ in !clocks.contains { name.hasSuffix($0) } }
    }
}

/// Expects the same bits of two runs of the tied tiny model: of every weight, and of every metric that is no time.
///
/// - Parameter tensors: The number of trained tensors.
func expectSameBits(_ run: TrainedRun, _ other: TrainedRun, steps: Int = LongRun.steps, tensors: Int = 29) {
    #expect(run.metrics.map { $0["step"] } == (1...steps).map(Double.init))
    #expect(run.weights == other.weights && run.weights.count == tensors)
    #expect(run.metrics.map(\.timeless) == other.metrics.map(\.timeless))
    #expect((run.metrics.first?.timeless.count ?? 0) > 10)
    #expect(run.evaluations.map(\.timeless) == other.evaluations.map(\.timeless))
    for name in ["steps", "pairs", "tokens_computed", "loss", "best_metric", "best_global_step", "evaluations"] {
        #expect(run.summary[name] == other.summary[name], "\(name)")
    }
}
