internal import Formats
internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Runs on a model in shards, which also holds a tied projection and tensors that are not trained.
@Suite(.serialized)
struct ShardedOutputTests {
    private static let frequencies = (0..<3).map { "model.layers.\($0).self_attn.rotary_emb.inv_freq" }
    private static let records = [
        "README.md", "config.json", "espalier-run.json", "espalier.yaml", "metrics.jsonl", "report.html",
        "summary.json",
    ]
    private static let weights = ShardedModel.shards + [WeightFiles.index]

    private func model(in directory: FilePath) throws -> ShardedModel {
        let embedding = "model.embed_tokens.weight"
        let file = try SafetensorsFile(Golden.tied.directory.appending("model.safetensors"))
        let (values, shape) = (try file.float32s(embedding), try file.info(embedding).shape)
        let head = SafetensorsEntry(name: "lm_head.weight", shape: shape) { try $0(values.span) }
        let frequencies = Self.frequencies.map { bfloat16Entry($0, count: 4) }
        return try ShardedModel(of: .tied, in: directory.appending("source"), adding: [head] + frequencies)
    }

    private func withModel(_ body: (ShardedModel, TinyRuns) throws -> Void) throws {
        try Places.temporary { try body(try model(in: $0), TinyRuns(output: $0.appending("out"))) }
    }

    private func arguments(_ model: ShardedModel, _ more: [String] = []) -> [String] {
        ["--model", model.directory.string, "--max-steps", "3"] + more
    }

