internal import Formats
internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Steps whose loss or gradient is not finite.
@Suite(.serialized)
struct SkippingTests {
    private let golden = Golden.freeHead

    /// A reference cache in which the log-probabilities of some examples are infinite, so that their loss is NaN.
    private func brokenCache(in directory: FilePath, examples: Range<Int>) throws -> FilePath {
        let cache = directory.appending("reference.safetensors")
        let outcome = try Launch.run(
            "espalier",
            [
                "evaluate", "--model", golden.directory.string, "--data", golden.file.string, "--threads", "1",
                "--reference-cache", cache.string,
            ],
            solo: true
        )
        #expect(outcome.status == 0, "\(outcome.errors)")
        let (file, data) = (try SafetensorsFile(cache), try SafetensorsFile(golden.expected))
        let responses = try data.int64s("row_offsets").map { Int($0) }
        let offsets = try data.int64s("response_offsets").map { Int($0) }
        var tokens = try file.float32s("token_logps")
        let broken = offsets[responses[examples.lowerBound]]..<offsets[responses[examples.upperBound]]
        for index in broken { tokens[index] = -.infinity }
        var digest = Digest()
        digest.update(tokens)
        var metadata = file.metadata
        metadata["logps_digest"] = digest.hexadecimal
        try SafetensorsWriter.write([SafetensorsEntry(name: "token_logps", tokens)], metadata: metadata, to: cache)
        return cache
    }

    private func run(_ cache: FilePath, _ output: FilePath, _ arguments: [String]) throws -> Outcome {
        try Launch.run(
            "espalier",
            [
                "train", "--model", golden.directory.string, "--data", golden.file.string, "--output", output.string,
                "--threads", "1", "--global-batch-size", "1", "--no-shuffle", "--self-check", "0",
                "--reference-cache", cache.string,
            ] + arguments,
            solo: true
        )
    }

    @Test("an example with non-finite loss stops the run and is named, or is skipped and counted if allowed")
    func row() throws {
        try Places.temporary { directory in
            let output = directory.appending("out")
            let cache = try brokenCache(in: directory, examples: 3..<4)
            let fault =
                "step 4: loss nan, gradient norm nan, not finite for example 3 of the data; the model was neither "
                + "updated nor written; lower --learning-rate, or check the weights\n"
            let stopped = try run(cache, output, [])
            #expect(stopped.status == 1)
            #expect(stopped.errors.hasSuffix("error: " + fault), "\(stopped.errors)")
            let skipped = try run(cache, output, ["--max-skipped", "1"])
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
            let cache = try brokenCache(in: directory, examples: 0..<6)
            let outcome = try run(cache, directory.appending("out"), ["--max-skipped", "2"])
            #expect(outcome.status == 1)
            let lines = outcome.errors.split(separator: "\n")
            #expect(lines.filter { $0.hasPrefix("warning: skipped: step ") }.count == 2, "\(outcome.errors)")
            #expect(lines.last?.hasPrefix("error: step 3: ") == true, "\(outcome.errors)")
        }
    }
}
