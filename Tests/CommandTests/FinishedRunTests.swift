internal import Formats
internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// `--resume` of a run that has taken its last step.
@Suite(.serialized)
struct FinishedRunTests {
    private static let files = [
        "model.safetensors", "config.json", "metrics.jsonl", "summary.json", "espalier.yaml", "espalier-run.json",
    ]
    private static let end =
        "OUT: the run has finished, after step 3 of 3; nothing is changed; for a new run omit --resume"

    private func withRuns(_ body: (TinyRuns) throws -> Void) throws {
        try Places.temporary { try body(TinyRuns(output: $0.appending("out"))) }
    }

    @Test(
        "a finished run is reported, and no file changes",
        arguments: [
            ["--save-steps", "2"], ["--save-steps", "1", "--save-total-limit", "1"], [],
            ["--save-steps", "2", "--load-best-model-at-end", "--eval-data", Golden.tied.file.string],
        ]
    )
    func finished(options: [String]) throws {
        try withRuns { runs in
            let arguments = ["--max-steps", "3", "--resume"] + options
            try runs.finish(arguments)
            let state = try runs.state(Self.files)
            #expect(state.count == Self.files.count)
            #expect(try runs.notices(arguments) == [Self.end])
            #expect(try runs.state(Self.files) == state)
            // Settings that a resumed run may change do not make it another run.
            #expect(try runs.notices(arguments + ["--threads", "2", "--sharing", "none"]) == [Self.end])
            for step in 1...2 where runs.exists("checkpoint-\(step)") { try runs.remove("checkpoint-\(step)") }
            #expect(try runs.notices(arguments) == [Self.end])
            #expect(try runs.state(Self.files) == state)
        }
    }

    @Test("so is one on two ranks", .enabled(if: Launch.hasMPI, "mpirun is not installed"))
    func ranks() throws {
        try withRuns { runs in
            let arguments = ["--max-steps", "3", "--save-steps", "2", "--resume"]
            try runs.finish(arguments, ranks: 2)
            let state = try runs.state(Self.files)
            #expect(try runs.notices(arguments, ranks: 2) == [Self.end])
            #expect(try runs.state(Self.files) == state)
            let error = try runs.refusal(["--max-steps", "5", "--save-steps", "2", "--resume"], ranks: 2)
            #expect(error.hasPrefix("error: OUT: made with max_steps: 3, asked for 5"), "\(error)")
            #expect(try runs.state(Self.files) == state)
        }
    }

