internal import Foundation
internal import Formats
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Adapters that do not fit, and contradictory settings, end in one line before anything is lost.
@Suite(.serialized)
struct AdapterInputTests {
    private static let golden = AdapterGolden(.yarn, "plain")

    /// Runs a command that must be refused, and expects the one line `error: message`, in which `DIR` is the directory.
    private func expect(
        _ message: String,
        _ arguments: [String],
        command: String = "train",
        model: FilePath = golden.base.directory,
        in directory: FilePath,
        at location: SourceLocation = #_sourceLocation
    ) throws {
        let output = ["train", "merge"].contains(command) ? ["--output", directory.appending("out").string] : []
        let data = command == "merge" ? [] : ["--data", Self.golden.base.file.string]
        let words = [command, "--model", model.string, "--threads", "1"] + data
        let outcome = try Launch.run(
            "espalier",
            words + (arguments.contains("--output") ? [] : output) + arguments,
            solo: true
        )
        let found = outcome.errors.replacingOccurrences(of: directory.string, with: "DIR")
        #expect(outcome.status == 64, sourceLocation: location)
        #expect(found == "error: \(message)\n", sourceLocation: location)
        let place = directory.appending("out")
        #expect(!exists(place.appending("adapter_model.safetensors")), sourceLocation: location)
        #expect(!exists(place.appending("model.safetensors")), sourceLocation: location)
    }

    /// A copy of the adapter, whose configuration `edit` may change.
    private func adapter(
        in directory: FilePath,
        _ name: String = "adapter",
        _ edit: (inout [String: Any]) -> Void = { _ in }
    ) throws -> FilePath {
        let copy = directory.appending(name)
        try FileManager.default.copyItem(atPath: Self.golden.directory.string, toPath: copy.string)
        let path = copy.appending("adapter_config.json")
        var object = try jsonObject(path)
        edit(&object)
        try JSONSerialization.data(withJSONObject: object).write(to: URL(fileURLWithPath: path.string))
        return copy
    }

    private static let layers = "down_proj, gate_proj, k_proj, o_proj, q_proj, up_proj, v_proj"

    @Test("an adapter of a base with other shapes or other layers, in every command that takes one")
    func otherBase() throws {
        try Places.temporary { directory in
            let adapter = try adapter(in: directory)
            let another = "the adapter may belong to another base (its base_model_name_or_path is yarn)"
            for command in ["train", "evaluate", "merge"] {
                let file = "DIR/adapter/adapter_model.safetensors"
                try expect(
                    "\(file): tensor base_model.model.model.layers.0.mlp.down_proj.lora_B.weight: expected shape "
                        + "[26, 4], as adapter_config.json and the model say, found [32, 4]; \(another)",
                    ["--adapter", adapter.string],
                    command: command,
                    model: Golden.qwen3Biases.directory,
                    in: directory
                )
            }
        }
    }

    @Test("files that are truncated, missing, of a model, or of another kind")
    func files() throws {
        try Places.temporary { directory in
            let adapter = try adapter(in: directory)
            let weights = adapter.appending("adapter_model.safetensors")
            let handle = try #require(FileHandle(forWritingAtPath: weights.string))
            let size = try handle.seekToEnd()
            try handle.truncate(atOffset: size - 10)
            try expect(
                "DIR/adapter/adapter_model.safetensors: truncated: 10 of \(size) bytes are missing; download or copy "
                    + "the adapter again",
                ["--adapter", adapter.string],
                in: directory
            )
            try FileManager.default.removeItem(atPath: weights.string)
            let outcome = try Launch.run(
                "espalier",
                ["logps", "--model", Self.golden.base.directory.string, "--data", Self.golden.base.file.string]
                    + ["--output", directory.appending("logps").string, "--adapter", adapter.string],
                solo: true
            )
            #expect(outcome.status == 64 && outcome.errors.contains("adapter_model.safetensors"), "\(outcome.errors)")
            let expected = "expected the directory of an adapter that PEFT or espalier wrote, found"
            let remedy = "name the directory that contains adapter_config.json"
            try expect(
                "\(Golden.tied.directory): \(expected) a model (config.json); \(remedy)",
                ["--adapter", Golden.tied.directory.string],
                in: directory
            )
            try expect(
                "DIR/none: \(expected) no adapter_config.json; \(remedy)",
                ["--adapter", directory.appending("none").string],
                in: directory
            )
            try write("{\"r\": 4", to: adapter.appending("adapter_config.json"))
            let broken = try Launch.run(
                "espalier",
                ["plan", "--model", Self.golden.base.directory.string, "--data", Self.golden.base.file.string]
                    + ["--adapter", adapter.string],
                solo: true
            )
            #expect(broken.status == 64 && broken.errors.hasPrefix("error: \(adapter)/adapter_config.json: "))
        }
    }

