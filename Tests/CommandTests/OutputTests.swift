internal import Collectives
internal import Foundation
internal import Formats
internal import SystemPackage
internal import TestSupport
internal import Testing
internal import Transformer

/// The output files of the commands.
@Suite(.serialized)
struct OutputTests {
    /// Every number of ranks for the long goldens, one for each of the others.
    static let goldensOnRanks: [(Golden, Int)] =
        Golden.long.flatMap { golden in [1, 2, 4].map { (golden, $0) } }
        + Golden.short.enumerated().map { number, golden in (golden, [1, 2, 4][number % 3]) }

    @Test(
        "logps equal the goldens on any number of ranks",
        .enabled(if: Launch.testsRankRuns, "needs mpirun, optimized"),
        arguments: goldensOnRanks
    )
    func logps(golden: Golden, ranks: Int) throws {
        try Places.temporary { directory in
            let output = directory.appending("logps.safetensors")
            let arguments = [
                "logps", "--model", golden.directory.string, "--data", golden.file.string, "--output", output.string,
                "--threads", "1",
            ]
            let outcome = try Launch.run("espalier", arguments, ranks: ranks)
            #expect(outcome.status == 0, "\(outcome.errors)")
            let expected = try SafetensorsFile(golden.expected)
            let found = try SafetensorsFile(output)
            let pairs = try zip(found.float64s("response_logps"), expected.float64s("response_logps"))
            #expect(Array(pairs).count == (Golden.long.contains(golden) ? 16 : 14))
            #expect(pairs.allSatisfy { abs($0 - $1) < 2e-6 * abs($1) })
            #expect(try found.float32s("token_logps").count == expected.float32s("token_logps").count)
        }
    }

    @Test(
        "logps are those of model.safetensors if there is an index too, which is reported once",
        .enabled(if: Launch.hasMPI, "mpirun is not installed")
    )
    func staleIndex() throws {
        try Places.temporary { directory in
            let source = directory.appending("source")
            try FileManager.default.copyItem(atPath: Golden.tied.directory.string, toPath: source.string)
            let index = source.appending("model.safetensors.index.json")
            let shard = Golden.freeHead.directory.appending("model.safetensors")
            try FileManager.default.copyItem(atPath: shard.string, toPath: source.appending("other.safetensors").string)
            let map = try ModelWeights(directory: source).names.map { "\"\($0)\": \"other.safetensors\"" }
            try "{\"weight_map\": {\(map.joined(separator: ", "))}}"
                .write(toFile: index.string, atomically: true, encoding: .utf8)
            let output = directory.appending("logps.safetensors")
            let arguments = [
                "logps", "--model", source.string, "--data", Golden.tied.file.string, "--output", output.string,
                "--threads", "1",
            ]
            let outcome = try Launch.run("espalier", arguments, ranks: 2)
            #expect(outcome.status == 0, "\(outcome.errors)")
            let expected = try SafetensorsFile(Golden.tied.expected).float64s("response_logps")
            let found = try SafetensorsFile(output).float64s("response_logps")
            #expect(found.count == 16 && zip(found, expected).allSatisfy { abs($0 - $1) < 2e-6 * abs($1) })
            let warning =
                "warning: \(index): ignored, because model.safetensors exists, which transformers reads too; remove "
                + "the outdated one\n"
            #expect(outcome.errors.components(separatedBy: warning).count == 2, "\(outcome.errors)")
        }
    }