    /// Expects the files and tensors of the model, with float32 weights and copies of what is not trained.
    private func expectLayout(_ directory: FilePath, of model: ShardedModel) throws {
        let (written, source) = (try storedTensors(directory), try storedTensors(model.directory))
        for (shard, names) in model.tensors {
            #expect(try Set(SafetensorsFile(directory.appending(shard)).tensors.keys) == names)
        }
        for name in Self.frequencies { #expect(written[name] == source[name] && written[name]?.isEmpty == false) }
        #expect(written["lm_head.weight"] == written["model.embed_tokens.weight"])
        #expect(written["lm_head.weight"] != source["lm_head.weight"])
        let index = try StrictJSON.object(in: directory.appending(WeightFiles.index))
        let bytes = try ModelWeights(directory: directory).names.reduce(0) { sum, name in
            sum + (try ModelWeights(directory: directory).info(name).info.byteRange.count)
        }
        let metadata = ["total_size": JSONValue.number("\(bytes)"), "total_parameters": .number("11")]
        #expect(index["metadata"]?.object == metadata)
        let map = try StrictJSON.object(in: model.directory.appending(WeightFiles.index))["weight_map"]
        #expect(index["weight_map"] == map)
    }

    @Test("the output and its checkpoints have the source's files and tensors, with the bits of a run on one file")
    func layout() throws {
        try withModel { model, runs in
            try runs.finish(arguments(model, ["--save-steps", "2"]))
            #expect(try names(in: runs.output) == (Self.records + Self.weights + ["checkpoint-2", "latest"]).sorted())
            let saved = ["config.json", "espalier-state.json", "espalier.yaml", "manifest.json", "metrics.jsonl"]
            let checkpoint = runs.output.appending("checkpoint-2")
            #expect(try names(in: checkpoint) == (saved + Self.weights + ["optimizer.safetensors"]).sorted())
            for place in [runs.output, checkpoint] { try expectLayout(place, of: model) }
            let single = TinyRuns(output: runs.output.removingLastComponent().appending("single"))
            try single.finish(["--max-steps", "3"])
            let (found, expected) = (try storedTensors(runs.output), try storedTensors(single.output))
            #expect(expected.count == 29 && expected.allSatisfy { found[$0] == $1 })
            #expect(try storedTensors(checkpoint) != found)
            let configuration = try storedText(model.directory.appending("config.json"))
            #expect(try storedText(runs.output.appending("config.json")) == configuration)
        }
    }

    private func storedText(_ path: FilePath) throws -> String {
        try String(contentsOfFile: path.string, encoding: .utf8)
    }

    @Test("so have they on two ranks, and a run goes on from its checkpoint", .enabled(if: Launch.hasMPI, "no mpirun"))
    func ranks() throws {
        try withModel { model, runs in
            let options = arguments(model, ["--save-steps", "2", "--shards", "2"])
            try runs.finish(options, ranks: 2)
            for place in ["", "checkpoint-2"] { try expectLayout(runs.output.appending(place), of: model) }
            let written = try storedTensors(runs.output)
            try reopen(runs.output)
            for name in Self.weights { try runs.remove(name) }
            let notices = try runs.notices(options + ["--resume"], ranks: 2)
            #expect(notices.contains("resuming after step 2 from OUT/checkpoint-2"), "\(notices)")
            #expect(try storedTensors(runs.output) == written)
        }
    }

    @Test("the output and a checkpoint are models that can be evaluated and trained again")
    func again() throws {
        try withModel { model, runs in
            try runs.finish(arguments(model, ["--save-steps", "2"]))
            for source in [runs.output, runs.output.appending("checkpoint-2")] {
                let data = ["--model", source.string, "--data", Golden.tied.file.string, "--threads", "1"]
                for command in ["evaluate", "logps"] {
                    let report = runs.output.removingLastComponent().appending("\(command).out")
                    let words = [command] + data + ["--output", report.string]
                    let outcome = try Launch.run("espalier", words, solo: true)
                    #expect(outcome.status == 0, "\(outcome.errors)")
                }
                let more = TinyRuns(output: runs.output.removingLastComponent().appending("more"))
                let notices = try more.notices(["--model", source.string, "--max-steps", "2"])
                #expect(!notices.contains { $0.hasPrefix("warning: ") || $0.hasPrefix("note: ") }, "\(notices)")
                #expect(try names(in: more.output) == (Self.records + Self.weights).sorted())
                try expectLayout(more.output, of: model)
                try FileManager.default.removeItem(atPath: more.output.string)
            }
        }
    }

    @Test("a finished run is recognized, and completed if a shard or the index is missing or of another size")
    func finished() throws {
        try withModel { model, runs in
            let options = arguments(model, ["--save-steps", "2", "--resume"])
            try runs.finish(options)
            let state = try runs.state(Self.weights)
            let end = "OUT: the run has finished, after step 3 of 3; nothing is changed; for a new run omit --resume"
            #expect(try runs.notices(options) == [end])
            #expect(try runs.state(Self.weights) == state && state.count == 4)
            for name in [ShardedModel.shards[1], WeightFiles.index] {
                try runs.remove(name)
                let notices = try runs.notices(options)
                #expect(notices.first?.hasPrefix("warning: OUT/\(name) is missing, although the run has") == true)
                #expect(try runs.state(Self.weights).mapValues(\.first) == state.mapValues(\.first))
            }
            try write("x", to: runs.output.appending(ShardedModel.shards[0]))
            let notices = try runs.notices(options)
            let fault = "warning: OUT/\(ShardedModel.shards[0]): expected "
            #expect(notices.first?.hasPrefix(fault) == true, "\(notices)")
            #expect(try runs.state(Self.weights).mapValues(\.first) == state.mapValues(\.first))
            #expect(try runs.notices(options) == [end])
        }
    }

    @Test("the best model is kept in shards, in checkpoints too, and restored from there")
    func best() throws {
        try withModel { model, runs in
            let evaluation = [
                "--eval-data", Golden.tied.file.string, "--eval-steps", "1", "--load-best-model-at-end",
                "--metric-for-best-model", "rewards/rejected", "--save-steps", "1",
            ]
            try runs.finish(arguments(model, evaluation))
            try expectLayout(runs.output, of: model)
            let best = try storedTensors(runs.output)
            // The reward falls with every step: the first is the best.
            let checkpoint = runs.output.appending("checkpoint-2")
            #expect(try names(in: checkpoint.appending("best")) == Self.weights.sorted())
            #expect(try storedTensors(checkpoint.appending("best")) == best)
            #expect(try storedTensors(runs.output.appending("checkpoint-1")) == best)
            #expect(try storedTensors(checkpoint) != best)
            try reopen(runs.output)
            for name in Self.weights { try runs.remove(name) }
            let notices = try runs.notices(arguments(model, evaluation + ["--resume"]))
            #expect(notices.contains("resuming after step 2 from OUT/checkpoint-2"), "\(notices)")
            #expect(try storedTensors(runs.output) == best)
            try write("{}", to: checkpoint.appending("best").appending(WeightFiles.single))
            try reopen(runs.output)
            let skipped = try runs.notices(arguments(model, evaluation + ["--resume"]))
            let fault = "warning: skipped checkpoint: OUT/checkpoint-2/manifest.json: expected best/model.safetensors"
            #expect(skipped.contains { $0.hasPrefix(fault) }, "\(skipped)")
        }
    }

    @Test("a run replaces the model of an earlier run in another layout, and leaves none of its files")
    func otherLayout() throws {
        try withModel { model, runs in
            let single = ["--max-steps", "1"]
            let own = (Self.records + [WeightFiles.single]).sorted()
            try runs.finish(single)
            let expected = try storedTensors(runs.output)
            for _ in 0..<2 {
                try runs.finish(arguments(model))
                #expect(try names(in: runs.output) == (Self.records + Self.weights).sorted())
                try expectLayout(runs.output, of: model)
                try runs.finish(single)
                #expect(try names(in: runs.output) == own)
                #expect(try storedTensors(runs.output) == expected)
            }
        }
    }

    @Test("shards that no run wrote are refused, and so is a cache with the name of one")
    func foreign() throws {
        try withModel { model, runs in
            try runs.output.makeDirectory()
            let (name, place) = (ShardedModel.shards[1], runs.output.appending(ShardedModel.shards[1]))
            try write("x", to: place)
            let error = try runs.refusal(arguments(model))
            #expect(
                error == "error: OUT/\(name): belongs to a model that no run of espalier wrote; choose another --output"
            )
            #expect(try storedText(place) == "x")
            let cache = try runs.refusal(arguments(model, ["--reference-cache", place.string]))
            #expect(cache.contains("OUT/\(name): --output and --reference-cache would both write it"), "\(cache)")
        }
    }