    @Test("an adapter in place of a model is named with the options to use", arguments: ["train", "evaluate", "plan"])
    func inPlaceOfModel(command: String) throws {
        try Places.temporary { directory in
            let adapter = try adapter(in: directory)
            try expect(
                "DIR/adapter: expected a Hugging Face model directory, found an adapter (adapter_config.json); use "
                    + "--model BASE --adapter DIR/adapter, where BASE is the directory of its model",
                [],
                command: command,
                model: adapter,
                in: directory
            )
        }
    }

    @Test("settings of a new adapter that are out of range, or name what the model does not have")
    func settings() throws {
        try Places.temporary { directory in
            for (arguments, message) in [
                (["--lora-r", "0"], "lora_r = 0 is not supported; supported: a whole number from 1 to 65536"),
                (["--lora-alpha", "0"], "lora_alpha = 0 is not supported; supported: a number above 0"),
                (
                    ["--lora-target-modules", "q_proj", "v_porj"],
                    "lora_target_modules = v_porj is the name of no module of this llama; the nearest is v_proj; "
                        + "linear layers: \(Self.layers)"
                ),
                (
                    ["--modules-to-save", "norm"],
                    "modules_to_save = norm is not supported; supported for a llama: embed_tokens, lm_head"
                ),
            ] {
                for command in ["train", "plan"] {
                    try expect(message, arguments, command: command, in: directory)
                }
            }
        }
    }

    @Test("settings that contradict each other")
    func contradictions() throws {
        try Places.temporary { directory in
            let adapter = try adapter(in: directory)
            try expect(
                "lora_r must be no setting of a new adapter with adapter, whose own settings are used, found one; remove "
                    + "it, or adapter",
                ["--adapter", adapter.string, "--lora-r", "8"],
                in: directory
            )
            let settings = directory.appending("run.yaml")
            try write("use_peft: false\nlora_r: 8\n", to: settings)
            try expect(
                "lora_r must be no setting of an adapter with use_peft: false, found one; remove it, or use_peft",
                ["--config", settings.string],
                in: directory
            )
            try write("use_peft: false\nadapter: \(adapter)\n", to: settings)
            try expect(
                "use_peft must be true, or omitted with adapter, found false",
                ["--config", settings.string],
                in: directory
            )
        }
    }

    @Test("an adapter whose log-probabilities are not finite is refused, and nothing is written")
    func notFinite() throws {
        try Places.temporary { directory in
            let adapter = try adapter(in: directory) { $0["lora_alpha"] = 1e38 }
            let message =
                "error: log-probabilities are not finite for examples 0, 1, 2, 3, 4 of the data; nothing was written; "
                + "check the weights, and the scale of an adapter"
            let file = directory.appending("logps.safetensors")
            let output = directory.appending("out")
            let commands = [
                ("logps", ["--output", file.string]), ("evaluate", []),
                ("train", ["--output", output.string, "--self-check", "0"]),
            ]
            for (command, arguments) in commands {
                let words = ["--model", Self.golden.base.directory.string, "--data", Self.golden.base.file.string]
                let adapted = [command, "--threads", "1", "--adapter", adapter.string] + words
                let outcome = try Launch.run("espalier", adapted + arguments, solo: true)
                #expect(outcome.status == 64 && outcome.output.isEmpty)
                #expect(outcome.errors.split(separator: "\n").last.map(String.init) == message, "\(outcome.errors)")
            }
            #expect(!exists(output.appending("adapter_model.safetensors")))
            #expect(!exists(file))
            // Without a reference, the evaluation warns and the step ends the run.
            let model = ["--model", Self.golden.base.directory.string, "--adapter", adapter.string]
            let data = ["--data", Self.golden.base.file.string, "--eval-data", Self.golden.base.file.string]
            let words = [
                "train", "--output", output.string, "--loss-type", "simpo", "--self-check", "0", "--threads", "1",
            ]
            let outcome = try Launch.run("espalier", words + model + data + ["--eval-on-start"], solo: true)
            #expect(outcome.status == 1)
            let warning =
                "warning: evaluation after step 0: losses are not finite for examples 0, 1, 2, 3, 4 of the eval data"
            #expect(outcome.errors.contains("\(warning); it does not count as the best\n"), "\(outcome.errors)")
            #expect(outcome.errors.contains("eval_loss nan") && !outcome.errors.contains("-nan"))
        }
    }

