internal import Foundation
internal import Formats
internal import SystemPackage
internal import TestSupport

/// One line of `metrics.jsonl`, or `summary.json`: its numbers.
typealias Metrics = [String: Double]

extension Metrics {
    init(json: some StringProtocol) throws {
        let object = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any] ?? [:]
        self = object.compactMapValues { ($0 as? NSNumber)?.doubleValue }
    }
}

/// What `espalier train` wrote.
struct TrainedRun {
    let metrics: [Metrics]
    let summary: Metrics
    /// Every weight of the trained model by its name.
    let weights: [String: [Float]]
}

/// Trains the tiny tied model on its golden data: two epochs of six rows in steps of four and two.
///
/// AdamW's epsilon is large, so that an update does not blow up the rounding of gradients that are almost zero.
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

struct Failure: Error, CustomStringConvertible {
    let description: String
}

extension TrainedRun {
    init(_ directory: FilePath) throws {
        let lines = try String(contentsOfFile: directory.appending("metrics.jsonl").string, encoding: .utf8)
        metrics = try lines.split(separator: "\n").map { try Metrics(json: $0) }
        summary = try Metrics(json: String(contentsOfFile: directory.appending("summary.json").string, encoding: .utf8))
        let file = try SafetensorsFile(directory.appending("model.safetensors"))
        weights = try Dictionary(
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
}
