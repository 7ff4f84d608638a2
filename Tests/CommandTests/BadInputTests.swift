internal import Foundation
internal import Formats
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Every kind of bad input ends in a one-line error with cause, place and remedy, before any loss of data.
@Suite(.serialized)
struct BadInputTests {
    private let golden = Golden.tied

    /// Trains for one step with `arguments` that override valid ones, and expects the one line `error: message`.
    private func expect(
        _ message: String,
        _ arguments: [String],
        command: String = "train",
        status: Int32 = 64,
        in directory: FilePath,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let output = command == "train" ? ["--output", directory.appending("out").string, "--max-steps", "1"] : []
        let sound = ["--model", golden.directory.string, "--data", golden.file.string, "--threads", "1"]
        let outcome = try Launch.run("espalier", [command] + sound + output + arguments, solo: true)
        let found = outcome.errors.replacingOccurrences(of: directory.string, with: "DIR")
        #expect(outcome.status == status, sourceLocation: sourceLocation)
        #expect(found == "error: \(message)\n", sourceLocation: sourceLocation)
        #expect(!FileManager.default.fileExists(atPath: directory.appending("out/model.safetensors").string))
    }

    /// A copy of the tiny model that `change` may modify.
    private func model(in directory: FilePath, _ change: (FilePath) throws -> Void) throws -> String {
        let copy = directory.appending("model")
        try FileManager.default.copyItem(atPath: golden.directory.string, toPath: copy.string)
        try change(copy)
        return copy.string
    }

    /// Prepared data of one prompt and two responses.
    private func data(
        in directory: FilePath,
        prompt: [Int32] = [1, 2],
        responses: [[Int32]] = [[3], [4, 5]],
        metadata: [String: String] = [:]
    ) throws -> String {
        let path = directory.appending("data.safetensors")
        try writePrepared(prompt.isEmpty ? [] : [(prompt, responses)], metadata: metadata, to: path)
        return path.string
    }

    // MARK: Model

    @Test("a model that is missing, truncated, of other shapes or of an unknown kind")
    func models() throws {
        try Places.temporary { directory in
            try expect(
                "DIR/none: expected a Hugging Face model directory, found nothing; download a model with: hf download ORG/NAME --local-dir DIR",
                ["--model", directory.appending("none").string],
                in: directory
            )
            let truncated = try model(in: directory) { copy in
                let weights = copy.appending("model.safetensors").string
                let handle = try #require(FileHandle(forWritingAtPath: weights))
                try handle.truncate(atOffset: try handle.seekToEnd() - 10)
            }
            try expect(
                "DIR/model/model.safetensors: truncated: 10 of 255256 bytes are missing; download or copy the model again",
                ["--model", truncated],
                in: directory
            )
        }
        try Places.temporary { directory in
            let narrow = try model(in: directory) { try edit($0, "intermediate_size", 88, 80) }
            try expect(
                "DIR/model/model.safetensors: tensor model.layers.2.mlp.down_proj.weight: "
                    + "expected shape [48, 80], as config.json says, found [48, 88]",
                ["--model", narrow],
                in: directory
            )
        }
        try Places.temporary { directory in
            let other = try model(in: directory) { try edit($0, "model_type", "\"llama\"", "\"mamba\"") }
            try expect(
                "DIR/model/config.json: model_type = mamba is not supported; supported: cohere, cohere2, gemma, gemma2, "
                    + "gemma3, gemma3_text, gpt_neox, granite, llama, mistral, mistral3, olmo2, olmo3, phi3, qwen2, qwen3, "
                    + "smollm3; to add a family, see Documentation/Models.md",
                ["--model", other],
                in: directory
            )
        }
    }

    @Test("a model of absurd size, and one whose tokenizer is a link to a private file")
    func hostileModels() throws {
        try Places.temporary { directory in
            let vast = try model(in: directory) { try edit($0, "intermediate_size", 88, 1 << 20) }
            try expect(
                "DIR/model/model.safetensors: tensor model.layers.2.mlp.down_proj.weight: "
                    + "expected shape [48, 1048576], as config.json says, found [48, 88]",
                ["--model", vast],
                in: directory
            )
        }
        try Places.temporary { directory in
            let secret = directory.appending("secret")
            try "{}".write(toFile: secret.string, atomically: true, encoding: .utf8)
            let linked = try model(in: directory) {
                #expect(symlink(secret.string, $0.appending("vocab.txt").string) == 0)
            }
            try expect(
                "DIR/model/vocab.txt: links to a file outside the model directory; replace it by a copy if it belongs to "
                    + "the model",
                ["--model", linked],
                in: directory
            )
        }
    }