    @Test("uncounted tokens contribute to no log-probability, including the reference's")
    func skippedTokens() throws {
        try Places.temporary { directory in
            let golden = try SafetensorsFile(Golden.tied.expected)
            let expected = try golden.float32s("token_logps")
            let offsets = try golden.int64s("response_offsets").map { Int($0) }
            let ranges = zip(offsets, offsets.dropFirst()).enumerated().map { index, bounds in
                bounds.0 + 3 * index % (bounds.1 - bounds.0)..<bounds.1
            }
            let skips = zip(ranges, offsets).map { Int32($0.lowerBound - $1) }
            let data = directory.appending("data.safetensors")
            try SafetensorsWriter.write(
                try ["prompt_ids", "response_ids"].map { SafetensorsEntry(name: $0, try golden.int32s($0)) }
                    + ["prompt_offsets", "response_offsets", "row_offsets"].map {
                        SafetensorsEntry(name: $0, try golden.int64s($0))
                    } + [SafetensorsEntry(name: "response_skips", skips)],
                metadata: ["format": "espalier-preferences", "format_version": "2"],
                to: data
            )
            func run(_ command: String, _ arguments: [String]) throws {
                let shared = ["--model", Golden.tied.directory.string, "--data", data.string, "--threads", "1"]
                let outcome = try Launch.run("espalier", [command] + shared + arguments, solo: true)
                #expect(outcome.status == 0, "\(outcome.errors)")
            }

            let output = directory.appending("logps.safetensors")
            try run("logps", ["--output", output.string])
            let tokens = try SafetensorsFile(output).float32s("token_logps")
            let counted = Set(ranges.flatMap { $0 })
            #expect(counted.count > 30 && counted.count < expected.count - 30)
            for (index, (found, logp)) in zip(tokens, expected).enumerated() {
                #expect(counted.contains(index) ? abs(found - logp) < 2e-5 : found == 0, "token \(index)")
            }
            let sums = ranges.map { $0.reduce(0) { $0 + Double(expected[$1]) } }
            let responses = try SafetensorsFile(output).float64s("response_logps")
            #expect(zip(responses, sums).allSatisfy { abs($0 - $1) < 2e-6 * abs($1) } && responses.count == sums.count)

            // Against itself through the cache, the model's rewards are 0: both count the same tokens.
            let rows = try golden.int64s("row_offsets").map { Int($0) }
            let pairs = zip(rows, rows.dropFirst()).flatMap { Array(repeating: sums[$0], count: $1 - $0 - 1) }
            let (cache, report) = (directory.appending("reference.safetensors"), directory.appending("eval.json"))
            for _ in 0..<2 {
                try run(
                    "evaluate",
                    [
                        "--reference-model", Golden.tied.directory.string, "--reference-cache", cache.string,
                        "--output", report.string,
                    ]
                )
                let found = try Metrics(json: String(contentsOfFile: report.string, encoding: .utf8))
                #expect(abs(try #require(found["eval_rewards/chosen"])) < 1e-6)
                let chosen = pairs.reduce(0, +) / Double(pairs.count)
                #expect(abs(try #require(found["eval_logps/chosen"]) - chosen) < 1e-5 * abs(chosen))
            }
        }
    }

    @Test(
        "the output directory has a float32 configuration, by the key of either generation, and is a valid model directory",
        arguments: ["dtype", "torch_dtype"]
    )
    func directory(key: String) throws {
        try Places.temporary { directory in
            let (source, output) = (directory.appending("source"), directory.appending("model"))
            try FileManager.default.copyItem(atPath: Golden.tied.directory.string, toPath: source.string)
            let path = source.appending("config.json").string
            let configuration = try String(contentsOfFile: path, encoding: .utf8)
            try configuration.replacingOccurrences(of: "\"dtype\": \"float32\"", with: "\"\(key)\": \"bfloat16\"")
                .write(toFile: path, atomically: true, encoding: .utf8)
            let outcome = try Launch.run(
                "espalier",
                [
                    "train", "--model", source.string, "--data", Golden.tied.file.string, "--output", output.string,
                    "--max-steps", "1", "--threads", "1",
                ],
                solo: true
            )
            #expect(outcome.status == 0, "\(outcome.errors)")
            let written = try ModelDescription(directory: output).architecture
            #expect(try written == ModelDescription(directory: Golden.tied.directory).architecture)
            #expect(try ModelWeights(directory: output).names == ModelWeights(directory: Golden.tied.directory).names)
            let json = try String(contentsOfFile: output.appending("config.json").string, encoding: .utf8)
            #expect(json.contains("\"\(key)\": \"float32\"") && json.components(separatedBy: "dtype").count == 2)
            #expect(outcome.errors.contains("train: step 1/1  loss 0.6931"), "\(outcome.errors)")
        }
    }