    @Test("a finished run without one of its files is completed from its checkpoint, with the same bits")
    func incomplete() throws {
        try withRuns { runs in
            let arguments = ["--max-steps", "3", "--save-steps", "2", "--resume"]
            try runs.finish(arguments)
            let model = try runs.state(["model.safetensors"])["model.safetensors"]?.first
            for name in ["model.safetensors", "summary.json", "metrics.jsonl"] {
                try runs.remove(name)
                let notices = try runs.notices(arguments)
                #expect(
                    notices.prefix(2) == [
                        "warning: OUT/\(name) is missing, although the run has finished; the steps after its newest "
                            + "checkpoint, or all without one, are repeated to write it again",
                        "resuming after step 2 from OUT/checkpoint-2",
                    ],
                    "\(notices)"
                )
                #expect(try runs.state(["model.safetensors"])["model.safetensors"]?.first == model)
                #expect(try runs.notices(arguments) == [Self.end])
            }
            try Data([1, 2]).write(to: URL(fileURLWithPath: runs.output.appending("model.safetensors").string))
            let cut = try runs.notices(arguments).first
            #expect(cut?.hasPrefix("warning: OUT/model.safetensors: expected ") == true, "\(cut ?? "")")
            #expect(try runs.state(["model.safetensors"])["model.safetensors"]?.first == model)
        }
    }

    @Test(
        "another number of steps is refused with both values, and the remedy works",
        arguments: [["--save-steps", "2"], []]
    )
    func otherLength(options: [String]) throws {
        try withRuns { runs in
            try runs.finish(["--max-steps", "3"] + options)
            let state = try runs.state(Self.files)
            let reason = ", and the learning rate depends on the number of steps; to train further, "
            let remedy = "start a new run from the tuned model, with it as --model and another --output"
            for (asked, text) in [
                (["--max-steps", "5"], "5"), (["--max-steps", "2"], "2"),
                (["--num-train-epochs", "4"], "num_train_epochs: 4.0"),
            ] {
                let error = try runs.refusal(asked + options + ["--resume"])
                #expect(error == "error: OUT: made with max_steps: 3, asked for \(text)\(reason)\(remedy)")
            }
            #expect(try runs.state(Self.files) == state)
            let more = TinyRuns(output: runs.output.removingLastComponent().appending("more"))
            try more.finish(["--model", runs.output.string, "--max-steps", "2", "--resume"])
            // Other settings and data are refused too, with and without a checkpoint.
            let rate = try runs.refusal(["--max-steps", "3", "--learning-rate", "0.5", "--resume"] + options)
            #expect(rate.contains(": made with learning_rate: 0.01, this run has 0.5; resume with the "), "\(rate)")
            let data = Golden.freeHead.file.string
            let other = try runs.refusal(["--max-steps", "3", "--data", data, "--resume"] + options)
            #expect(other.contains(": made with other --data; resume with the settings"), "\(other)")
            #expect(try runs.state(Self.files) == state)
        }
    }

    @Test("a checkpoint of an unfinished run names the steps that it was made with")
    func unfinished() throws {
        try withRuns { runs in
            try runs.finish(["--max-steps", "3", "--save-steps", "2"])
            let named = try runs.refusal(["--max-steps", "5", "--resume", runs.output.appending("checkpoint-2").string])
            let reason = "made with max_steps: 3, asked for 5, and the learning rate depends on the number of steps"
            let remedy = "to train further, resume with max_steps: 3, then start a new run from the tuned model"
            #expect(named == "error: OUT/checkpoint-2: \(reason); \(remedy), with it as --model and another --output")
            // Without the record of its end.
            try runs.remove("espalier-run.json")
            let newest = try runs.refusal(["--max-steps", "5", "--resume"])
            #expect(newest == named)
        }
    }

    @Test("early stopping ends a run too, before its last step")
    func earlyStopping() throws {
        try withRuns { runs in
            let arguments = [
                "--max-steps", "20", "--eval-data", Golden.tied.file.string, "--eval-steps", "1", "--resume",
                "--early-stopping-patience", "1", "--metric-for-best-model", "rewards/rejected",
            ]
            try runs.finish(arguments)
            let notices = try runs.notices(arguments)
            let end = " of 20, by early stopping; nothing is changed"
            #expect(notices.count == 1 && notices[0].contains(end), "\(notices)")
        }
    }

    @Test("a checkpoint that is named is resumed, although the run has finished, and ends the run again")
    func named() throws {
        try withRuns { runs in
            let arguments = ["--max-steps", "3", "--save-steps", "2"]
            try runs.finish(arguments)
            let checkpoint = runs.output.appending("checkpoint-2").string
            let notices = try runs.notices(arguments + ["--resume", checkpoint])
            #expect(notices.first == "resuming after step 2 from OUT/checkpoint-2")
            #expect(try runs.notices(arguments + ["--resume"]) == [Self.end])
            // A new run is not finished.
            let anew = try runs.notices(arguments)
            #expect(anew.first?.hasSuffix("pass --resume OUT/checkpoint-2 to continue from it") == true)
        }
    }

    @Test("a finished run without its settings is replaced by no other run", arguments: [["--save-steps", "2"], []])
    func missingSettings(options: [String]) throws {
        try withRuns { runs in
            let arguments = ["--max-steps", "3", "--resume"] + options
            try runs.finish(arguments)
            let model = try runs.state(["model.safetensors"])
            try runs.remove("espalier.yaml")
            let foreign = try runs.refusal(arguments + ["--data", Golden.freeHead.file.string])
            #expect(foreign.contains(": made with other --data; resume with the settings"), "\(foreign)")
            #expect(try runs.state(["model.safetensors"]) == model)
            if options.isEmpty {
                let error = try runs.refusal(arguments)
                #expect(
                    error
                        == "error: OUT/espalier.yaml: expected the settings of the finished run, found no file; restore "
                        + "it, or start a new run without --resume"
                )
                #expect(try runs.state(["model.safetensors"]) == model)
            } else {
                let notices = try runs.notices(arguments)
                #expect(notices.first?.hasPrefix("warning: OUT/espalier.yaml is missing, although") == true)
                #expect(try runs.state(["model.safetensors"])["model.safetensors"]?.first == model.values.first?.first)
            }
        }
    }

    @Test("a finished run with an empty file, or without one of the model's other files, is completed")
    func damagedFiles() throws {
        try Places.temporary { directory in
            let source = directory.appending("source")
            try FileManager.default.copyItem(atPath: Golden.tied.directory.string, toPath: source.string)
            for name in ["tokenizer.json", "chat_template.jinja"] {
                try "{}".write(toFile: source.appending(name).string, atomically: true, encoding: .utf8)
            }
            let runs = TinyRuns(output: directory.appending("out"))
            let arguments = ["--model", source.string, "--max-steps", "3", "--save-steps", "2", "--resume"]
            try runs.finish(arguments)
            for (name, isRemoved) in [
                ("tokenizer.json", true), ("chat_template.jinja", true), ("config.json", false),
                ("metrics.jsonl", false),
            ] {
                let path = runs.output.appending(name).string
                let content = try String(contentsOfFile: path, encoding: .utf8)
                if isRemoved { try runs.remove(name) } else { try Data().write(to: URL(fileURLWithPath: path)) }
                let notices = try runs.notices(arguments)
                let fault = isRemoved ? "is missing" : "is empty"
                let expected = "warning: OUT/\(name) \(fault), although the run has finished; "
                #expect(notices.first?.hasPrefix(expected) == true, "\(notices)")
                let written = try String(contentsOfFile: path, encoding: .utf8)
                #expect(name == "metrics.jsonl" ? !written.isEmpty : written == content)
                #expect(try runs.notices(arguments) == [Self.end])
            }
        }
    }
}
