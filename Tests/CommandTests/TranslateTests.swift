internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// A file of TRL or LLaMA-Factory, as someone uses it who has it already.
@Suite(.serialized)
struct TranslateTests {
    private let golden = Golden.tied

    private func write(_ text: String, in directory: FilePath) throws -> FilePath {
        let path = directory.appending("dpo.yaml")
        try text.write(toFile: path.string, atomically: true, encoding: .utf8)
        return path
    }

    private var text: String {
        """
        model_name_or_path: \(golden.directory)
        output_dir: /none/x
        dataset_name: org/pairs
        per_device_train_batch_size: 1
        gradient_accumulation_steps: 2
        learning_rate: 1e-3
        eval_strategy: steps
        report_to: none

        """
    }

    @Test("a run from a file of TRL prints what it translated, and trains as its translation does")
    func run() throws {
        try Places.temporary { directory in
            let file = try write(text, in: directory)
            func train(_ arguments: [String], _ name: String) throws -> (errors: String, run: TrainedRun) {
                let output = directory.appending(name)
                let rest = [
                    "--data", golden.file.string, "--output", output.string, "--max-steps", "2", "--threads", "1",
                ]
                let outcome = try Launch.run("espalier", ["train", "--config"] + arguments + rest, solo: true)
                guard outcome.status == 0 else { throw Failure(description: outcome.errors) }
                return (outcome.errors, try TrainedRun(output))
            }
            let first = try train([file.string, "--num-processes", "2"], "first")
            let report = first.errors.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
            for line in [
                "# Translated from \(file), a file for TRL's DPOConfig", "# Without effect here: report_to",
                "# Note: no evaluations, as --eval-data is not given", "learning_rate: 0.001",
                "max_steps: 2 # an option",
                "global_batch_size: 4 # per_device_train_batch_size 1 × gradient_accumulation_steps 2 × 2 processes",
            ] { #expect(report.contains(line), "\(line)") }

            let translated = directory.appending("train.yaml")
            let arguments = ["translate", file.string, "--num-processes", "2", "--output", translated.string]
            #expect(try Launch.run("espalier", arguments, solo: true).status == 0)
            let yaml = try String(contentsOfFile: translated.string, encoding: .utf8)
            #expect(yaml.contains("espalier-prepare --model \(golden.directory) --data org/pairs --max-length 1024"))
            // The held-out data does not exist.
            try yaml.split(separator: "\n").filter { !$0.hasPrefix("eval_") }.joined(separator: "\n")
                .write(toFile: translated.string, atomically: true, encoding: .utf8)
            let second = try train([translated.string], "second")
            #expect(!second.errors.contains("# Translated"))
            expectSame(first.run, second.run, steps: 2)
        }
    }

    @Test("one setting that only others have is enough for translate, and for --num-processes")
    func oneMark() throws {
        try Places.temporary { directory in
            let file = try write("gradient_accumulation_steps: 4\nbeta: 0.2\n", in: directory)
            let translated = try Launch.run("espalier", ["translate", file.string], solo: true)
            #expect(translated.status == 0 && translated.output.contains("global_batch_size: 32"))
            let words = ["train", "--config", file.string]
            let unknown = try Launch.run("espalier", words, solo: true)
            #expect(unknown.errors.hasPrefix("error: \(file): line 1: unknown key gradient_accumulation_steps; "))
            let known = try Launch.run("espalier", words + ["--num-processes", "2"], solo: true)
            #expect(known.errors.hasPrefix("error: \(file): expected --data, prepared data, found none; "))
        }
    }

    @Test("translate refuses what is not another trainer's, to replace its own file, and a wrong number of processes")
    func refusals() throws {
        try Places.temporary { directory in
            func refusal(_ arguments: [String]) throws -> String {
                let outcome = try Launch.run("espalier", arguments, solo: true)
                #expect(outcome.status == 64 && outcome.output.isEmpty)
                return outcome.errors
            }
            let file = try write(text, in: directory)
            let replaced = try refusal(["translate", file.string, "--output", file.string])
            #expect(replaced.contains("--output") && replaced.contains(file.string))
            #expect(
                try refusal(["translate", file.string, "--num-processes", "0"]).contains("from 1 to 2^20, found 0")
            )
            let missing = try refusal(["train", "--config", file.string])
            #expect(
                missing.hasPrefix("error: \(file): expected --data, prepared data, found none; run: espalier-prepare ")
            )
            #expect(missing.hasSuffix("; then add --data train.safetensors --eval-data eval.safetensors\n"))
            _ = try write("beta: 0.2\n", in: directory)
            let own = try refusal(["translate", file.string])
            #expect(
                own
                    == "error: \(file): expected settings of TRL or LLaMA-Factory, found espalier's; train --config reads them\n"
            )
            let processes = try refusal(["train", "--config", file.string, "--num-processes", "2"])
            #expect(
                processes.contains(
                    "--num-processes must be with a file of TRL or LLaMA-Factory, found settings of espalier"
                )
            )
        }
    }
}