    @Test("a profiled run writes its phases and a trace, and trains to the same bits, also with recomputation")
    func phases() throws {
        try Places.temporary { directory in
            func train(_ flags: [String]) throws -> FilePath {
                let output = directory.appending("model\(flags.joined())")
                let outcome = try Launch.run(
                    "espalier",
                    [
                        "train", "--model", Golden.tied.directory.string, "--data", Golden.tied.file.string, "--output",
                        output.string, "--max-steps", "2", "--threads", "2",
                    ] + flags,
                    solo: true
                )
                #expect(outcome.status == 0, "\(outcome.errors)")
                return output
            }
            func bytes(_ path: FilePath) -> Data? { FileManager.default.contents(atPath: path.string) }
            let plain = try train([])
            let profiled = try train(["--profile-phases", "--recompute"])
            let weights = try #require(bytes(plain.appending("model.safetensors")))
            #expect(weights == bytes(profiled.appending("model.safetensors")))
            #expect(bytes(plain.appending("trace.json")) == nil && bytes(plain.appending("phases.txt")) == nil)
            let table = String(decoding: try #require(bytes(profiled.appending("phases.txt"))), as: UTF8.self)
            for phase in ["plan", "attention", "feed-forward backward", "head", "gradient norm", "optimizer"] {
                #expect(table.contains("\n\(phase) "), "\(phase)")
            }
            #expect(table.split(separator: "\n").allSatisfy { $0.count <= 100 })
            let trace = try #require(bytes(profiled.appending("trace.json")))
            let root = try JSONSerialization.jsonObject(with: trace) as? [String: Any]
            #expect((root?["traceEvents"] as? [Any] ?? []).count > 100)
        }
    }

    @Test(
        "evaluation against the reference equals the metrics of the next training step before its update",
        arguments: [["sigmoid"], ["aot_unpaired", "sft", "--pairs", "all"]]
    )
    func evaluation(objective: [String]) throws {
        try Places.temporary { directory in
            let loss = ["--loss-type"] + objective
            func run(_ command: String, _ arguments: [String]) throws {
                let data = ["--data", Golden.tied.file.string, "--threads", "1"]
                let outcome = try Launch.run("espalier", [command] + data + arguments + loss, solo: true)
                #expect(outcome.status == 0, "\(outcome.errors)")
            }
            func train(steps: Int) throws -> FilePath {
                let output = directory.appending("\(steps)")
                try run(
                    "train",
                    [
                        "--model", Golden.tied.directory.string, "--output", output.string, "--max-steps", "\(steps)",
                        "--global-batch-size", "6", "--learning-rate", "0.001", "--lr-scheduler-type", "constant",
                    ]
                )
                return output
            }
            let (model, report) = (try train(steps: 3), directory.appending("eval.json"))
            try run(
                "evaluate",
                [
                    "--model", model.string, "--reference-model", Golden.tied.directory.string, "--output",
                    report.string,
                ]
            )
            let found = try Metrics(json: String(contentsOfFile: report.string, encoding: .utf8))
            let expected = try TrainedRun(train(steps: 4)).metrics[3]
            for name in [
                "loss", "rewards/chosen", "rewards/rejected", "rewards/margins", "rewards/accuracies", "logps/chosen",
                "logps/rejected", "entropy", "mean_token_accuracy",
            ] {
                let (a, b) = try (#require(found["eval_" + name]), #require(expected[name]))
                #expect(abs(a - b) < 1e-5 * max(1, abs(b)), "\(name): \(a) and \(b)")
            }
            let first = try #require(TrainedRun(directory.appending("4")).metrics[0]["loss"])
            #expect(try #require(found["eval_loss"]) < first - 0.001)
        }
    }

    @Test("the command that a run prints at its end gives the figure of the run's own evaluation, in a shell")
    func printedCommand() throws {
        try Places.temporary { directory in
            let output = directory.appending("Anna's first run")
            let held = ["--eval-data", Golden.tied.file.string, "--eval-steps", "2", "--max-steps", "2"]
            let outcome = try TinyRuns(output: output).finish(["--loss-type", "ipo", "--beta", "0.5"] + held)
            let line = try #require(outcome.errors.split(separator: "\n").last { $0.hasPrefix("evaluate it with: ") })
            let start = MPILibrary.built.start(ranks: 2)
            #expect(line.hasPrefix("evaluate it with: espalier evaluate ") || line.contains(": \(start) "), "\(line)")
            let command = try #require(line.split(separator: "espalier ", maxSplits: 1).last)
            let executable = Places.products.appending("espalier")
            let evaluation = try Launch.tool("sh", ["-c", "\(executable) \(command)"])
            #expect(evaluation.status == 0, "\(evaluation.errors)")
            let found = try #require(Metrics(json: evaluation.output)["eval_loss"])
            let expected = try #require(TrainedRun(output).evaluations.last?["eval_loss"])
            #expect(abs(found - expected) <= 1e-6 * abs(expected), "\(found) and \(expected)")
            #expect(expected != 0)
        }
    }

    @Test("with standard input, output and error closed, only metrics are in the files of a run")
    func closedStreams() throws {
        try Places.temporary { directory in
            let executable = Places.products.appending("espalier").string
            let output = directory.appending("out")
            let train =
                "\(executable) train --model \(Golden.tied.directory) --data \(Golden.tied.file) --output \(output) "
                + "--max-steps 3 --threads 1"
            let outcome = try Launch.tool("sh", ["-c", "\(train) <&- >&- 2>&-"])
            #expect(outcome.status == 0)
            let lines = try String(contentsOfFile: output.appending("metrics.jsonl").string, encoding: .utf8)
                .split(separator: "\n")
            #expect(lines.count == 3 && lines.allSatisfy { $0.hasPrefix("{") && $0.hasSuffix("}") }, "\(lines)")
        }
    }

    @Test("a reference cache is written, reused, and refused for other data or another model")
    func cache() throws {
        try Places.temporary { directory in
            let cache = directory.appending("reference.safetensors").string
            func run(model: Golden, data: Golden, _ arguments: [String]) throws -> Outcome {
                try Launch.run(
                    "espalier",
                    [
                        "train", "--model", model.directory.string, "--data", data.file.string, "--reference-cache",
                        cache, "--threads", "1", "--global-batch-size", "2", "--no-shuffle",
                    ] + arguments,
                    solo: true
                )
            }
            func computed(_ name: String, _ arguments: [String]) throws -> Double? {
                let output = directory.appending(name)
                let outcome = try run(model: .tied, data: .tied, ["--output", output.string] + arguments)
                #expect(outcome.status == 0, "\(outcome.errors)")
                return try TrainedRun(output).summary["reference_rows"]
            }
            #expect(try computed("a", ["--max-steps", "1"]) == 2)
            #expect(try computed("b", []) == 4)
            #expect(try computed("c", []) == 0)
            for (model, data, what) in [
                (Golden.freeHead, Golden.tied, "another model, --dtype or --precision"),
                (.tied, .freeHead, "other data"),
            ] {
                let foreign = try run(model: model, data: data, ["--output", directory.appending("d").string])
                #expect(foreign.status == 64)
                #expect(foreign.errors.contains("error: \(cache): made for \(what);"), "\(foreign.errors)")
            }
        }
    }
}
