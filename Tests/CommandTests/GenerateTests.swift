internal import Foundation
internal import Formats
internal import SystemPackage
internal import TestSupport
internal import Testing

/// The command that continues prompts.
@Suite(.serialized)
struct GenerateTests {
    private let golden = Golden.llama3

    /// A copy of the tiny model with a tokenizer of one piece for each token: " 0", " 1" and so on.
    private func model(in directory: FilePath) throws -> FilePath {
        let copy = directory.appending("model")
        try FileManager.default.copyItem(atPath: golden.directory.string, toPath: copy.string)
        let pieces = (0..<131).map { "\"<\($0)>\": \($0)" }.joined(separator: ", ")
        let tokens = (0..<131).map { "{\"id\": \($0), \"content\": \"<\($0)>\"}" }.joined(separator: ", ")
        let decoder = #"{"type": "Fuse"}"#
        let text =
            "{\"added_tokens\": [\(tokens)], \"decoder\": \(decoder), "
            + "\"model\": {\"type\": \"BPE\", \"vocab\": {\(pieces)}, \"merges\": []}}"
        try write(text, to: copy.appending("tokenizer.json"))
        return copy
    }

    private func expected() throws -> (prompt: [Int], tokens: [Int]) {
        func tokens(_ value: JSONValue?) -> [Int] { value?.array?.compactMap(\.wholeNumber) ?? [] }
        let file = Places.repository.appending("Tests/Goldens/generation.json")
        let entry = try StrictJSON.object(in: file)[golden.rawValue]?.object ?? [:]
        return (tokens(entry["prompt"]), tokens(entry["tokens"]))
    }

    private func text(_ tokens: [Int]) -> String { tokens.map { "<\($0)>" }.joined() }

    private func run(_ arguments: [String]) throws -> Outcome {
        try Launch.run("espalier", ["generate", "--threads", "1", "--max-new-tokens", "24"] + arguments, solo: true)
    }

    @Test("prompts of a file and of the command line have the tokens of transformers, until an end token")
    func continuations() throws {
        let (prompt, tokens) = try expected()
        try Places.temporary { directory in
            let model = try model(in: directory)
            let stored = try run(["--model", model.string, "--data", golden.file.string, "--examples", "0"])
            #expect(stored.output == "prompt: \(text(prompt))\ncontinuation: \(text(tokens))\n\n", "\(stored.errors)")
            let file = directory.appending("out.jsonl")
            let typed = try run(["--model", model.string, "--prompt", text(prompt), "--output", file.string])
            #expect(typed.status == 0 && typed.output.isEmpty)
            let line = try StrictJSON.object(in: file)
            #expect(line["completion"]?.string == text(tokens) && line["prompt"]?.string == text(prompt))
            #expect(line["completion_ids"]?.array?.compactMap(\.wholeNumber) == tokens)
            try write("{\"eos_token_id\": [\(tokens[3]), 130]}", to: model.appending("generation_config.json"))
            let ended = try run(["--model", model.string, "--prompt", text(prompt)])
            #expect(ended.output.hasSuffix("continuation: \(text(Array(tokens[...3])))\n\n"))
        }
    }

    @Test("each error is one line with the remedy")
    func errors() throws {
        try Places.temporary { directory in
            let model = try model(in: directory).string
            func expect(_ message: String, _ arguments: [String], at location: SourceLocation = #_sourceLocation) throws
            {
                let outcome = try run(arguments)
                let found = outcome.errors.replacingOccurrences(of: directory.string, with: "DIR")
                #expect(outcome.status == 64 && found == "error: \(message)\n", sourceLocation: location)
            }
            try expect("give one of --prompt, --data; found none", ["--model", model])
            try expect(
                "give one of --prompt, --data; found --prompt and --data",
                ["--model", model, "--prompt", "a", "--data", golden.file.string]
            )
            try expect("--prompt must be a text of at least one token, found none", ["--model", model, "--prompt", ""])
            try expect(
                "--top-k needs --temperature; add --temperature, or remove --top-k",
                ["--model", model, "--prompt", "<1>", "--top-k", "4"]
            )
            try expect(
                "--examples must be from 0 to 5, the examples of \(golden.file), found 6",
                ["--model", model, "--data", golden.file.string, "--examples", "6"]
            )
            try expect(
                "the longest prompt with --max-new-tokens must be at most 512 tokens, as the model takes, found 601",
                ["--model", model, "--prompt", "<1>", "--max-new-tokens", "600"]
            )
            let larger = Places.repository.appending("Tests/Goldens/tokenizers/gpt2.json").string
            try FileManager.default.removeItem(atPath: model + "/tokenizer.json")
            try FileManager.default.copyItem(atPath: larger, toPath: model + "/tokenizer.json")
            let outcome = try run(["--model", model, "--prompt", "a text of words"])
            #expect(outcome.status == 64 && outcome.errors.contains("below the model's vocabulary size 131, found"))
        }
    }
}
