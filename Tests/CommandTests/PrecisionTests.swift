internal import Compute
internal import Formats
internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Runs whose products round their operands to bfloat16.
///
/// The scalar model of an instruction computes on any processor.
@Suite(.serialized)
struct PrecisionTests {
    private static let model = ["ESPALIER_PRODUCTS": "bfloat16-model"]
    private static let half = ["--precision", "bfloat16"]

    private func start(
        _ output: FilePath,
        _ arguments: [String],
        ranks: Int? = nil,
        variables: [String: String] = model
    ) throws -> Outcome {
        let golden = Golden.tied
        let words = [
            "train", "--model", golden.directory.string, "--data", golden.file.string, "--output", output.string,
            "--global-batch-size", "4", "--learning-rate", "0.01", "--adam-epsilon", "1e-3",
        ]
        return try Launch.run(
            "espalier",
            words + arguments,
            ranks: ranks ?? 1,
            solo: ranks == nil,
            variables: variables
        )
    }

    private func train(
        _ output: FilePath,
        _ arguments: [String],
        ranks: Int? = nil,
        variables: [String: String] = model
    ) throws -> TrainedRun {
        let outcome = try start(output, arguments, ranks: ranks, variables: variables)
        guard outcome.status == 0 else { throw Failure(description: outcome.errors) }
        return try TrainedRun(output)
    }

    private func error(of outcome: Outcome) throws -> String {
        guard outcome.status == 64 else { throw Failure(description: "\(outcome.status): \(outcome.errors)") }
        return outcome.errors
    }

    private func text(_ output: FilePath, _ name: String) throws -> String {
        try String(contentsOfFile: output.appending(name).string, encoding: .utf8)
    }

    @Test("a run in bfloat16 differs from float32 by the rounding of operands, in any sharing, packing and team")
    func rounded() throws {
        try Places.temporary { directory in
            let exact = try train(directory.appending("exact"), ["--max-steps", "3"], variables: [:])
            let settings: [[String]] = [
                ["--sharing", "none", "--row-tokens", "64"], ["--threads", "3"],
                ["--sharing", "prompt", "--row-tokens", "200", "--recompute"],
            ]
            for (index, setting) in settings.enumerated() {
                let output = directory.appending("\(index)")
                let run = try train(output, Self.half + setting + ["--max-steps", "3"])
                for (found, expected) in zip(run.metrics, exact.metrics) {
                    for name in ["loss", "grad_norm", "logps/chosen", "logps/rejected"] {
                        let (a, b) = (try #require(found[name]), try #require(expected[name]))
                        #expect(abs(a - b) < 0.03 * abs(b) && (a != b || name == "loss"), "\(name): \(a) and \(b)")
                    }
                }
                #expect(try text(output, "summary.json").contains("\"precision\": \"bfloat16\""))
                #expect(try text(output, "summary.json").contains("\"products\": \"bfloat16-model\""))
                #expect(try text(output, "espalier.yaml").contains("precision: bfloat16"))
            }
        }
    }

    @Test(
        "in bfloat16 a run of four shards has the same bits on 1, 2 and 4 ranks",
        .enabled(if: Launch.testsRankRuns, "needs mpirun, optimized")
    )
    func ranks() throws {
        try Places.temporary { directory in
            let options = Self.half + ["--shards", "4", "--max-steps", "6", "--ddp-bucket-cap-mb", "0.03125"]
            let runs = try [1, 2, 4].map { (ranks: Int) in
                try train(directory.appending("\(ranks)"), options + ["--threads", "1"], ranks: ranks)
            }
            for run in runs.dropFirst() { expectSameBits(run, runs[0], steps: 6) }
        }
    }

    @Test("a run resumes in the precision that it started with, and in no other")
    func resumption() throws {
        try Places.temporary { directory in
            let output = directory.appending("out")
            let options = ["--max-steps", "4", "--save-steps", "2"]
            let run = try train(output, Self.half + options)
            try reopen(output)
            let refused = try error(of: try start(output, options + ["--resume"], variables: [:]))
            #expect(refused.contains("precision: \"bfloat16\", this run has \"float32\""), "\(refused)")
            let auto = ["--precision", "auto"] + options
            let resumed = try train(output, auto + ["--resume"])
            expectSameBits(resumed, run, steps: 4)
            // With auto, whatever a measurement would choose now: without the variable the scalar model is not a candidate.
            let single = directory.appending("single")
            let exact = try train(single, auto, variables: ["ESPALIER_PRODUCTS": ProductKernel.float32.rawValue])
            let finished = try start(single, auto + ["--resume"], variables: [:])
            #expect(finished.status == 0, "\(finished.errors)")
            try reopen(single)
            expectSameBits(try train(single, auto + ["--resume"], variables: [:]), exact, steps: 4)
        }
    }

    @Test("a reference computed in another precision is not used")
    func reference() throws {
        try Places.temporary { directory in
            let cache = ["--reference-cache", directory.appending("reference.safetensors").string]
            let steps = ["--max-steps", "1"]
            _ = try train(directory.appending("1"), cache + steps, variables: [:])
            let refused = try error(of: try start(directory.appending("2"), Self.half + cache + steps))
            #expect(refused.contains("another model, --dtype or --precision"), "\(refused)")
            _ = try train(directory.appending("3"), cache + steps, variables: [:])
        }
    }

    @Test("a precision that the processor has no instruction for is refused, and auto computes in float32")
    func unavailable() throws {
        guard !ProductKernel.avx512BFloat16.isAvailable else { return print("skipped: the processor has AVX512-BF16") }
        try Places.temporary { directory in
            let steps = ["--max-steps", "1"]
            let refused = try error(of: try start(directory.appending("1"), Self.half + steps, variables: [:]))
            let expected = "precision must be float32 or auto, since the processor of a rank has no instructions"
            #expect(refused.contains(expected), "\(refused)")
            let output = directory.appending("2")
            _ = try train(output, ["--precision", "auto"] + steps, variables: [:])
            #expect(try text(output, "summary.json").contains("\"precision\": \"float32\""))
        }
    }

    @Test(
        "a method that does not exist, or not for the precision, is refused with what is expected",
        arguments: [
            ("fast", [], "ESPALIER_PRODUCTS must be one of openblas, portable"),
            ("portable", half, "the methods of this processor in bfloat16, found portable on rank 0"),
            ("amx-model", [], "the methods of this processor in float32, found amx-model on rank 0"),
        ]
    )
    func methods(name: String, options: [String], message: String) throws {
        try Places.temporary { directory in
            let variables = ["ESPALIER_PRODUCTS": name]
            let outcome = try start(directory.appending("out"), options + ["--max-steps", "1"], variables: variables)
            #expect(try error(of: outcome).contains(message), "\(outcome.errors)")
        }
    }

    @Test("each method computes the same run up to rounding", arguments: ["openblas", "portable"])
    func method(name: String) throws {
        try Places.temporary { directory in
            let options = ["--max-steps", "4"]
            let own = try train(directory.appending("own"), options, variables: [:])
            let variables = ["ESPALIER_PRODUCTS": name]
            let other = try train(directory.appending("other"), options, variables: variables)
            expectSame(other, own)
            #expect(try text(directory.appending("other"), "summary.json").contains("\"products\": \"\(name)\""))
        }
    }
}