    @Test(
        "the space for shards and copied tensors is reserved before the run",
        .enabled(if: getuid() == 0, "only root can mount a small disk"),
        arguments: [(megabytes: 8, isEnough: false), (megabytes: 11, isEnough: true)]
    )
    func space(megabytes: Int, isEnough: Bool) throws {
        try Places.temporary { directory in
            let disk = directory.appending("disk")
            try disk.makeDirectory()
            let mount = ["-t", "tmpfs", "-o", "size=\(megabytes)m", "tmpfs", disk.string]
            guard try Launch.tool("mount", mount).status == 0 else {
                try Test.cancel("no disk can be mounted here, as in most containers")
            }
            defer { _ = try? Launch.tool("umount", [disk.string]) }
            // Eight MiB that are copied, in addition to a quarter of one that is trained.
            let large = bfloat16Entry(Self.frequencies[0], count: 4 << 20)
            let model = try ShardedModel(of: .tied, in: directory.appending("source"), adding: [large])
            let runs = TinyRuns(output: disk.appending("out"))
            let outcome = try runs.start(arguments(model))
            let error = "error: \(runs.output): needs 9 MiB of disk space: No space left on device; free some space or "
            #expect((outcome.status == 0) == isEnough, "\(outcome.errors)")
            #expect(outcome.errors.contains(error) != isEnough, "\(outcome.errors)")
            #expect(try !isEnough || ModelWeights(directory: runs.output).names.count == 30)
        }
    }

    @Test("if the source changes during a run, its end is one error, and the run resumes when the source is restored")
    func changed() throws {
        try withModel { model, runs in
            let shard = model.directory.appending(ShardedModel.shards[2])
            let aside = model.directory.appending("aside")
            let log = runs.output.appending("metrics.jsonl")
            // Long enough that the source is changed before the end.
            let options = arguments(model, ["--max-steps", "60", "--save-steps", "1", "--save-total-limit", "1"])
            let words = [
                "train", "--data", Golden.tied.file.string, "--output", runs.output.string, "--global-batch-size", "2",
                "--threads", "1", "--learning-rate", "0.01",
            ]
            let outcome = try Launch.run("espalier", words + options, solo: true) { _ in
                guard exists(runs.output.appending("latest")), exists(log) else { return false }
                return rename(shard.string, aside.string) == 0
            }
            #expect(outcome.status == 64 || outcome.status == 1, "\(outcome.errors)")
            let errors = outcome.errors.split(separator: "\n").filter { $0.hasPrefix("error: ") }
            #expect(errors.count == 1 && errors[0].contains("\(ShardedModel.shards[2]): tensor "), "\(outcome.errors)")
            #expect(outcome.errors.contains("warning: checkpoint not written: "), "\(outcome.errors)")
            #expect(Self.weights.allSatisfy { !runs.exists($0) })
            #expect(rename(aside.string, shard.string) == 0)
            let notices = try runs.notices(options + ["--resume"])
            #expect(notices.contains { $0.hasPrefix("resuming after step ") }, "\(notices)")
            try expectLayout(runs.output, of: model)
        }
    }
}
