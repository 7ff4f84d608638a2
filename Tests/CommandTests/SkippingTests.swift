internal import Formats
internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Steps whose loss or gradient is not finite.
@Suite(.serialized)
struct SkippingTests {
    /// A token that occurs only in the prompt of example 3 of the golden data.
    private static let token = 12

    /// A copy of the model with an untied head in which one row of a tensor starts with NaN.
    private func brokenModel(in directory: FilePath, _ tensor: String, row: Int) throws -> FilePath {
        let (source, copy) = (Golden.freeHead.directory, directory.appending("model"))
        try FileManager.default.createDirectory(atPath: copy.string, withIntermediateDirectories: true)
        let configuration = "config.json"
        try FileManager.default.copyItem(
            atPath: source.appending(configuration).string,
            toPath: copy.appending(configuration).string
        )
        let file = try SafetensorsFile(source.appending("model.safetensors"))
        let entries = try file.tensors.values.map { info in
            var values = [Float](repeating: 0, count: info.elementCount)
            var span = values.mutableSpan
            try file.read(info.name, shape: info.shape, into: &span)
            if info.name == tensor { values[row * info.elementCount / info.shape[0]] = .nan }
            let elements = values
            return SafetensorsEntry(name: info.name, shape: info.shape) { try $0(elements.span) }
        }
        try SafetensorsWriter.write(entries, to: copy.appending("model.safetensors"))
        return copy
    }

    private func run(_ model: FilePath, _ output: FilePath, _ arguments: [String]) throws -> Outcome {
        try Launch.run(
            "espalier",
            [
                "train", "--model", model.string, "--data", Golden.freeHead.file.string, "--output", output.string,
                "--threads", "1", "--global-batch-size", "1", "--no-shuffle", "--self-check", "0",
            ] + arguments,
            solo: true
        )
    }

    @Test("an example with non-finite loss stops the run and is named, or is skipped and counted if allowed")
    func row() throws {
        try Places.temporary { directory in
            let output = directory.appending("out")
            let model = try brokenModel(in: directory, "model.embed_tokens.weight", row: Self.token)
            let fault =
                "step 4: loss nan, gradient norm nan, not finite for example 3 of the data; the model was neither "
                + "updated nor written; lower --learning-rate, or check the weights\n"
            let stopped = try run(model, output, [])
            #expect(stopped.status == 1)
            #expect(stopped.errors.hasSuffix("error: " + fault), "\(stopped.errors)")
            let skipped = try run(model, output, ["--max-skipped", "1"])
            #expect(skipped.status == 0, "\(skipped.errors)")
            #expect(skipped.errors.contains("warning: skipped: " + fault), "\(skipped.errors)")
            let trained = try TrainedRun(output)
            #expect(trained.metrics.map { $0["skipped_steps"] } == [nil, nil, nil, 1, nil, nil])
            #expect(trained.metrics.map { $0["loss"] == nil } == [false, false, false, true, false, false])
            #expect(trained.summary["skipped_steps"] == 1 && trained.summary["pairs"] ?? 0 > 0)
            #expect(trained.summary["loss"]?.isFinite == true)
        }
    }

    @Test("more consecutive non-finite steps than allowed stop the run")
    func tooMany() throws {
        try Places.temporary { directory in
            let model = try brokenModel(in: directory, "model.norm.weight", row: 0)
            let outcome = try run(model, directory.appending("out"), ["--max-skipped", "2"])
            #expect(outcome.status == 1)
            let lines = outcome.errors.split(separator: "\n")
            #expect(lines.filter { $0.hasPrefix("warning: skipped: step ") }.count == 2, "\(outcome.errors)")
            #expect(lines.last?.hasPrefix("error: step 3: ") == true, "\(outcome.errors)")
        }
    }
}