    @Test("features of PEFT that are not supported are named, with the file and what is supported")
    func features() throws {
        try Places.temporary { directory in
            let features: [(String, Any)] = [
                ("bias", "all"), ("peft_type", "IA3"), ("fan_in_fan_out", true), ("init_lora_weights", "pissa"),
                ("lora_bias", true), ("target_parameters", ["x"]), ("layer_replication", [[0, 2]]), ("a_new_key", 1),
            ]
            for (index, (key, value)) in features.enumerated() {
                let adapter = try adapter(in: directory, "adapter-\(index)") { $0[key] = value }
                let outcome = try Launch.run(
                    "espalier",
                    ["evaluate", "--model", Self.golden.base.directory.string, "--data", Self.golden.base.file.string]
                        + ["--adapter", adapter.string],
                    solo: true
                )
                #expect(outcome.status == 64)
                #expect(outcome.errors.hasPrefix("error: \(adapter)/adapter_config.json: \(key)"), "\(outcome.errors)")
                #expect(outcome.errors.split(separator: "\n").count == 1)
            }
        }
    }

    @Test(
        "an adapter is not written to the directory of a model, nor a model to that of an adapter, nor over its source"
    )
    func places() throws {
        try Places.temporary { directory in
            let adapter = try adapter(in: directory)
            let (model, other) = (directory.appending("model"), directory.appending("other"))
            let runs = ["--model", Golden.yarn.directory.string, "--data", Golden.yarn.file.string, "--max-steps", "1"]
            func run(_ arguments: [String]) throws -> String {
                let outcome = try Launch.run("espalier", ["train", "--threads", "1"] + runs + arguments, solo: true)
                #expect(outcome.status == 64)
                return outcome.errors.replacingOccurrences(of: directory.string, with: "DIR")
            }
            try espalier(["train", "--output", model.string] + runs)
            try espalier(["train", "--output", other.string, "--lora-r", "2"] + runs)
            let applied = "and transformers would apply one to the other; remove it, or choose another --output\n"
            #expect(
                try run(["--output", model.string, "--lora-r", "2"])
                    == "error: DIR/model/config.json: is a model's, which is not an adapter, \(applied)"
            )
            #expect(
                try run(["--output", other.string])
                    == "error: DIR/other/adapter_config.json: is an adapter's, \(applied)"
            )
            // An adapter that PEFT wrote would be lost.
            #expect(
                try run(["--output", adapter.string, "--lora-r", "2"])
                    == "error: DIR/adapter/adapter_model.safetensors: belongs to a model that no run of espalier wrote; "
                    + "choose another --output\n"
            )
            let before = try Digest.sha256(ofFile: adapter.appending("adapter_model.safetensors"))
            #expect(
                try run(["--output", adapter.string, "--adapter", adapter.string]).hasPrefix(
                    "error: DIR/adapter/adapter_config.json: --output would overwrite what --adapter reads"
                )
            )
            #expect(try Digest.sha256(ofFile: adapter.appending("adapter_model.safetensors")) == before)
            let merge = try Launch.run(
                "espalier",
                ["merge", "--model", Golden.yarn.directory.string, "--adapter", adapter.string, "--output"]
                    + [other.string],
                solo: true
            )
            #expect(merge.status == 64 && merge.errors.contains("exists already, and would be lost"))
        }
    }
}
