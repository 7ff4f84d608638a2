internal import Foundation
internal import Formats
internal import SystemPackage
internal import TestSupport
internal import Testing

/// The numbers of one line of `metrics.jsonl`, or of `summary.json`.
typealias Metrics = [String: Double]

extension Metrics {
    init(json: some StringProtocol) throws {
        let object = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any] ?? [:]
        self = object.compactMapValues { ($0 as? NSNumber)?.doubleValue }
    }
}

/// The output of `espalier train`.
struct TrainedRun {
    /// The lines of `metrics.jsonl` for steps.
    let metrics: [Metrics]
    /// The lines of `metrics.jsonl` for evaluations.
    let evaluations: [Metrics]
    let summary: Metrics
    /// The weights of the trained model, or of its adapter, by tensor name.
    let weights: [String: [Float]]
}

/// Trains the tiny tied model on its golden data: two epochs of six examples in steps of four and two.
///
/// AdamW's epsilon is large, so that updates do not amplify the rounding of gradients near zero.
func train(ranks: Int? = nil, _ arguments: [String] = [], golden: Golden = .tied) throws -> TrainedRun {
    try Places.temporary { directory in
        let settings = directory.appending("settings.yaml")
        try "adam_epsilon: 0.001\nseed: 7\nbeta: 0.5\nlearning_rate: 0.01\n"
            .write(toFile: settings.string, atomically: true, encoding: .utf8)
        let output = directory.appending("out")
        let outcome = try Launch.run(
            "espalier",
            [
                "train", "--config", settings.string, "--model", golden.directory.string, "--data", golden.file.string,
                "--output", output.string, "--global-batch-size", "4", "--num-train-epochs", "2",
            ] + (arguments.contains("--threads") ? [] : ["--threads", "1"]) + arguments,
            ranks: ranks ?? 1,
            solo: ranks == nil
        )
        guard outcome.status == 0 else { throw Failure(description: outcome.errors) }
        return try TrainedRun(output)
    }
}

/// Whether the processor multiplies bfloat16 in registers, as the kernel reports it.
func hasBFloat16Instruction() throws -> Bool {
    try String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8).contains("avx512_bf16")
}

struct Failure: Error, CustomStringConvertible {
    let description: String
}

extension TrainedRun {
    init(_ directory: FilePath) throws {
        let lines = try String(contentsOfFile: directory.appending("metrics.jsonl").string, encoding: .utf8)
        let records = try lines.split(separator: "\n").map { try Metrics(json: $0) }
        metrics = records.filter { $0["eval_loss"] == nil }
        evaluations = records.filter { $0["eval_loss"] != nil }
        summary = try Metrics(json: String(contentsOfFile: directory.appending("summary.json").string, encoding: .utf8))
        let adapter = directory.appending("adapter_model.safetensors")
        weights = try storedValues(exists(adapter) ? adapter : directory.appending("model.safetensors"))
    }
}

/// The values of every tensor of a file in float32, by name.
func storedValues(_ path: FilePath) throws -> [String: [Float]] {
    let file = try SafetensorsFile(path)
    return try Dictionary(
        uniqueKeysWithValues: file.tensors.map { name, info in
            let values = try [Float](unsafeUninitializedCapacity: info.elementCount) { buffer, count in
                var span = buffer.mutableSpan
                try file.read(name, shape: info.shape, into: &span)
                count = info.elementCount
            }
            return (name, values)
        }
    )
}

private let comparedMetrics = [
    "loss", "grad_norm", "rewards/chosen", "rewards/rejected", "rewards/margins", "logps/chosen", "logps/rejected",
    "entropy", "mean_token_accuracy", "learning_rate", "tokens_unshared",
]

/// Expects that two runs of the tied tiny model differ only by rounding, in metrics and weights.
///
/// - Parameter tensors: The number of trained tensors.
func expectSame(_ run: TrainedRun, _ other: TrainedRun, steps: Int = 4, tensors: Int = 29) {
    #expect(run.metrics.count == steps && other.metrics.count == steps)
    for (step, (found, expected)) in zip(run.metrics, other.metrics).enumerated() {
        for name in comparedMetrics {
            guard let a = found[name], let b = expected[name] else {
                Issue.record("step \(step): \(name) is missing")
                continue
            }
            // Rewards start at 0: the tolerance is relative to the operands of their differences.
            let size = name.hasPrefix("rewards") ? max(abs(b), 1) : abs(b)
            #expect(abs(a - b) <= 1e-5 * size, "step \(step): \(name) \(a) and \(b)")
        }
    }
    #expect(run.weights.count == other.weights.count && run.weights.count == tensors)
    for (name, values) in run.weights {
        let expected = other.weights[name] ?? []
        let error = zip(values, expected).reduce(0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }.squareRoot()
        let size = expected.reduce(0) { $0 + Double($1 * $1) }.squareRoot()
        #expect(values.count == expected.count && error <= 1e-5 * size, "\(name): \(error / size)")
    }
}