    private func edit(_ model: FilePath, _ key: String, _ old: Any, _ new: Any) throws {
        let path = model.appending("config.json").string
        let json = try String(contentsOfFile: path, encoding: .utf8)
        try #require(json.contains("\"\(key)\": \(old)"))
        let edited = json.replacingOccurrences(of: "\"\(key)\": \(old)", with: "\"\(key)\": \(new)")
        try edited.write(toFile: path, atomically: true, encoding: .utf8)
    }

    // MARK: Data

    @Test("data that is empty, of another model, or not prepared")
    func datasets() throws {
        try Places.temporary { directory in
            try expect(
                "DIR/data.safetensors: example 0: token id 131 is outside the model's vocabulary of 131; "
                    + "prepare the data with this model's tokenizer",
                ["--data", try data(in: directory, responses: [[3], [131]])],
                in: directory
            )
            try expect(
                "DIR/data.safetensors: the dataset is empty; prepare it again with espalier-prepare and check its counts",
                ["--data", try data(in: directory, prompt: [], responses: [])],
                in: directory
            )
            try expect(
                "DIR/data.safetensors: the longest sequence has 601 tokens, the model in \(golden.directory) takes 512; "
                    + "prepare the data with --max-length 512",
                ["--data", try data(in: directory, prompt: Array(repeating: 7, count: 600), responses: [[1], [2]])],
                in: directory
            )
            let tokenized = try model(in: directory) {
                try "{}".write(toFile: $0.appending("tokenizer.json").string, atomically: true, encoding: .utf8)
            }
            let prepared = ["tokenizer_digest": "0123456789abcdef"]
            try expect(
                "DIR/data.safetensors: prepared with another tokenizer (digest 0123456789ab…, the model's is "
                    + "44136fa355b3…); run espalier-prepare with this model",
                ["--model", tokenized, "--data", try data(in: directory, metadata: prepared)],
                in: directory
            )
            try expect(
                "\(golden.directory)/model.safetensors: expected prepared preferences of format version 1 or 2, "
                    + "found the format pt; prepare the data with espalier-prepare",
                ["--data", golden.directory.appending("model.safetensors").string],
                in: directory
            )
        }
    }

    // MARK: Output

    @Test("an output that cannot be written, is the model itself, or belongs to another run")
    func outputs() throws {
        try Places.temporary { directory in
            let file = golden.directory.appending("config.json")
            try expect(
                "\(file)/x: cannot be created as a directory: Not a directory; choose another place",
                ["--output", file.appending("x").string],
                in: directory
            )
            try expect(
                "\(golden.directory): is the model to tune, which would be lost; choose another --output",
                ["--output", golden.directory.string],
                in: directory
            )
            let sharded = directory.appending("model.safetensors.index.json")
            try "{}".write(toFile: sharded.string, atomically: true, encoding: .utf8)
            try expect(
                "DIR/model.safetensors.index.json: belongs to another model, which some readers would prefer; "
                    + "choose another --output",
                ["--output", directory.string],
                in: directory
            )
            let missing = "output must be given; add --output, or the key to the file of --config"
            try expect(missing, ["--output", ""], in: directory)
            for (command, flag) in [("train", "--reference-cache"), ("logps", "--output"), ("evaluate", "--output")] {
                try expect(
                    "DIR/none/file: cannot be written: No such file or directory; create its directory first",
                    [flag, directory.appending("none/file").string],
                    command: command,
                    in: directory
                )
            }
        }
    }

    /// Runs `body` with a directory on a separate file system of `size`.
    private func withDisk(_ size: String, _ body: (_ directory: FilePath, _ disk: String) throws -> Void) throws {
        try Places.temporary { directory in
            let disk = directory.appending("disk").string
            try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
            guard try Launch.tool("mount", ["-t", "tmpfs", "-o", "size=\(size)", "tmpfs", disk]).status == 0 else {
                try Test.cancel("no disk can be mounted here, as in most containers")
            }
            defer { _ = try? Launch.tool("umount", [disk]) }
            try body(directory, disk)
        }
    }

