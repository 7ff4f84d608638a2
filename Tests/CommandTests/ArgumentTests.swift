internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// The command line, as someone types it who knows other trainers.
@Suite(.serialized)
struct ArgumentTests {
    private let golden = Golden.tied

    private func run(_ arguments: [String]) throws -> Outcome { try Launch.run("espalier", arguments, solo: true) }

    /// The first line of the errors of a command that is refused.
    private func refusal(_ arguments: [String], at location: SourceLocation = #_sourceLocation) throws -> String {
        let outcome = try run(arguments)
        #expect(outcome.status == 64, sourceLocation: location)
        #expect(outcome.output.isEmpty, sourceLocation: location)
        return String(outcome.errors.prefix { $0 != "\n" })
    }

    @Test("an option of another trainer is named with its counterpart or the reason that there is none")
    func foreignOptions() throws {
        for option in ["--per-device-train-batch-size", "--per_device_train_batch_size"] {
            let error = try refusal(["train", option, "4"])
            let remedy =
                "use --global-batch-size, the examples of a step over all ranks; --row-tokens limits the memory"
            #expect(error == "Error: Unknown option '\(option)'; \(remedy)")
        }
        #expect(
            try refusal(["train", "--bf16"])
                == "Error: Unknown option '--bf16'; use --precision with auto or bfloat16 for products in bfloat16; --dtype is the "
                + "type of weights in memory"
        )
        #expect(
            try refusal(["train", "--max-length=512"])
                == "Error: Unknown option '--max-length'; truncate when the data is prepared: espalier-prepare --max-length"
        )
        #expect(try refusal(["train", "--modle", "x"]) == "Error: Unknown option '--modle'. Did you mean '--model'?")
        let other = "Error: Unknown option '--learning-rate'; it is an option of train"
        #expect(try refusal(["evaluate", "--learning-rate", "1"]) == other)
        let forwarded = try refusal(["scaling", "--ranks", "1", "--modle", "x"])
        #expect(forwarded == "error: Unknown option '--modle'. Did you mean '--model'?")
        #expect(try refusal(["trian"]) == "Error: Unexpected argument 'trian'; did you mean train?")
        #expect(
            try refusal(["prepare"])
                == "Error: Unexpected argument 'prepare'; run espalier-prepare, a command of its own"
        )
        #expect(try refusal(["train", "--quick-brown-fox"]) == "Error: Unknown option '--quick-brown-fox'")
    }

    @Test("a value of another trainer is named with its counterpart")
    func foreignValues() throws {
        let schedule = try refusal(["train", "--lr-scheduler-type", "cosine_with_restarts"])
        #expect(schedule.hasSuffix("; restarts are not supported; use cosine"), "\(schedule)")
        let inputs = ["--model", golden.directory.string, "--data", golden.file.string, "--output", "/none/x"]
        let loss = try refusal(["train", "--loss-type", "dpo"] + inputs)
        #expect(loss.hasPrefix("error: loss_type must be one of "))
        #expect(loss.hasSuffix(", found dpo; DPO is sigmoid"))
    }

    @Test("a negative number reaches the check of the setting's range")
    func negative() throws {
        let inputs = ["--model", golden.directory.string, "--data", golden.file.string, "--output", "/none/x"]
        for (arguments, message) in [
            (["--beta", "-1"], "beta must be a finite number above 0, found -1.0"),
            (["--learning-rate", "-1e-6"], "learning_rate must be a finite number above 0, found -1e-06"),
            (["--warmup-ratio", "-.5"], "warmup_ratio must be from 0 to 1, found -0.5"),
            (["--threads", "-2"], "threads must be from 0 to 1024, found -2"),
            (["--adam-beta1", "-0.1"], "adam_beta1 must be at least 0, below 1, found -0.1"),
            (["--beta", "-inf"], "beta must be a finite number above 0, found -inf"),
            (
                ["--loss-weights", "1", "-0.5", "-2", "--loss-type", "sigmoid", "sft"],
                "loss_weights must be one number per loss, 2, found 3"
            ),
            (["--max-steps", "-2"], "max_steps must be from 1 to 2^40, or -1, found -2"),
        ] {
            #expect(try refusal(["train"] + inputs + arguments) == "error: \(message)")
        }
        let bench = ["bench", "--model", golden.directory.string, "--tree-tokens", "8"]
        #expect(try refusal(bench + ["--repeats", "-3"]) == "error: --repeats must be from 1 to 1000, found -3")
        #expect(try refusal(["train", "-1"]).hasPrefix("Error: "))
    }

    @Test("all missing paths are named at once")
    func missing() throws {
        let paths = "add --model, --data and --output, or the keys to the file of --config"
        #expect(try refusal(["train"]) == "error: model, data and output must be given; \(paths)")
        #expect(try refusal(["logps"]) == "error: model, data and output must be given; \(paths)")
        let both = "error: model and data must be given; add --model and --data, or the keys to the file of --config"
        for command in ["evaluate", "plan"] { #expect(try refusal([command]) == both) }
    }

    @Test("a value of any length is shortened")
    func long() throws {
        let value = String(repeating: "x", count: 100_000)
        let inputs = ["--model", golden.directory.string, "--data", golden.file.string, "--output", "/none/x"]
        for arguments in [
            ["--beta", value], ["--\(value)"], ["--sharing", value], ["--loss-type", value], ["--model", value],
            ["--metric-for-best-model", value],
        ] {
            let outcome = try run(["train"] + inputs + arguments)
            #expect(outcome.status == 64 && outcome.errors.utf8.count < 4000, "\(outcome.errors.prefix(300))")
        }
    }

    @Test("every setting of a file has an option, and flags override a file in both directions")
    func everySetting() throws {
        let page = try run(["train", "--help"]).output
        let example = Places.repository.appending("cluster-configs/train.yaml")
        let lines = try String(contentsOfFile: example.string, encoding: .utf8).split(separator: "\n")
        let keys = lines.compactMap { line -> String? in
            let text = line.hasPrefix("# ") ? line.dropFirst(2) : line[...]
            let key = text.prefix { $0.isLowercase || $0 == "_" || $0.isNumber }
            return text.dropFirst(key.count).hasPrefix(": ") && !key.isEmpty && !key.contains(" ") ? String(key) : nil
        }
        #expect(keys.count > 50)
        let words: Set = [
            "model", "data", "output", "beta", "seed", "shuffle", "sharing", "threads", "balance", "collective",
            "pairs",
            "shards", "dtype", "adapter",
        ]
        #expect(words.isSubset(of: keys))
        // Mappings have no option.
        let mappings: Set = ["rank_pattern", "alpha_pattern"]
        #expect(mappings.isSubset(of: keys))
        for key in keys where (key.contains("_") || words.contains(key)) && !mappings.contains(key) {
            let option = "--" + key.split(separator: "_").joined(separator: "-")
            #expect(page.contains(option), "\(option)")
        }
        try Places.temporary { directory in
            let settings = directory.appending("run.yaml")
            try "use_weighting: true\nloss_type: sft\n".write(
                toFile: settings.string,
                atomically: true,
                encoding: .utf8
            )
            let plan = [
                "plan", "--config", settings.string, "--model", golden.directory.string, "--data", golden.file.string,
            ]
            #expect(try refusal(plan).hasPrefix("error: use_weighting must be omitted with sft"))
            let train = ["train", "--output", "/dev/null/x"] + plan.dropFirst()
            let outcome = try run(train + ["--no-use-weighting"])
            #expect(!outcome.errors.contains("use_weighting"), "\(outcome.errors)")
        }
    }

    @Test("a page that cannot be written ends with 74, and one that nobody reads without a message")
    func standardOutput() throws {
        let executable = Places.products.appending("espalier").string
        let plan = "\(executable) plan --model \(golden.directory) --data \(golden.file)"
        for command in [plan, "\(executable) --help", "\(executable) train --help"] {
            let full = try Launch.tool("sh", ["-c", "\(command) > /dev/full"])
            #expect(full.status == 74)
            #expect(
                full.errors
                    == "error: standard output: cannot be written: No space left on device; free some space, or "
                    + "write elsewhere\n"
            )
            let closed = try Launch.tool("sh", ["-c", "\(command) >&-"])
            #expect(closed.status == 74)
        }
        // 141: ended by SIGPIPE, as the shell reports it.
        let script = "(sleep 1; \(plan); echo $? >&2) | true"
        #expect(try Launch.tool("sh", ["-c", script]).errors == "141\n")
    }
}
