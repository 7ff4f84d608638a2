internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// What `espalier scaling` runs, reports and predicts; no test checks how well training scales.
@Suite(.serialized, .enabled(if: Launch.testsRankRuns, "needs mpirun, optimized"))
struct ScalingTests {
    private static let bench = ["--model", Golden.tied.directory.string, "--tree-tokens", "60"]
    private static let short = ["--repeats", "2", "--steps", "2", "--warm-up", "1", "--rows", "2", "--threads", "1"]

    /// The files of a report and its printed lines.
    private struct Report {
        let json: [String: Any]
        let csv: [String]
        let html: String
        let lines: [String]

        func records(_ key: String) -> [Metrics] {
            (json[key] as? [[String: Any]] ?? []).map { $0.compactMapValues { ($0 as? NSNumber)?.doubleValue } }
        }
    }

    private func scaling(_ words: [String], in directory: FilePath) throws -> Report {
        let files = ["json", "csv", "html"].map { directory.appending("\(UUID().uuidString).\($0)").string }
        let options = zip(["--json", "--csv", "--html"], files).flatMap { [$0, $1] }
        let outcome = try Launch.run("espalier", ["scaling"] + options + words, solo: true)
        guard outcome.status == 0 else { throw Failure(description: outcome.errors) }
        let texts = try files.map { try String(contentsOfFile: $0, encoding: .utf8) }
        return Report(
            json: try JSONSerialization.jsonObject(with: Data(texts[0].utf8)) as? [String: Any] ?? [:],
            csv: texts[1].components(separatedBy: "\n").dropLast(),
            html: texts[2],
            lines: outcome.output.components(separatedBy: "\n")
        )
    }

