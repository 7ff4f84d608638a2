internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// What `espalier bench` measures and reports; no test checks how fast it is.
@Suite(.serialized)
struct BenchTests {
    private let model = ["bench", "--model", Golden.tied.directory.string, "--threads", "1"]

    /// The report as JSON, its results, and the printed lines.
    private struct Report {
        let fields: Metrics
        let results: [(data: String, sharing: String, fields: Metrics)]
        let lines: [[Substring]]
    }

    private func bench(_ arguments: [String], ranks: Int? = nil) throws -> Report {
        try Places.temporary { directory in
            let file = directory.appending("report.json").string
            let command = model + arguments + ["--json", file]
            let outcome = try Launch.run("espalier", command, ranks: ranks ?? 1, solo: ranks == nil)
            guard outcome.status == 0 else { throw Failure(description: outcome.errors) }
            let json = try String(contentsOfFile: file, encoding: .utf8)
            let object = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any] ?? [:]
            #expect(object["model"] as? String == Golden.tied.directory.string)
            let results = object["results"] as? [[String: Any]] ?? []
            return Report(
                fields: try Metrics(json: json),
                results: results.map { result in
                    let fields = result.compactMapValues { ($0 as? NSNumber)?.doubleValue }
                    return (result["data"] as? String ?? "", result["sharing"] as? String ?? "", fields)
                },
                lines: outcome.output.components(separatedBy: "\n").map { $0.split(separator: " ") }
            )
        }
    }

    private static let names = [
        "mfu", "mfu_min", "mfu_max", "step_seconds", "step_seconds_min", "step_seconds_max", "pairs",
        "tokens_computed", "pairs_per_second", "tokens_computed_per_second", "flop_ratio_vs_none", "forward_seconds",
        "backward_seconds", "head_seconds", "waiting_seconds", "communication_seconds",
        "exposed_communication_seconds", "optimizer_seconds", "system_seconds", "peak_rss_bytes", "flops",
        "packed_tokens", "activation_bytes",
        "imbalance", "measured_imbalance",
    ]

    /// Checks that a result has all its numbers and that they are consistent.
    private func expectSound(_ fields: Metrics, pairs: Double) throws {
        for name in Self.names { #expect(try #require(fields[name], "\(name)") >= 0) }
        func value(_ name: String) -> Double { fields[name] ?? .nan }
        #expect(value("pairs") == pairs)
        for name in ["mfu", "step_seconds"] {
            #expect(0 < value(name + "_min"), "\(name)")
            #expect(value(name + "_min") <= value(name) && value(name) <= value(name + "_max"), "\(name)")
        }
        for (rate, count) in [("pairs_per_second", "pairs"), ("tokens_computed_per_second", "tokens_computed")] {
            #expect(abs(value(rate) * value("step_seconds") / value(count) - 1) < 1e-9)
        }
        #expect(value("peak_rss_bytes") > 1e6)
        #expect(value("flops") > 1e3 && value("imbalance") >= 1 && value("measured_imbalance") >= 1)
    }

    /// Checks the rates that `mfu` and its explanation need.
    private func expectPeaks(_ report: Report) throws {
        let names = ["peak_gflops", "library_gflops"]
        let hasBFloat16 = try hasBFloat16Instruction()
        #expect((report.fields["bfloat16_peak_gflops"] != nil) == hasBFloat16)
        for name in names + (hasBFloat16 ? ["bfloat16_peak_gflops"] : []) {
            let values = try ["_min", "", "_max"].map { try #require(report.fields[name + $0], "\(name)") }
            #expect(values[0] > 0 && values == values.sorted(), "\(name)")
        }
        let line = try #require(report.lines.first { $0.first == "peak" }).joined(separator: " ")
        #expect(line.contains(" in registers") && line.contains("OpenBLAS's products"))
        #expect(line.contains(" in bfloat16") == hasBFloat16)
    }

    @Test("the tokens and FLOPs saved on a file are those that plan predicts")
    func file() throws {
        let golden = Golden.tied
        let data = ["--data", golden.file.string, "--global-batch-size", "6"]
        let modes = ["none", "prompt", "prefix", "any"]
        let report = try bench(data + ["--repeats", "2"] + modes.flatMap { ["--sharing", $0] })
        #expect(report.results.map(\.sharing) == modes)
        #expect(report.fields["ranks"] == 1 && report.fields["threads"] == 1 && report.fields["repeats"] == 2)
        try expectPeaks(report)
        let plan = try Launch.run("espalier", ["plan", "--model", golden.directory.string] + data, solo: true)
        let predicted = plan.output.split(separator: "\n").map { $0.split(separator: " ") }
            .drop { $0.first != "sharing" }
        for result in report.results {
            #expect(result.data == golden.file.string)
            try expectSound(result.fields, pairs: 10)
            let line = try #require(predicted.first { $0.first == Substring(result.sharing) })
            #expect(result.fields["tokens_computed"] == Double(line[1]))
            #expect(String(format: "%.2f", result.fields["flop_ratio_vs_none"] ?? 0) == line[3])
            #expect(result.fields["paper_speedup"] == nil)
        }
        #expect(report.results[0].fields["speedup_vs_none"] == 1)
        #expect(report.results[0].fields["flop_ratio_vs_none"] == 1)
    }

    // With few and short examples: a debug build on a busy machine must finish in time.
    @Test(
        "each profile is measured once with each sharing mode, on any number of ranks",
        .enabled(if: Launch.testsRankRuns, "needs mpirun, optimized"),
        arguments: [(1, ["all", "tldr"]), (2, ["hh-rlhf", "ultrafeedback", "hh-rlhf"])]
    )
    func profiles(ranks: Int, names: [String]) throws {
        let report = try bench(
            names.flatMap { ["--profile", $0] } + ["--global-batch-size", "\(ranks)", "--repeats", "1"],
            ranks: ranks
        )
        let all = [
            ("capybara", 1.34), ("hh-rlhf", 1.41), ("metamath-dpo", 1.57), ("tldr", 1.35), ("tulu-helpsteer", 1.48),
            ("ultrafeedback", 1.17),
        ]
        let paper = all.filter { names.contains("all") || names.contains($0.0) }
        #expect(report.fields["ranks"] == Double(ranks))
        #expect(report.results.map(\.data) == paper.flatMap { [$0.0, $0.0] })
        for (index, result) in report.results.enumerated() {
            try expectSound(result.fields, pairs: Double(ranks))
            #expect(result.sharing == (index % 2 == 0 ? "none" : "any"))
            #expect(result.fields["paper_speedup"] == paper[index / 2].1)
            #expect((result.fields["speedup_vs_none"] ?? 0) > 0)
            let ratio = try #require(result.fields["flop_ratio_vs_none"])
            #expect(index % 2 == 0 ? ratio == 1 : ratio > 1 && ratio < 2)
        }
        let table = report.lines.filter { ["none", "any"].contains($0.dropFirst().first) }
        #expect(table.compactMap(\.first) == paper.map { Substring($0.0) })
    }

    @Test("uniform trees have the requested tokens; without a measurement of none there is no speed-up")
    func uniform() throws {
        let report = try bench(
            [
                "--tree-tokens", "60", "--responses", "6", "--sharing", "prefix", "--sharing", "prompt", "--repeats",
                "1", "--global-batch-size", "5", "--row-tokens", "16",
            ]
        )
        #expect(report.results.map(\.sharing) == ["prefix", "prompt"])
        for result in report.results {
            #expect(result.data == "uniform-60-6")
            try expectSound(result.fields, pairs: 25)
            #expect(result.fields["tokens_computed"] == 300)
            #expect(result.fields["speedup_vs_none"] == nil && result.fields["paper_speedup"] == nil)
        }
    }

    @Test("several numbers of responses are measured one after the other, also with each pair as an example of its own")
    func responses() throws {
        let report = try bench(
            [
                "--tree-tokens", "60", "--responses", "2", "5", "--sharing", "none", "--sharing", "pairs", "--sharing",
                "prefix", "--repeats", "1", "--global-batch-size", "3",
            ]
        )
        // 30 tokens of prompt; 15 per response, or 6.
        let expected = [
            ("uniform-60-2", 3, [90, 60, 60]), ("uniform-60-5", 12, [5 * 36, 4 * (30 + 6 + 6), 60]),
        ]
        for (index, result) in report.results.enumerated() {
            let (source, pairs, tokens) = expected[index / 3]
            #expect(result.data == source && result.sharing == ["none", "pairs", "prefix"][index % 3])
            try expectSound(result.fields, pairs: Double(pairs))
            #expect(result.fields["tokens_computed"] == Double(3 * tokens[index % 3]))
        }
        #expect(report.results.count == 6)
    }

    @Test(
        "turns of a conversation are examples, in one tree with prefix; gains are over no sharing and over pairs",
        arguments: [("best-vs-rest", 2), ("all", 3)]
    )
    func turns(pairing: String, pairs: Int) throws {
        let report = try bench(
            [
                "--prompt-tokens", "40", "48", "--turns", "4", "--response-tokens", "5", "--responses", "3",
                "--sharing",
                "none", "--sharing", "pairs", "--sharing", "prefix", "--repeats", "1", "--global-batch-size", "4",
                "--row-tokens", "128", "--pairs", pairing,
            ]
        )
        #expect(report.results.map(\.data) == ["turns-4-40-3", "turns-4-48-3"].flatMap { [$0, $0, $0] })
        for (index, result) in report.results.enumerated() {
            try expectSound(result.fields, pairs: Double(4 * pairs))
            // The prompts of all turns, and the last one.
            let (sum, last) = [(100, 40), (120, 48)][index / 3]
            let tokens = [3 * sum + 60, pairs * (sum + 4 * 2 * 5), last + 9 * 5][index % 3]
            #expect(result.fields["tokens_computed"] == Double(tokens))
            let flops = try #require(result.fields["flops"])
            for (other, name) in ["none", "pairs"].enumerated() {
                let others = try #require(report.results[index / 3 * 3 + other].fields["flops"])
                let ratio = try #require(result.fields["computed_flop_ratio_vs_\(name)"])
                #expect(abs(ratio * flops / others - 1) < 1e-9)
            }
            #expect(try #require(result.fields["speedup_vs_pairs"]) > 0)
        }
        let whole = report.results[2].fields
        #expect(whole["flop_ratio_vs_none"] ?? 0 > 2 && whole["packed_tokens"] ?? 0 >= 85)
        let gains = report.lines.filter { $0.first?.hasPrefix("turns-4-") == true && $0.count == 9 }
        #expect(gains.map { $0[1] } == ["none", "pairs", "prefix", "none", "pairs", "prefix"], "\(report.lines)")
    }

    @Test("a prefix of all prompts is computed once for each packed sequence with any, else once for each example")
    func sharedPrefix() throws {
        let report = try bench(
            [
                "--tree-tokens", "60", "--shared-prefix", "40", "--repeats", "1", "--global-batch-size", "6",
                "--row-tokens", "200",
            ] + ["none", "prefix", "any"].flatMap { ["--sharing", $0] }
        )
        #expect(report.fields["shared_prefix"] == 40)
        // Two trees of 60 tokens, with the prefix, are in a packed sequence of 160 tokens; a third would make it 220.
        let tokens = report.results.compactMap { $0.fields["tokens_computed"] }
        let expected: [Double] = [6 * (60 + 30 + 2 * 40), 6 * (60 + 40), 6 * 60 + 3 * 40]
        #expect(tokens == expected)
    }

    @Test("phases are reported for each sharing mode, and traced as separate processes")
    func phases() throws {
        try Places.temporary { directory in
            let arguments = ["--tree-tokens", "40", "--global-batch-size", "2", "--repeats", "2", "--recompute"]
            let file = directory.appending("spans.json").string
            let outcome = try Launch.run(
                "espalier",
                model + arguments + ["--profile-phases", "--trace", file],
                solo: true
            )
            #expect(outcome.status == 0, "\(outcome.errors)")
            let tables = outcome.output.components(separatedBy: "\n\n").filter { $0.contains("GFLOP/s   of peak") }
            #expect(tables.map { $0.prefix { $0 != "\n" } } == ["uniform-40-2, none", "uniform-40-2, any"])
            #expect(outcome.output.contains("activations recomputed"))
            let trace = try #require(FileManager.default.contents(atPath: file))
            let root = try JSONSerialization.jsonObject(with: trace) as? [String: Any]
            let events = root?["traceEvents"] as? [[String: Any]] ?? []
            #expect(Set(events.compactMap { $0["pid"] as? Int }) == [0, 1] && events.count > 100)
        }
    }

    @Test("the table fits 100 columns")
    func width() throws {
        let outcome = try Launch.run(
            "espalier",
            model + ["--profile", "tulu-helpsteer", "--global-batch-size", "2", "--repeats", "1"],
            solo: true
        )
        let table = outcome.output.components(separatedBy: "\n").filter { !$0.hasPrefix("model") }
        #expect(table.count > 8 && table.allSatisfy { $0.count <= 100 })
    }

    @Test("unknown names, invalid sizes and contradictory options end in one line")
    func badInput() throws {
        let profiles = "capybara, hh-rlhf, metamath-dpo, tldr, tulu-helpsteer, ultrafeedback, all"
        let trees = ["--tree-tokens", "8"]
        let sources = "give one of --data, --profile, --tree-tokens, --prompt-tokens; found"
        let prompts = ["--prompt-tokens", "20"]
        for (arguments, message) in [
            (["--profile", "tldt"], "--profile must be one of \(profiles), found tldt; did you mean tldr?"),
            (["--profile", "x-y-z"], "--profile must be one of \(profiles), found x-y-z"),
            ([], "\(sources) none"),
            (trees + ["--data", "x"], "\(sources) --data and --tree-tokens"),
            (["--profile", "tldr", "--data", "x"], "\(sources) --data and --profile"),
            (
                trees + ["--synthetic-model", "1b"],
                "give one of --model, --synthetic-model; found --model and --synthetic-model"
            ),
            (trees + ["--turns", "2"], "--turns must be omitted without --prompt-tokens, found 2"),
            (trees + ["--layers", "1"], "--layers must be omitted with --model, found 1"),
            (
                prompts + ["--turns", "4", "--response-tokens", "5"],
                "--prompt-tokens must be from 24, a response and a token for each turn, to 2^24, found 20"
            ),
            (prompts + ["--response-tokens", "0"], "--response-tokens must be from 1 to 2^20, found 0"),
            (prompts + ["--responses", "1"], "--responses must be from 2 to 1024, found 1"),
            (
                ["--prompt-tokens", "500", "--response-tokens", "13"],
                "--prompt-tokens must be such that prompt and response fit the model's 512 positions, found 500, "
                    + "which makes 513"
            ),
            (trees + ["--repeats", "0"], "--repeats must be from 1 to 1000, found 0"),
            (trees + ["--warm-up", "1001"], "--warm-up must be from 0 to 1000, found 1001"),
            (trees + ["--responses", "1"], "--responses must be from 2 to 1024, found 1"),
            (["--data", "x", "--responses", "3", "4"], "--responses must be omitted with --data, found 3 4"),
            (["--data", "x", "--shared-prefix", "3"], "--shared-prefix must be omitted with --data, found 3"),
            (
                trees + ["--shared-prefix", "511"],
                "--tree-tokens must be such that prompt and response fit the model's 512 positions, found 8, which "
                    + "makes 517"
            ),
            (
                ["--profile", "tldr", "--shared-prefix", "511"],
                "--shared-prefix must be from 0 to 510, two less than the model's positions, found 511"
            ),
            (trees + ["--responses", "5"], "--tree-tokens must be from 10, two for each response, to 2^24, found 8"),
            (
                ["--profile", "tldr", "--responses", "132"],
                "--responses must be at most the model's vocabulary of 131, found 132"
            ),
            (
                ["--tree-tokens", "684"],
                "--tree-tokens must be such that prompt and response fit the model's 512 positions, found 684, "
                    + "which makes 513"
            ),
            (trees + ["--global-batch-size", "0"], "global_batch_size must be from 1 to 2^30, found 0"),
            (
                trees + ["--json", "/none/x"],
                "/none/x: cannot be written: No such file or directory; create its directory first"
            ),
        ] {
            let outcome = try Launch.run("espalier", model + arguments, solo: true)
            #expect(outcome.status == 64)
            #expect(outcome.errors == "error: \(message)\n")
            #expect(outcome.output.isEmpty)
        }
        let unknown = try Launch.run("espalier", ["bench", "--synthetic-model", "136m"] + trees, solo: true)
        let known =
            "--synthetic-model must be one of 135m, 360m, 1b, qwen3-0.6b, qwen2.5-0.5b, llama-3.2-1b, llama-3.1-8b, "
            + "gemma-3-270m, pythia-160m, found 136m; did you mean 135m?"
        #expect(unknown.errors == "error: \(known)\n")
        let deep = try Launch.run(
            "espalier",
            ["bench", "--synthetic-model", "pythia-160m", "--layers", "13"] + trees,
            solo: true
        )
        #expect(deep.errors == "error: --layers must be from 1 to 12, the layers of pythia-160m, found 13\n")
    }

    @Test(
        "ranks without an example, or with other settings, are refused",
        .enabled(if: Launch.testsRankRuns, "needs mpirun, optimized")
    )
    func ranks() throws {
        func expect(_ ranks: [[String]], _ reason: String) throws {
            let outcome = try Launch.mpirun("espalier", ranks.map { model + ["--profile", "tldr"] + $0 })
            #expect(outcome.status > 0)
            let lines = outcome.errors.components(separatedBy: "\n").filter { $0.hasPrefix("error:") }
            #expect(lines == ["error: \(reason)"], "\(outcome.errors)")
        }
        try expect(
            Array(repeating: ["--global-batch-size", "1"], count: 2),
            "2 ranks for 1 example per step: some would never have work; start at most 1 rank, or raise "
                + "--global-batch-size"
        )
        let other =
            "rank 1 has a different configuration than rank 0; use the same on all ranks, from a file system that they share"
        try expect([[], ["--profile", "hh-rlhf"]], other)
        try expect([[], ["--repeats", "4"]], other)
        try expect([[], ["--sharing", "none"]], other)
    }
}
