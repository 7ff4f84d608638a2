internal import Compute
internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// The predictions of `espalier plan`.
@Suite(.serialized)
struct PlanTests {
    private func plan(_ arguments: [String]) throws -> [String] {
        let golden = Golden.tied
        let model = ["--model", golden.directory.string]
        let outcome = try Launch.run(
            "espalier",
            ["plan", "--data", golden.file.string] + (arguments.contains("--model") ? [] : model) + arguments,
            solo: true
        )
        #expect(outcome.status == 0, "\(outcome.errors)")
        return outcome.output.components(separatedBy: "\n")
    }

    @Test("lengths, sharing, packing and the tree of an example")
    func page() throws {
        let lines = try plan(["--global-batch-size", "3", "--row-tokens", "100", "--ranks", "2", "--row", "3"])
        let words = lines.map { $0.split(separator: " ").joined(separator: " ") }
        for line in [
            "tokens min median 90 % max count", "prompt 1 23 90 90 6", "response 1 10 21 30 16",
            "longest: of each example, the prompt with its longest response",
            "sharing tokens TFLOP ratio saved", "none 823 0.00 1.00 0.0 %",
            "ratio: FLOPs without sharing over those with it, about the speed-up",
            "saved: of the tokens without sharing",
            "steps 2 of 3 examples, 2 per epoch",
            "example 3: 2 responses to a prompt of 17 tokens; 28 tokens computed, 52 without sharing",
        ] {
            #expect(words.contains(line), "\(line) in \(words)")
        }
        #expect(words.contains("ranks 2, each 0.00 TFLOP per step"))
        #expect(words.contains { $0.hasPrefix("balance load imbalance (maximum over mean) ") })
        #expect(lines.prefix { !$0.hasPrefix("example") }.allSatisfy { $0.count < 80 })
        #expect(!words.contains { $0.hasPrefix("eval") })
    }

    @Test("the number format of products, and whether this processor has its instructions")
    func precision() throws {
        let hasInstructions = ProductKernel.bfloat16.contains(where: \.isAvailable)
        for (precision, format, result) in [
            ("bfloat16", "bfloat16", "refused"), ("auto", "bfloat16 or float32, as measured", "float32"),
        ] {
            let lines = try plan(["--precision", precision])
            let index = try #require(lines.firstIndex { $0.hasPrefix("products ") })
            #expect(lines[index] == "products in \(format); FLOPs and memory are those of float32")
            let note = "         \(result) here: this processor has neither AVX512-BF16 nor AMX-BF16"
            #expect((lines[index + 1] == note) != hasInstructions)
        }
        #expect(try !plan([]).contains { $0.hasPrefix("products ") })
    }

    @Test("the number and size of evaluations, and the memory that they need")
    func evaluation() throws {
        let held = ["--eval-data", Golden.tied.file.string]
        let often = try plan(held + ["--eval-steps", "2", "--eval-on-start", "--max-steps", "5", "--ranks", "2"])
        #expect(often.contains("eval     4 evaluations of 6 examples, each 0.00 TFLOP per rank"), "\(often)")
        // Trains only on the first example; the others are larger. Each of many threads has gradients of keys and values.
        func memory(_ arguments: [String]) throws -> String? {
            let schedule = ["--no-shuffle", "--global-batch-size", "1", "--max-steps", "1", "--row-tokens", "100000"]
            return try plan(schedule + ["--threads", "512"] + arguments)
                .first { $0.hasPrefix("memory") }
        }
        let (alone, evaluated) = (try memory([]), try memory(held))
        #expect(alone != nil && evaluated != nil && alone != evaluated)
    }

    @Test("an adapter needs the memory of its own gradients and moments, and 16-bit weights half of the model's")
    func adapter() throws {
        try Places.temporary { directory in
            // Only its configuration is read: 8 layers of 12.6 million parameters, and 51 million of the embedding.
            let sizes: [String: Any] = [
                "hidden_size": 1024, "intermediate_size": 3072, "num_hidden_layers": 8, "num_attention_heads": 16,
                "num_key_value_heads": 8, "head_dim": 64, "vocab_size": 50_000,
            ]
            let config = try jsonObject(Golden.tied.directory.appending("config.json")).merging(sizes) { $1 }
            let path = directory.appending("config.json").string
            try JSONSerialization.data(withJSONObject: config).write(to: URL(fileURLWithPath: path))
            let matrices: [(Int, Int)] = [
                (1024, 1024), (512, 1024), (512, 1024), (1024, 1024), (3072, 1024), (3072, 1024), (1024, 3072),
            ]
            let model = 8 * matrices.reduce(0) { $0 + $1.0 * $1.1 } + 50_000 * 1024
            let adapter = 8 * 16 * matrices.reduce(0) { $0 + $1.0 + $1.1 }
            let expected: [([String], Int)] = [
                ([], 16 * model), (["--dtype", "bfloat16"], 18 * model),
                (["--lora-r", "16"], 4 * model + 16 * adapter),
                (["--lora-r", "16", "--dtype", "bfloat16"], 2 * model + 16 * adapter),
            ]
            for (options, bytes) in expected {
                let targets = !options.contains("--lora-r") ? [] : ["--lora-target-modules", "all-linear"]
                let lines = try plan(["--model", directory.string] + options + targets)
                let line = try #require(lines.first { $0.hasPrefix("memory") })
                let found = line.split(separator: " ").compactMap { Double($0) }
                // Norms are not counted here, and the page has two digits.
                #expect(found.count == 2 && abs(found[1] - Double(bytes) / 1e9) < 0.006, "\(line): \(bytes)")
            }
        }
    }

    @Test("the memory includes examples that a run visits only after a rollback")
    func rollback() throws {
        try Places.temporary { directory in
            // Only the first example is trained on, unless the run rolls back; the others are larger.
            let schedule = [
                "--no-shuffle", "--global-batch-size", "1", "--max-steps", "1", "--row-tokens", "100000", "--threads",
                "512",
            ]
            func memory(_ name: String, _ settings: String) throws -> String? {
                let file = directory.appending(name)
                try settings.write(toFile: file.string, atomically: true, encoding: .utf8)
                return try plan(schedule + ["--config", file.string]).first { $0.hasPrefix("memory") }
            }
            let saved = try memory("saved", "save_steps: 100\n")
            let rollsBack = try memory("rolls-back", "save_steps: 100\nrollback_on_spike: 5.0\n")
            #expect(saved != nil && rollsBack != nil && saved != rollsBack)
        }
    }

    @Test("the predicted tokens are those that a run computes")
    func tokens() throws {
        for sharing in ["none", "prompt", "prefix", "any"] {
            let run = try train(["--sharing", sharing])
            let predicted = try plan(["--global-batch-size", "4", "--num-train-epochs", "2"])
                .map { $0.split(separator: " ") }
                .drop { $0.first != "sharing" }
                .first { $0.first == Substring(sharing) }
            #expect(predicted.map { Double($0[1]) } == run.summary["tokens_computed"])
        }
    }
}
