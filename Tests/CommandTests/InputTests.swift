internal import Collectives
internal import Formats
internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Inputs of the wrong kind, damaged ones, and what is reported about sound ones.
@Suite(.serialized)
struct InputTests {
    private let golden = Golden.tied

    private func run(_ command: String, _ arguments: [String]) throws -> Outcome {
        let inputs = ["--model", golden.directory.string, "--data", golden.file.string, "--threads", "1"]
        return try Launch.run("espalier", [command] + inputs + arguments, solo: true)
    }

    @Test("data that is not prepared, and a model that is a file, are named with the conversion")
    func kinds() throws {
        try Places.temporary { directory in
            let lines = directory.appending("pairs.jsonl")
            try "{\"prompt\": \"x\"}\n".write(toFile: lines.string, atomically: true, encoding: .utf8)
            let data = try run("plan", ["--data", lines.string])
            #expect(data.status == 64)
            #expect(
                data.errors
                    == "error: \(lines): expected preferences that espalier-prepare wrote, found JSON; tokenize it "
                    + "first: espalier-prepare --model MODEL --data \(lines) --output train.safetensors\n"
            )
            let folder = try run("plan", ["--data", directory.string])
            #expect(folder.status == 64 && folder.errors.contains("wrote, found a directory; prepare them: "))
            let model = directory.appending("model.gguf")
            try "GGUF1234".write(toFile: model.string, atomically: true, encoding: .utf8)
            let refused = try run("plan", ["--model", model.string])
            #expect(refused.status == 64)
            #expect(
                refused.errors
                    == "error: \(model): expected a Hugging Face model directory, found a GGUF model; convert "
                    + "it: espalier-import-gguf \(model) DIR\n"
            )
        }
    }

    @Test(
        "weights that are not finite are refused by every command that reads them",
        arguments: ["train", "evaluate", "logps"]
    )
    func weights(command: String) throws {
        try Places.temporary { directory in
            let model = directory.appending("model")
            try FileManager.default.copyItem(atPath: golden.directory.string, toPath: model.string)
            let path = model.appending("model.safetensors")
            let info = try SafetensorsFile(path).info("model.layers.1.mlp.up_proj.weight")
            let handle = try #require(FileHandle(forUpdatingAtPath: path.string))
            // Row 2, column 3.
            try handle.seek(toOffset: UInt64(info.byteRange.lowerBound + 4 * (2 * info.shape[1] + 3)))
            try handle.write(contentsOf: [0, 0, 0xC0, 0x7F])
            try handle.close()
            let output = command == "evaluate" ? [] : ["--output", directory.appending("out").string]
            let outcome = try run(command, ["--model", model.string] + output)
            #expect(outcome.status == 64)
            #expect(
                outcome.errors
                    == "error: \(path): tensor model.layers.1.mlp.up_proj.weight: expected finite numbers, found "
                    + "nan at [2, 3]; restore the file from its source, or use an earlier checkpoint if its training diverged\n"
            )
        }
    }

    @Test("data with a tokenizer's digest and a model without tokenizer are reported")
    func tokenizer() throws {
        try Places.temporary { directory in
            let (file, data) = (try SafetensorsFile(golden.expected), directory.appending("data.safetensors"))
            let ids = try ["prompt_ids", "response_ids"].map { SafetensorsEntry(name: $0, try file.int32s($0)) }
            let offsets = try ["prompt_offsets", "response_offsets", "row_offsets"].map {
                SafetensorsEntry(name: $0, try file.int64s($0))
            }
            let metadata = ["format": "espalier-preferences", "format_version": "1", "tokenizer_digest": "abc"]
            try SafetensorsWriter.write(ids + offsets, metadata: metadata, to: data)
            let warning =
                "warning: \(golden.directory): no tokenizer.json to compare with the tokenizer that prepared \(data); copy "
                + "the files of that tokenizer to the model\n"
            for command in ["plan", "evaluate"] {
                let outcome = try run(command, ["--data", data.string])
                #expect(outcome.status == 0 && outcome.errors.hasPrefix(warning), "\(outcome.errors)")
                #expect(!(try run(command, [])).errors.contains("tokenizer"))
            }
        }
    }

    @Test("a run reports at its end where the model is and how to evaluate it, on several ranks once")
    func end() throws {
        try Places.temporary { directory in
            let output = directory.appending("out").string
            let outcome = try run("train", ["--output", output, "--max-steps", "1"])
            #expect(outcome.status == 0)
            let lines = """
                saved the model to \(output); metrics are in \(output)/metrics.jsonl
                evaluate it with: espalier evaluate --config \(output)/espalier.yaml --model \(output) \
                --reference-model \(golden.directory) --data HELDOUT.safetensors

                """
            #expect(outcome.errors.hasSuffix("\n" + lines) && outcome.output.isEmpty, "\(outcome.errors)")
            let held = ["--eval-data", golden.file.string, "--load-best-model-at-end", "--eval-steps", "1"]
            let best = try run("train", ["--output", output, "--max-steps", "2"] + held)
            #expect(best.errors.contains("\nsaved the model of step 2, the best of the evaluations, to \(output); "))
            #expect(best.errors.hasSuffix("--data \(golden.file)\n"), "\(best.errors)")
            let shared = ["train", "--model", golden.directory.string, "--data", golden.file.string, "--threads", "1"]
            let two = try Launch.run(
                "espalier",
                shared + ["--output", output, "--max-steps", "1", "--global-batch-size", "2"],
                ranks: 2
            )
            let start = MPILibrary.built.start(ranks: 2)
            let command = "evaluate it with: \(start) espalier evaluate --config \(output)/espalier.yaml"
            #expect(two.errors.components(separatedBy: command).count == 2, "\(two.errors)")
        }
    }
}
