internal import Formats
internal import Foundation
internal import Glibc
internal import SystemPackage
internal import TestSupport
internal import Testing
internal import Transformer

/// Models that are trained in bfloat16, with master weights in float32.
@Suite(.serialized)
struct HalfTrainingTests {
    private static let half = ["--dtype", "bfloat16"]
    /// All examples in every step, and a loss without a reference, so that a step depends on its weights only.
    private static let plain = ["--global-batch-size", "6", "--loss-type", "simpo", "--lr-scheduler-type", "constant"]

    /// The tied model in bfloat16.
    private func source(in directory: FilePath) throws -> FilePath {
        let source = directory.appending("source")
        if !exists(source) { try TypedModel.write(.tied, as: .bfloat16, to: source) }
        return source
    }

    private func tune(_ model: FilePath, to output: FilePath, _ arguments: [String]) throws -> TrainedRun {
        let words = ["train", "--model", model.string, "--data", Golden.tied.file.string, "--output", output.string]
        try espalier(words + ["--learning-rate", "0.01", "--adam-epsilon", "1e-3"] + arguments)
        return try TrainedRun(output)
    }

    @Test("every step computes what a float32 run computes of the masters, rounded by thresholds")
    func rounded() throws {
        try Places.temporary { directory in
            let (source, output) = (try source(in: directory), directory.appending("out"))
            let options = Self.plain + ["--max-steps", "3", "--save-steps", "1"]
            let run = try tune(source, to: output, options + Self.half)
            for step in 0..<3 {
                let model = step == 0 ? source : directory.appending("rounded-\(step)")
                if step > 0 { try Dithering.write(from: checkpoint(output, step), to: model) }
                let exact = try tune(model, to: directory.appending("\(step)"), Self.plain + ["--max-steps", "1"])
                for name in ["loss", "grad_norm", "logps/chosen", "logps/rejected"] {
                    let (a, b) = (try #require(run.metrics[step][name]), try #require(exact.metrics[0][name]))
                    #expect(abs(a - b) <= 1e-5 * abs(b), "step \(step + 1), \(name): \(a) and \(b)")
                }
            }
        }
    }

    @Test("updates below the spacing of bfloat16 are learned at once, and written by thresholds of the same numbers")
    func small() throws {
        try Places.temporary { directory in
            let source = try source(in: directory)
            // 24 updates of at most 1e-6, of numbers whose spacing is mostly 1e-4 and more.
            let options = Self.plain + ["--learning-rate", "1e-6", "--adam-epsilon", "1e-8", "--max-steps", "24"]
            func run(_ name: String, _ more: [String]) throws -> TrainedRun {
                try tune(source, to: directory.appending(name), options + more)
            }
            let exact = try run("exact", ["--save-dtype", "float32"])
            let masters = try run("masters", Self.half + ["--save-dtype", "float32"])
            let nearest = try #require(exact.metrics.first?["loss"])
            let learned = nearest - (try #require(exact.metrics.last?["loss"]))
            let found = nearest - (try #require(masters.metrics.last?["loss"]))
            #expect(learned > 0 && abs(found - learned) < 0.1 * learned, "\(found) of \(learned)")
            #expect(masters.weights.count == 29)
            let layout = try ModelDescription(directory: source).parameters.trained
            for (type, name) in [(ElementType.bfloat16, "bfloat16"), (.float16, "float16")] {
                let written = try run(name, Self.half + ["--save-dtype", name])
                for tensor in layout.tensors {
                    let values = try #require(masters.weights[tensor.name])
                    let expected = Dithering.rounded(values, from: tensor.offset, type)
                    #expect(try #require(written.weights[tensor.name]) == expected, "\(tensor.name)")
                }
            }
        }
    }

    @Test(
        "a run evaluates its masters, rounded by thresholds, also of a float32 model",
        arguments: [[], ["best"]],
        [ElementType.bfloat16, .float32]
    )
    func evaluated(best: [String], type: ElementType) throws {
        try Places.temporary { directory in
            let source = type == .float32 ? Golden.tied.directory : try source(in: directory)
            let output = directory.appending("out")
            let keeps = best.isEmpty ? [] : ["--load-best-model-at-end", "--metric-for-best-model", "rewards/rejected"]
            let evaluations = ["--max-steps", "4", "--eval-data", Golden.tied.file.string, "--eval-steps", "2"]
            let masters = ["--save-dtype", "float32"]
            let run = try tune(source, to: output, Self.half + evaluations + keeps + masters)
            let model = directory.appending("rounded")
            try Dithering.write(from: output, to: model)
            let words = ["evaluate", "--model", model.string, "--reference-model", source.string]
            let outcome = try espalier(words + Self.half + ["--data", Golden.tied.file.string])
            let found = try Metrics(json: outcome.output)
            let step = best.isEmpty ? 4 : try #require(run.summary["best_global_step"])
            let expected = try #require(run.evaluations.first { $0["step"] == step })
            #expect(step < 4 || best.isEmpty)
            for name in ["eval_loss", "eval_rewards/margins", "eval_logps/chosen", "eval_logps/rejected"] {
                let (a, b) = (try #require(found[name]), try #require(expected[name]))
                #expect(abs(a - b) <= 2e-6 * abs(b) && b != 0, "\(name): \(a) and \(b)")
            }
        }
    }

    @Test(
        "a run that is killed, or stopped, and resumed has the bits of an uninterrupted one",
        arguments: [SIGKILL, SIGUSR1]
    )
    func resumed(signal: Int32) throws {
        try Places.temporary { directory in
            let (uninterrupted, output) = (directory.appending("uninterrupted"), directory.appending("stopped"))
            let options = Self.half + ["--max-steps", "40", "--save-dtype", "float32"]
            let stopped = try LongRun.start(output, options, watch: send(signal, when: checkpoint(output, 10)))
            #expect(stopped.status == (signal == SIGKILL ? SIGKILL : 75))
            let resumed = try LongRun.finish(output, options + ["--resume"])
            let expected = try LongRun.finish(uninterrupted, options)
            expectSameBits(resumed, expected, steps: 40)
            #expect(expected.weights.values.contains { $0.contains { $0.bitPattern & 0xFFFF != 0 } }, "the masters")
        }
    }

    @Test(
        "a run of four shards has the same bits on 1, 2 and 4 ranks, stopped and resumed too",
        .enabled(if: Launch.testsRankRuns, "needs mpirun, optimized")
    )
    func ranks() throws {
        try Places.temporary { directory in
            let small = ["--shards", "4", "--max-steps", "12", "--ddp-bucket-cap-mb", "0.03125"]
            let options = Self.half + small + ["--save-dtype", "float32"]
            let alone = try LongRun.finish(directory.appending("1"), options, ranks: 1)
            for ranks in [2, 4] {
                let output = directory.appending("\(ranks)")
                expectSameBits(try LongRun.finish(output, options, ranks: ranks), alone, steps: 12)
                // From the checkpoint of step 5, on other ranks.
                try FileManager.default.removeItem(atPath: checkpoint(output, 10).string)
                try reopen(output)
                let resumed = try LongRun.finish(output, options + ["--resume"], ranks: 6 - ranks)
                expectSameBits(resumed, alone, steps: 12)
            }
            let stopped = directory.appending("stopped")
            let signal = send(SIGUSR1, when: checkpoint(stopped, 5))
            let long = Self.half + ["--max-steps", "100", "--save-dtype", "float32"]
            #expect(try LongRun.start(stopped, long, ranks: 2, watch: signal).status == 75)
            let resumed = try LongRun.finish(stopped, long + ["--resume"], ranks: 2)
            expectSameBits(resumed, try LongRun.finish(directory.appending("long"), long, ranks: 2), steps: 100)
        }
    }

    @Test("sharing, packing, recomputation and threads do not change a run beyond rounding")
    func invariant() throws {
        // The second step computes with rounded masters, of which a few pass their thresholds for another rounding of the sums.
        let options = Self.half + ["--max-steps", "2", "--save-dtype", "float32", "--global-batch-size", "6"]
        let plain = try train(["--sharing", "none", "--row-tokens", "64"] + options)
        for other in [["--threads", "3"], ["--sharing", "prompt", "--row-tokens", "200", "--recompute"]] {
            let run = try train(other + options)
            expectSame(run, plain, steps: 2)
        }
    }

    @Test("a norm that bfloat16 cannot hold is refused with its place, like a matrix")
    func range() throws {
        try Places.temporary { directory in
            let model = directory.appending("model")
            let name = "model.layers.1.input_layernorm.weight"
            try FileManager.default.copyItem(atPath: Golden.tied.directory.string, toPath: model.string)
            let file = model.appending("model.safetensors")
            let entries = try storedValues(file).map { tensor, values in
                var values = values
                if tensor == name { values[3] = 3.4e38 }
                let shape = try SafetensorsFile(file).info(tensor).shape
                return SafetensorsEntry(name: tensor, shape: shape) { [values] in try $0(values.span) }
            }
            try SafetensorsWriter.write(entries, metadata: ["format": "pt"], to: file)
            let refusal = try TinyRuns(output: directory.appending("out")).refusal(
                ["--model", model.string] + Self.half
            )
            let expected =
                "tensor \(name): expected numbers within the range of bfloat16, found 3.4e+38 at [3]; use float32"
            #expect(refusal.hasSuffix(expected), "\(refusal)")
        }
    }

    @Test("weights that are not finite are neither saved nor written", arguments: [[], half])
    func notFinite(type: [String]) throws {
        try Places.temporary { directory in
            let runs = TinyRuns(output: directory.appending("out"))
            for (name, options) in [
                ("written", ["--max-steps", "1"]), ("saved", ["--max-steps", "2", "--save-steps", "1"]),
            ] {
                let outcome = try runs.start(type + options + ["--learning-rate", "3.399e38"])
                let error =
                    "error: after step 1 the weights are not finite, in tensor model.norm.weight; nothing was written"
                #expect(outcome.status == 1 && outcome.errors.contains(error), "\(name): \(outcome.errors)")
                #expect(!runs.exists("model.safetensors") && !runs.exists("checkpoint-1"))
            }
        }
    }

    @Test("a run does not resume in a type with other numbers, and does in one with the same")
    func otherType() throws {
        try Places.temporary { directory in
            let runs = TinyRuns(output: directory.appending("out"))
            let model = ["--model", try source(in: directory).string]
            try runs.finish(model + Self.half + ["--max-steps", "3", "--save-steps", "2"])
            try reopen(runs.output)
            for type in [[], ["--dtype", "float32"]] {
                let refusal = try runs.refusal(model + type + ["--max-steps", "3", "--resume"])
                #expect(refusal.contains("dtype: \"bfloat16\", this run has \"auto\""), "\(refusal)")
            }
            let exact = TinyRuns(output: directory.appending("exact"))
            try exact.finish(model + ["--max-steps", "3", "--save-steps", "2"])
            try reopen(exact.output)
            try exact.finish(model + ["--dtype", "float32", "--max-steps", "3", "--resume"])
        }
    }
}
