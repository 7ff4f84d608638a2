internal import Formats
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Data whose examples share prompts, from the file to the weights.
@Suite(.serialized)
struct SharedPromptTests {
    /// Writes the golden data with every pair as an example of its own, each followed by the next turn.
    private func writePairs(to path: FilePath) throws {
        let golden = try SafetensorsFile(Golden.tied.expected)
        func slices(_ name: String) throws -> [[Int32]] {
            let ids = try golden.int32s("\(name)_ids")
            let ends = try golden.int64s("\(name)_offsets").map { Int($0) }
            return zip(ends, ends.dropFirst()).map { Array(ids[$0..<$1]) }
        }
        let (prompts, responses) = (try slices("prompt"), try slices("response"))
        let rows = try golden.int64s("row_offsets").map { Int($0) }
        var pairs: [Example] = []
        for (index, prompt) in prompts.enumerated() {
            for other in rows[index] + 1..<rows[index + 1] {
                pairs.append((prompt, [responses[rows[index]], responses[other]]))
            }
            let turn = prompt + responses[rows[index]] + [3]
            pairs.append((turn, [[4, 5], [5, Int32(index)]]))
        }
        try writePrepared(pairs, to: path)
    }

    @Test("examples in one tree train like separate ones, and grouped steps compute less")
    func trees() throws {
        try Places.temporary { directory in
            let data = directory.appending("pairs.safetensors")
            try writePairs(to: data)
            for grouping in [[], ["--group-by-prompt"]] {
                let arguments = ["--data", data.string, "--global-batch-size", "6"] + grouping
                let plain = try train(arguments + ["--sharing", "none"])
                let apart = try train(arguments + ["--sharing", "prefix", "--row-tokens", "1"])
                let joined = try train(arguments + ["--sharing", "prefix"])
                for run in [apart, joined] { expectSame(run, plain, steps: 6) }
                expectSame(try train(ranks: Launch.hasMPI ? 2 : nil, arguments), plain, steps: 6)
                let tokens = [joined, apart].map { $0.summary["tokens_computed"] ?? 0 }
                // A quarter is saved if the examples of each prompt are in one step.
                #expect(tokens[0] < (grouping.isEmpty ? 1 : 0.75) * tokens[1], "\(tokens)")
                let schedule = ["--global-batch-size", "6", "--num-train-epochs", "2", "--sharing", "prefix"]
                let predicted = try plan(["--data", data.string] + schedule)
                #expect(predicted[grouping.isEmpty ? "prefix" : "grouped"] == tokens[0])
            }
        }
    }

    @Test("examples that begin with the same system message train like separate ones, and plan predicts their tokens")
    func systemMessage() throws {
        try Places.temporary { directory in
            let data = directory.appending("system.safetensors")
            let system = (0..<40).map { Int32(7 * $0 % 131) }
            let examples = (0..<12).map { index -> Example in
                let text = (0..<20).map { Int32((index * $0 + 3 * index) % 131) }
                return (system + [Int32(index)] + text.prefix(1 + index), [Array(text.suffix(4 + index % 3)), [1, 2]])
            }
            try writePrepared(examples, to: data)
            let arguments = ["--data", data.string, "--global-batch-size", "6"]
            let plain = try train(arguments + ["--sharing", "none"])
            for more in [[], ["--row-tokens", "150", "--threads", "2"], ["--row-tokens", "1"], ["--shards", "2"]] {
                expectSame(try train(arguments + more), plain)
            }
            for ranks in Launch.hasMPI ? [2, 3] : [] {
                expectSame(try train(ranks: ranks, arguments + ["--sharing", "any", "--threads", "2"]), plain)
            }
            let tokens = try ["prefix", "any"].map { sharing in
                try train(arguments + ["--sharing", sharing]).summary["tokens_computed"]
            }
            let predicted = try plan(arguments + ["--num-train-epochs", "2"])
            #expect(tokens == [predicted["prefix"], predicted["any"]] && predicted["example"] == predicted["prefix"])
            // Four steps of one packed sequence, whose six trees have the message in common.
            #expect(tokens[0]! - tokens[1]! == Double(4 * 5 * system.count))
        }
    }

    /// The tokens that `espalier plan` predicts for each sharing mode.
    private func plan(_ arguments: [String]) throws -> [String: Double] {
        let outcome = try Launch.run(
            "espalier",
            ["plan", "--model", Golden.tied.directory.string, "--seed", "7"] + arguments,
            solo: true
        )
        let lines = outcome.output.split(separator: "\n").map { $0.split(separator: " ") }
        return lines.drop { $0.first != "sharing" }.prefix { $0.first != "ratio:" }.reduce(into: [:]) { result, words in
            if words.count > 1 { result[String(words[0])] = Double(words[1]) }
        }
    }
}
