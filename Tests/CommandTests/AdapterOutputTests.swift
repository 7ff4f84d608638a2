internal import Foundation
internal import Formats
internal import SystemPackage
internal import TestSupport
internal import Testing

/// What runs with an adapter write, and the commands that read it.
@Suite(.serialized)
struct AdapterOutputTests {
    private static let model = ["--model", Golden.tied.directory.string]

    private func train(_ output: FilePath, _ arguments: [String], model: [String] = model) throws -> TrainedRun {
        let words = ["--data", Golden.tied.file.string, "--output", output.string, "--global-batch-size", "2"]
        try espalier(["train"] + model + words + ["--learning-rate", "0.01", "--adam-epsilon", "1e-3"] + arguments)
        return try TrainedRun(output)
    }

    /// A copy of the tied model with files of a tokenizer.
    private func source(in directory: FilePath) throws -> FilePath {
        let copy = directory.appending("source")
        try FileManager.default.copyItem(atPath: Golden.tied.directory.string, toPath: copy.string)
        for name in ["tokenizer.json", "tokenizer_config.json", "chat_template.jinja"] {
            try write("{}", to: copy.appending(name))
        }
        return copy
    }

    @Test("a run writes an adapter as PEFT does, with the tokenizer and without a model, also in checkpoints")
    func files() throws {
        try Places.temporary { directory in
            let (source, output) = (try source(in: directory), directory.appending("out"))
            let options = ["--max-steps", "3", "--save-steps", "2"] + NewAdapter.plain.arguments
            let run = try train(output, options, model: ["--model", source.string])
            let adapter: Set = [
                "adapter_config.json", "adapter_model.safetensors", "tokenizer.json", "tokenizer_config.json",
                "chat_template.jinja", "espalier.yaml", "metrics.jsonl",
            ]
            #expect(
                Set(try names(in: output))
                    == adapter.union([
                        "checkpoint-2", "latest", "summary.json", "report.html", "espalier-run.json", "README.md",
                    ])
            )
            let saved = checkpoint(output, 2)
            #expect(
                Set(try names(in: saved))
                    == adapter.union([
                        "optimizer.safetensors", "espalier-state.json", "manifest.json",
                    ])
            )
            let modules = (0..<3).flatMap { layer in
                ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj"]
                    .map { "base_model.model.model.layers.\(layer).\($0)" }
                    + ["mlp.up_proj", "mlp.down_proj"].map { "base_model.model.model.layers.\(layer).\($0)" }
            }
            let expected = modules.flatMap { ["\($0).lora_A.weight", "\($0).lora_B.weight"] }
            #expect(run.weights.keys.sorted() == expected.sorted())
            for place in [output, saved] {
                let file = try SafetensorsFile(place.appending("adapter_model.safetensors"))
                #expect(file.tensors.values.allSatisfy { $0.elementType == .float32 } && file.tensors.count == 42)
                #expect(file.metadata["format"] == "pt")
                let written = try jsonObject(place.appending("adapter_config.json"))
                #expect(written["r"] as? Int == 4 && written["lora_alpha"] as? Int == 32)
                #expect(written["peft_type"] as? String == "LORA" && written["task_type"] as? String == "CAUSAL_LM")
                #expect(written["base_model_name_or_path"] as? String == source.string)
                #expect(written["lora_dropout"] as? Double == 0 && written["inference_mode"] as? Bool == true)
            }
            // Every number of the adapter has moments, and nothing else has.
            let moments = try SafetensorsFile(saved.appending("optimizer.safetensors")).tensors
            #expect(moments.count == 2 * 42 && Set(moments.keys).contains("first.\(expected[0])"))
        }
    }

    @Test("the command that a run prints evaluates its adapter, with the settings of the run")
    func printed() throws {
        try Places.temporary { directory in
            let output = directory.appending("out")
            _ = try train(output, ["--max-steps", "2"] + NewAdapter.plain.arguments)
            func evaluate(_ arguments: [String]) throws -> (margin: Double?, errors: String) {
                let words = ["evaluate"] + Self.model + ["--reference-model", Golden.tied.directory.string]
                let outcome = try espalier(words + ["--data", Golden.tied.file.string] + arguments)
                let metrics = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
                return (metrics?["eval_rewards/margins"] as? Double, outcome.errors)
            }
            let settings = ["--config", output.appending("espalier.yaml").string]
            let printed = try evaluate(settings + ["--adapter", output.string])
            #expect(printed.margin != 0 && printed.margin != nil && !printed.errors.contains("warning"))
            let alone = try evaluate(settings)
            #expect(alone.errors.contains("the settings of a new adapter have no effect here; pass --adapter DIR"))
            #expect(alone.margin == 0)
        }
    }

    @Test("the command that a run from an adapter prints measures against that adapter, as the run does")
    func printedStart() throws {
        try Places.temporary { directory in
            let (start, output) = (directory.appending("start"), directory.appending("out"))
            _ = try train(start, ["--max-steps", "2"] + NewAdapter.plain.arguments)
            let data = Golden.tied.file.string
            let words = ["train", "--data", data, "--output", output.string, "--adapter", start.string] + Self.model
            let options = ["--learning-rate", "0.01", "--max-steps", "2", "--eval-data", data, "--eval-steps", "2"]
            let outcome = try espalier(words + options)
            let line = try #require(outcome.errors.split(separator: "\n").last { $0.hasPrefix("evaluate it with: ") })
            let command = try #require(line.split(separator: "espalier ", maxSplits: 1).last)
            let evaluation = try Launch.tool("sh", ["-c", "\(Places.products.appending("espalier")) \(command)"])
            #expect(evaluation.status == 0, "\(evaluation.errors)")
            let run = try #require(TrainedRun(output).evaluations.last)
            for name in ["eval_loss", "eval_rewards/margins"] {
                let (found, expected) = (try #require(Metrics(json: evaluation.output)[name]), try #require(run[name]))
                #expect(abs(found - expected) <= 2e-5 * abs(expected) && expected != 0, "\(found) and \(expected)")
            }
            let alone = ["evaluate", "--data", data, "--reference-adapter", start.string] + Self.model
            let refused = try Launch.run("espalier", alone, solo: true)
            #expect(refused.status == 64 && refused.errors.contains("--reference-adapter needs --reference-model"))
        }
    }

    @Test(
        "adapters of any rank compute what they merge to, also on modules that are narrower",
        arguments: [1, 9, 48, 49, 64, 100]
    )
    func ranks(rank: Int) throws {
        try Places.temporary { directory in
            for golden in [Golden.linear, .tied] {
                let (output, merged) = (directory.appending("out-\(golden)"), directory.appending("merged-\(golden)"))
                let model = ["--model", golden.directory.string]
                let data = ["--data", golden.file.string, "--output", output.string, "--max-steps", "2"]
                let options = ["--lora-r", "\(rank)", "--lora-target-modules", "all-linear", "--learning-rate", "0.01"]
                try espalier(["train"] + model + data + options)
                try espalier(["merge", "--adapter", output.string, "--output", merged.string] + model)
                let found = try responseLogps(golden, model + ["--adapter", output.string], in: directory)
                expectNear(found, try responseLogps(golden, ["--model", merged.string], in: directory))
            }
        }
    }

    @Test("merge replaces no model, neither a run's nor its own")
    func mergedPlace() throws {
        try Places.temporary { directory in
            let (adapter, full, merged) = (
                directory.appending("adapter"), directory.appending("full"), directory.appending("merged")
            )
            _ = try train(adapter, ["--max-steps", "1"] + NewAdapter.plain.arguments)
            let run = try train(full, ["--max-steps", "1"])
            func merge(_ output: FilePath) throws -> Outcome {
                let words = ["merge"] + Self.model + ["--adapter", adapter.string, "--output", output.string]
                return try Launch.run("espalier", words, solo: true)
            }
            #expect(try merge(merged).status == 0)
            for output in [full, adapter, merged] {
                let outcome = try merge(output)
                #expect(outcome.status == 64 && outcome.errors.contains("exists already, and would be lost"))
            }
            #expect(try TrainedRun(full).weights == run.weights)
        }
    }

    @Test("training continues from the adapter that a run or a checkpoint has written", arguments: NewAdapter.all)
    func again(adapter: NewAdapter) throws {
        try Places.temporary { directory in
            let first = directory.appending("first")
            let options = ["--max-steps", "3", "--save-steps", "2"]
            let run = try train(first, options + adapter.arguments)
            for (index, place) in [first, checkpoint(first, 2)].enumerated() {
                let second = directory.appending("second-\(index)")
                let next = try train(second, ["--max-steps", "1", "--adapter", place.string])
                #expect(next.weights.count == adapter.tensors && next.weights != run.weights)
                // The reference is the adapter at the start.
                #expect(abs((next.metrics[0]["loss"] ?? 0) - log(2)) < 1e-5)
                var (a, b) = (
                    try jsonObject(second.appending("adapter_config.json")),
                    try jsonObject(first.appending("adapter_config.json"))
                )
                (a["peft_version"], b["peft_version"]) = (nil, nil)
                #expect(NSDictionary(dictionary: a) == NSDictionary(dictionary: b), "\(a) and \(b)")
            }
        }
    }

    @Test(
        "evaluate and the run itself agree, and a merged model computes what its adapter does",
        arguments: NewAdapter.all
    )
    func merged(adapter: NewAdapter) throws {
        try Places.temporary { directory in
            let (source, output) = (try source(in: directory), directory.appending("out"))
            let model = ["--model", source.string]
            let evaluation = ["--eval-data", Golden.tied.file.string]
            let run = try train(output, ["--max-steps", "3"] + evaluation + adapter.arguments, model: model)
            let report = directory.appending("report.json")
            let stored = model + ["--adapter", output.string]
            try espalier(
                ["evaluate", "--reference-model", source.string, "--data", Golden.tied.file.string, "--output"]
                    + [report.string] + stored
            )
            let metrics = try Metrics(json: String(contentsOfFile: report.string, encoding: .utf8))
            for name in ["eval_loss", "eval_rewards/margins", "eval_logps/chosen"] {
                let (found, expected) = (
                    try #require(metrics[name]), try #require(run.evaluations.last?[name])
                )
                #expect(abs(found - expected) <= 1e-5 * abs(expected), "\(name): \(found) and \(expected)")
            }
            let merged = directory.appending("merged")
            try espalier(["merge", "--output", merged.string] + stored)
            let kept = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
            #expect(Set(try names(in: merged)) == Set(kept + ["chat_template.jinja", "README.md"]))
            let (base, together) = (
                try storedValues(source.appending("model.safetensors")),
                try storedValues(merged.appending("model.safetensors"))
            )
            #expect(base.keys == together.keys && base != together)
            let logps = try responseLogps(.tied, stored, in: directory)
            expectNear(try responseLogps(.tied, ["--model", merged.string], in: directory), logps)
            #expect(try responseLogps(.tied, model, in: directory) != logps)
            let half = directory.appending("half")
            try espalier(["merge", "--output", half.string, "--save-dtype", "bfloat16"] + stored)
            let file = try SafetensorsFile(half.appending("model.safetensors"))
            #expect(file.tensors.values.allSatisfy { $0.elementType == .bfloat16 })
            for (name, values) in try storedValues(half.appending("model.safetensors")) {
                // One of the two neighbours.
                for (a, b) in zip(values, try #require(together[name])) { #expect(abs(a - b) <= 0x1p-7 * abs(b)) }
            }
        }
    }

    @Test("the best adapter has the bits of a run that ends at its step", arguments: NewAdapter.all)
    func best(adapter: NewAdapter) throws {
        try Places.temporary { directory in
            let options =
                [
                    "--eval-data", Golden.tied.file.string, "--eval-steps", "1", "--lr-scheduler-type", "constant",
                    "--metric-for-best-model", "rewards/rejected", "--reference-cache",
                    directory.appending("cache.safetensors").string,
                ] + adapter.arguments
            let long = try train(
                directory.appending("long"),
                options + ["--load-best-model-at-end", "--max-steps", "4", "--no-greater-is-better"]
            )
            #expect(long.evaluations.count == 4)
            let step = Int(try #require(long.summary["best_global_step"]))
            let short = try train(directory.appending("short"), options + ["--max-steps", "\(step)"])
            #expect(long.weights == short.weights && long.weights.count == adapter.tensors)
            let opposite = try train(
                directory.appending("opposite"),
                options + ["--load-best-model-at-end", "--max-steps", "4"]
            )
            #expect(opposite.summary["best_global_step"] != long.summary["best_global_step"])
            #expect(opposite.weights != long.weights)
        }
    }

    @Test("the weights under an adapter are stored as on disk, and have the values that they have there")
    func half() throws {
        try Places.temporary { directory in
            let source = directory.appending("bfloat16")
            try TypedModel.write(.tied, as: .bfloat16, to: source)
            let model = ["--model", source.string]
            let options = ["--max-steps", "4"] + NewAdapter.plain.arguments
            let auto = try train(directory.appending("auto"), options, model: model)
            let wide = try train(directory.appending("float32"), options + ["--dtype", "float32"], model: model)
            expectSame(auto, wide, tensors: 42)
            let bfloat16 = try train(directory.appending("half"), options + ["--dtype", "bfloat16"], model: model)
            #expect(bfloat16.weights == auto.weights)
            let adapter = ["--adapter", directory.appending("auto").string]
            let logps = try responseLogps(.tied, model + adapter, in: directory)
            expectNear(try responseLogps(.tied, model + adapter + ["--dtype", "float32"], in: directory), logps)
            // A merged model keeps the type of its source.
            let merged = directory.appending("merged")
            try espalier(["merge", "--output", merged.string] + model + adapter)
            let file = try SafetensorsFile(merged.appending("model.safetensors"))
            #expect(file.tensors.values.allSatisfy { $0.elementType == .bfloat16 } && file.tensors.count == 29)
            // Matrices in another type than that of the files are another model.
            let rounded = try responseLogps(.tied, Self.model + adapter + ["--dtype", "bfloat16"], in: directory)
            let exact = try responseLogps(.tied, Self.model + adapter, in: directory)
            #expect(zip(rounded, exact).allSatisfy { $0 != $1 && abs($0 - $1) < 0.05 * abs($1) })
        }
    }
}