    @Test("each number of ranks runs in every turn, and results are consistent", arguments: ["weak", "strong"])
    func study(mode: String) throws {
        try Places.temporary { directory in
            let report = try scaling(["--ranks", "2,1", "--mode", mode] + Self.short + Self.bench, in: directory)
            let runs = report.records("runs")
            #expect(runs.map { $0["ranks"] } == [1, 2, 2, 1] && runs.map { $0["turn"] } == [1, 1, 2, 2])
            let points = report.records("points")
            #expect(points.map { $0["pairs"] } == (mode == "weak" ? [2, 4] : [2, 2]))
            for point in points {
                func value(_ name: String) throws -> Double { try #require(point[name], "\(name)") }
                let ranks = try value("ranks")
                #expect(abs(try value("efficiency") * ranks / value("speedup") - 1) < 1e-9)
                #expect(try value("step_seconds_min") <= value("step_seconds"))
                #expect(try value("step_seconds") <= value("step_seconds_max"))
                #expect(try value("compute_seconds") > 0 && value("imbalance") >= 1 && value("measured_imbalance") >= 1)
                #expect((point["karp_flatt"] != nil) == (ranks == 2))
                #expect((point["bus_bytes_per_second"] != nil) == (ranks == 2))
                #expect(try value("compute_seconds") < value("step_seconds") * 1.5)
            }
            #expect(report.csv.count == 3 && report.csv[0].hasPrefix("kind,ranks,pairs,step_seconds,"))
            #expect(report.lines.allSatisfy { $0.hasPrefix("model") || $0.count <= 100 })
            // No file is left in the working directory.
            let names = try FileManager.default.contentsOfDirectory(atPath: FileManager.default.currentDirectoryPath)
            #expect(!names.contains { $0.hasPrefix(".espalier-scaling") })
        }
    }

    @Test("a study is plotted and predicted again from its file, without running")
    func again() throws {
        try Places.temporary { directory in
            let file = directory.appending("study.json").string
            let words = ["--ranks", "1,2", "--mode", "weak", "--json", file] + Self.short + Self.bench
            let first = try Launch.run("espalier", ["scaling"] + words, solo: true)
            #expect(first.status == 0, "\(first.errors)")
            let plain = try scaling(["--from", file], in: directory)
            #expect(plain.lines.joined(separator: "\n") == first.output)
            let predicted = try scaling(
                ["--from", file, "--predict", "1024", "--network", "10gbe", "--validate", file],
                in: directory
            )
            #expect(predicted.records("points") == plain.records("points"))
            let points = predicted.records("forecast_points")
            #expect(points.map { $0["nodes"] } == (0...10).map { Double(1 << $0) })
            #expect(points.allSatisfy { ($0["efficiency"] ?? 0) > 0 && $0["efficiency_low"] != nil })
            #expect(predicted.records("validation").map { $0["ranks"] } == [1, 2])
            #expect(predicted.csv.count == 1 + 2 + 11)
            #expect(predicted.lines.allSatisfy { $0.hasPrefix("model") || $0.count <= 100 })
            // Three plots, and one more of the prediction; nothing to fetch or execute.
            #expect(plain.html.components(separatedBy: "<figure").count == 4)
            #expect(predicted.html.components(separatedBy: "<figure").count == 5)
            for part in ["http", "<script", "<link", "url(", "nan", "inf\""] {
                #expect(!predicted.html.contains(part), "\(part)")
            }
            let document = ElementCheck(predicted.html)
            #expect(document.isWellFormed && document.elements > 100)
            // A machine that does other work with more ranks is named in both.
            let disturbed = try scaling(["--from", try slowed(file, onRanks: 2, in: directory)], in: directory)
            let warning = "warning: the peak of a rank differs"
            #expect(disturbed.lines.contains { $0.hasPrefix(warning) } && disturbed.html.contains(warning))
        }
    }

    /// A study whose ranks have a fifth of their peak in the runs of a number of ranks.
    private func slowed(_ study: String, onRanks ranks: Int, in directory: FilePath) throws -> String {
        let data = try Data(contentsOf: URL(filePath: study))
        var object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        var runs = try #require(object["runs"] as? [[String: Any]])
        for index in runs.indices where runs[index]["ranks"] as? Int == ranks {
            runs[index]["peak_gflops"] = try #require(runs[index]["peak_gflops"] as? Double) / 5
        }
        object["runs"] = runs
        let file = directory.appending("slowed.json")
        try JSONSerialization.data(withJSONObject: object).write(to: URL(filePath: file.string))
        return file.string
    }

    @Test("a cluster file sets how ranks start")
    func cluster() throws {
        try Places.temporary { directory in
            let text = "{ranks_per: host, ranks: 2, threads: 1, bind_to: none, options: [--oversubscribe]}"
            let cluster = try Clusters.file(text, in: directory).string
            let counts = ["--ranks", "2", "--repeats", "1", "--steps", "1", "--warm-up", "1", "--rows", "1"]
            let report = try scaling(["--cluster", cluster] + counts + Self.bench, in: directory)
            #expect(report.records("points").map { $0["ranks"] } == [2])
            let more = try Launch.run(
                "espalier",
                ["scaling", "--cluster", cluster, "--ranks", "1,3"] + Self.bench,
                solo: true
            )
            let limit = "--ranks must be at most 2, the slots of \(cluster), found 3"
            #expect(more.status == 64 && more.errors == "error: \(limit)\n")
        }
    }

    @Test("a failed run is reported with its error and command")
    func failure() throws {
        let outcome = try Launch.run(
            "espalier",
            ["scaling", "--ranks", "1", "--model", "/none", "--tree-tokens", "60"],
            solo: true
        )
        #expect(outcome.status == 1 && outcome.output.isEmpty)
        let lines = outcome.errors.components(separatedBy: "\n")
        let reason =
            "/none: expected a Hugging Face model directory, found nothing; download a model with: "
            + "hf download ORG/NAME --local-dir DIR"
        #expect(lines[0] == "error: \(reason)", "\(outcome.errors)")
        #expect(lines[1] == "the failed run:" && lines[2].hasPrefix("mpirun "))
    }

    @Test("invalid studies and predictions end in one line, before anything runs")
    func badInput() throws {
        let networks = "10gbe, 25gbe, 100gbe, ib-hdr, measured"
        for (words, message) in [
            ([], "--ranks must be comma-separated numbers from 1 to 65536, as in 1,2,4, found nothing"),
            (
                ["--ranks", "1,0"],
                "--ranks must be comma-separated numbers from 1 to 65536, as in 1,2,4, found 1,0"
            ),
            (["--ranks", "2,2"], "--ranks must be distinct numbers, found 2,2"),
            (["--ranks", "1", "--steps", "0"], "--steps must be from 1 to 1000, found 0"),
            (
                ["--ranks", "1,9", "--mode", "strong"],
                "--rows must be at least 9 with --mode strong, one per rank, found 8"
            ),
            (
                ["--ranks", "1", "--global-batch-size", "4"] + Self.bench,
                "--global-batch-size must be omitted, since --rows and --mode set what a run measures, "
                    + "found it among the options of bench"
            ),
            (
                ["--ranks", "1", "--sharing", "none", "--sharing", "prefix"] + Self.bench,
                "--sharing must be one sharing mode, found none prefix"
            ),
            (
                ["--ranks", "1", "--synthetic-model", "135m", "--profile", "all"],
                "the number of data sources must be 1, found 6"
            ),
            (["--network", "10gbe", "--ranks", "1"], "--network needs --predict; add --predict, or remove --network"),
            (
                ["--predict", "8", "--network", "10gb"],
                "--network must be one of \(networks), or MICROSECONDS:GIGABITS, found 10gb; did you mean 10gbe?"
            ),
            (["--from", "/none", "--ranks", "1"], "--from must be given without options of a run, found --ranks 1"),
        ] {
            let outcome = try Launch.run("espalier", ["scaling"] + words, solo: true)
            #expect(outcome.status == 64 && outcome.errors == "error: \(message)\n" && outcome.output.isEmpty)
        }
    }
}

/// Whether the elements of a page are properly nested.
private struct ElementCheck {
    var isWellFormed = true
    var elements = 0

    /// HTML's void elements, which have no end tag.
    private static let void: Set<String> = ["meta"]

    init(_ page: String) {
        var open: [Substring] = []
        for part in page.split(separator: "<").dropFirst() {
            let name = part.prefix { $0.isLetter || $0.isNumber || $0 == "/" || $0 == "!" }
            if name.hasPrefix("!") || Self.void.contains(String(name)) { continue }
            if name.hasPrefix("/") {
                isWellFormed = isWellFormed && open.popLast() == name.dropFirst()
            } else {
                elements += 1
                let tag = part.prefix { $0 != ">" }
                if !tag.hasSuffix("/") { open.append(name) }
            }
        }
        isWellFormed = isWellFormed && open.isEmpty
    }
}