    @Test("a disk with too little space", .enabled(if: getuid() == 0, "only root can mount a small disk"))
    func fullDisk() throws {
        try withDisk("200k") { directory, disk in
            try expect(
                "DIR/disk/out: needs 1 MiB of disk space: No space left on device; free some space or write elsewhere",
                ["--output", disk + "/out"],
                // Transient: later there may be space.
                status: 1,
                in: directory
            )
            #expect(try FileManager.default.contentsOfDirectory(atPath: disk).isEmpty)
        }
    }

    @Test(
        "a disk that fills during a run loses neither the model nor a line of metrics",
        .enabled(if: getuid() == 0, "only root can mount a small disk")
    )
    func fillingDisk() throws {
        // Space for the model and its header is reserved, so that metrics of some hundreds of steps find none.
        try withDisk("1700k") { _, disk in
            let arguments = [
                "train", "--model", golden.directory.string, "--data", golden.file.string, "--output", disk + "/out",
                "--threads", "1", "--global-batch-size", "1", "--max-steps", "900",
            ]
            let outcome = try Launch.run("espalier", arguments, solo: true)
            #expect(outcome.status == 0, "\(outcome.errors.suffix(400))")
            let warnings = outcome.errors.components(separatedBy: "\n").filter { $0.hasPrefix("warning: ") }
            #expect(warnings.count == 1 && warnings[0].contains("/out/metrics.jsonl: cannot be written: "))
            let run = try TrainedRun(FilePath(disk + "/out"))
            #expect(run.metrics.map { $0["step"] } == (1...900).map(Double.init))
            #expect(run.weights.count == 29)
        }
    }

    // MARK: Settings

    @Test("settings that are out of range, misspelled or unreadable")
    func settings() throws {
        try Places.temporary { directory in
            let settings = directory.appending("settings.yaml")
            try "beta: 0.2\nlearning_rat: 3\n".write(toFile: settings.string, atomically: true, encoding: .utf8)
            let file = ["--config", settings.string]
            let misspelt = "DIR/settings.yaml: line 2: unknown key learning_rat; did you mean learning_rate?"
            try expect(misspelt, file, in: directory)
            try "beta: strong\n".write(toFile: settings.string, atomically: true, encoding: .utf8)
            try expect("DIR/settings.yaml: beta: expected a number, found strong", file, in: directory)
            try expect("beta must be a finite number above 0, found 0.0", ["--beta", "0"], in: directory)
            let losses =
                "sigmoid, hinge, ipo, exo_pair, nca_pair, robust, bco_pair, sppo_hard, aot, aot_unpaired, apo_zero, "
                + "apo_down, discopop, sft, sigmoid_norm, simpo, cpo, orpo, plackett_luce"
            let unknown = "loss_type must be one of \(losses), found sigmoyd; did you mean sigmoid?"
            try expect(unknown, ["--loss-type", "sft", "sigmoyd", "--beta", "1"], in: directory)
            let weights = ["--loss-type", "sigmoid", "sft", "--loss-weights", "1", "2", "3"]
            try expect("loss_weights must be one number per loss, 2, found 3", weights, in: directory)
            try expect("max_steps must be from 1 to 2^40, or -1, found 0", ["--max-steps", "0"], in: directory)
            try expect("self_check must be at least 0, found -1", ["--self-check=-1"], in: directory)
            let epochs = ["--max-steps", "-1", "--num-train-epochs", "1e30"]
            try expect("num_train_epochs must be above 0, at most 1000000, found 1e+30", epochs, in: directory)
        }
        let unknown = try Launch.run("espalier", ["train", "--modle", "x"], solo: true)
        #expect(unknown.status != 0)
        #expect(unknown.errors.hasPrefix("Error: Unknown option '--modle'. Did you mean '--model'?\n"))
    }

