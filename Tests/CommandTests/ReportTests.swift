internal import Foundation
#if canImport(FoundationXML)
internal import FoundationXML
#endif
internal import SystemPackage
internal import TestSupport
internal import Testing

/// What `espalier report` draws, and the page that a run writes.
@Suite(.serialized)
struct ReportTests {
    private func report(_ words: [String]) throws -> Outcome {
        try Launch.run("espalier", ["report"] + words, solo: true)
    }

    private func page(_ path: FilePath) throws -> String {
        let text = try String(contentsOfFile: path.string, encoding: .utf8)
        #expect(XMLParser(data: Data(text.utf8)).parse())
        return text
    }

    @Test("a run writes its page, and the command draws the same, also with another run")
    func trained() throws {
        try Places.temporary { directory in
            let runs = TinyRuns(output: directory.appending("out"))
            let options = ["--max-steps", "3", "--eval-data", Golden.tied.file.string, "--eval-steps", "2"]
            try runs.finish(options)
            let written = try page(runs.output.appending("report.html"))
            #expect(written.contains("<h1>out</h1>") && written.contains(">held-out loss<"))
            #expect(!written.contains("class=\"remarks\""))
            let file = directory.appending("again.html")
            #expect(try report([runs.output.string, "--output", file.string]).status == 0)
            #expect(try page(file) == written)
            let other = TinyRuns(output: directory.appending("other"))
            try other.finish(["--max-steps", "2", "--beta", "0.5"])
            let both = [runs.output.string, other.output.appending("metrics.jsonl").string]
            #expect(try report(both + ["--output", file.string]).status == 0)
            #expect(try page(file).contains("<tr><th scope=\"row\">beta</th><td>0.1</td><td>0.5</td></tr>"))
            // Without the page the run is as finished as with it.
            try runs.remove("report.html")
            #expect(try runs.notices(options + ["--resume"]).contains { $0.contains("the run has finished") })
        }
    }

    @Test("a stopped run has a page that says that it has not finished")
    func stopped() throws {
        try Places.temporary { directory in
            let output = directory.appending("out")
            let outcome = try LongRun.start(output, watch: send(SIGTERM, when: output.appending("metrics.jsonl")))
            #expect(outcome.status == 75, "\(outcome.errors)")
            if exists(output.appending("report.html")) {
                #expect(try page(output.appending("report.html")).contains("The run has not finished"))
            } else {
                // The signal came before the first step.
                #expect(outcome.errors.contains("before step 1"), "\(outcome.errors)")
            }
        }
    }

    @Test("wrong paths are refused on one line")
    func refused() throws {
        try Places.temporary { directory in
            let run = directory.appending("run")
            for path in [run, directory.appending("empty"), directory.appending("page")] {
                try FileManager.default.createDirectory(atPath: path.string, withIntermediateDirectories: true)
            }
            try write("{\"step\": 1, \"loss\": 0.5}\n", to: run.appending("metrics.jsonl"))
            let page = directory.appending("page.html").string
            func error(_ words: [String]) throws -> String {
                let outcome = try report(words)
                #expect(outcome.status == 64 && outcome.errors.count { $0 == "\n" } == 1, "\(outcome.errors)")
                return outcome.errors.replacingOccurrences(of: directory.string, with: "DIR")
            }
            #expect(
                try error([directory.appending("empty").string, "--output", page])
                    == "error: DIR/empty: expected metrics.jsonl, found nothing; give the output directory of espalier "
                    + "train, or a metrics.jsonl\n"
            )
            #expect(
                try error([run.string, "--output", directory.appending("page").string])
                    == "error: DIR/page: expected a regular file or none, found a directory; choose another path\n"
            )
            let metrics = run.appending("metrics.jsonl").string
            #expect(
                try error([run.string, "--output", metrics])
                    == "error: DIR/run/metrics.jsonl: --output would overwrite what RUN reads; choose another --output\n"
            )
            #expect(
                try error(Array(repeating: run.string, count: 13) + ["--output", page])
                    == "error: the number of runs must be at most 12, found 13\n"
            )
        }
    }
}