    @Test("an evaluation with inconsistent settings")
    func evaluations() throws {
        let held = ["--eval-data", golden.file.string]
        try Places.temporary { directory in
            for (flag, key) in [
                (["--eval-steps", "2"], "eval_steps"), (["--eval-on-start"], "eval_on_start"),
                (["--load-best-model-at-end"], "load_best_model_at_end"),
                (["--early-stopping-patience", "2"], "early_stopping_patience"),
            ] {
                try expect("\(key) needs eval_data; add eval_data, or remove \(key)", flag, in: directory)
            }
            let threshold =
                "early_stopping_threshold needs early_stopping_patience; add early_stopping_patience, or remove "
                + "early_stopping_threshold"
            try expect(threshold, held + ["--early-stopping-threshold", "0.1"], in: directory)
            try expect("eval_steps must be at least 1, found 0", held + ["--eval-steps", "0"], in: directory)
            let metrics =
                "eval_loss, eval_rewards/chosen, eval_rewards/rejected, eval_rewards/accuracies, "
                + "eval_rewards/margins, eval_logps/chosen, eval_logps/rejected, eval_entropy, eval_mean_token_accuracy, "
                + "eval_logps/accuracies"
            try expect(
                "metric_for_best_model must be one of \(metrics), found rewards/margin; did you mean "
                    + "eval_rewards/margins?",
                held + ["--metric-for-best-model", "rewards/margin"],
                in: directory
            )
            try expect(
                "DIR/data.safetensors: example 0: token id 131 is outside the model's vocabulary of 131; "
                    + "prepare the data with this model's tokenizer",
                ["--eval-data", try data(in: directory, responses: [[3], [131]])],
                in: directory
            )
            let missing = directory.appending("none.safetensors").string
            try expect(
                "DIR/none.safetensors: expected preferences that espalier-prepare wrote, found no such file; prepare them: "
                    + "espalier-prepare --model MODEL --data SOURCE --output FILE",
                ["--eval-data", missing],
                in: directory
            )
        }
    }

    // MARK: Ranks

    /// The lines of `errors` from espalier; the launcher adds its own.
    private func reasons(_ outcome: Outcome) -> [String] {
        outcome.errors.components(separatedBy: "\n").filter { $0.lowercased().hasPrefix("error:") }
    }

    @Test(
        "more ranks than pairs, or a rank that differs or fails, stops all ranks with one error",
        .enabled(if: Launch.hasMPI, "mpirun is not installed")
    )
    func ranks() throws {
        try Places.temporary { directory in
            let sound = [
                "train", "--model", golden.directory.string, "--data", golden.file.string, "--threads", "1",
                "--output", directory.appending("out").string,
            ]
            func stop(_ ranks: [[String]], _ reason: String) throws {
                let outcome = try Launch.mpirun("espalier", ranks.map { sound + $0 })
                #expect(outcome.status > 0)
                #expect(reasons(outcome) == ["error: \(reason)"], "\(outcome.errors)")
            }
            try stop(
                Array(repeating: ["--global-batch-size", "2"], count: 3),
                "3 ranks for 2 examples per step: some would never have work; start at most 2 ranks, or raise "
                    + "--global-batch-size"
            )
            try stop(
                Array(repeating: [], count: 7),
                "7 ranks for 6 examples in total: some would never have work; start at most 6 ranks"
            )
            try stop(
                [[], ["--model", "/none"]],
                "/none: expected a Hugging Face model directory, found nothing; download a model with: hf download ORG/NAME --local-dir DIR"
            )
            let common = "than rank 0; use the same on all ranks, from a file system that they share"
            try stop([[], ["--seed", "4"]], "rank 1 has a different configuration \(common)")
            let changed = try model(in: directory) { try edit($0, "rms_norm_eps", "1e-05", "1e-04") }
            try stop([[], ["--model", changed]], "rank 1 has a different model (\(changed)) \(common)")
            let (held, other) = (golden.file.string, try data(in: directory))
            try stop(
                [["--eval-data", held], ["--eval-data", other]],
                "rank 1 has a different eval data (\(other)) \(common)"
            )
            #expect(!FileManager.default.fileExists(atPath: directory.appending("out/model.safetensors").string))
        }
    }

    @Test("an unknown flag is reported once", .enabled(if: Launch.hasMPI, "mpirun is not installed"))
    func flagOnRanks() throws {
        let outcome = try Launch.mpirun("espalier", Array(repeating: ["train", "--modle", "x"], count: 2))
        #expect(outcome.status > 0)
        #expect(reasons(outcome) == ["Error: Unknown option '--modle'. Did you mean '--model'?"], "\(outcome.errors)")
    }
}
