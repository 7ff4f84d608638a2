internal import Formats
internal import Foundation
internal import RunReport
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Runs in any state are read; what is no run is refused on one line.
struct RunReadingTests {
    private static let remedy = "; give the output directory of espalier train, or a metrics.jsonl"

    private func page(_ change: (inout RunFiles) -> Void) throws -> String {
        var files = RunFiles()
        change(&files)
        return try RunFiles.page(["out": files])
    }

    private func refuse(_ line: String, _ expected: String, at location: SourceLocation = #_sourceLocation) throws {
        try Places.temporary { directory in
            var files = RunFiles()
            files.metrics = RunFiles.line(1) + line + RunFiles.line(3)
            let path = try files.write(to: directory.appending("out"))
            expectRefusal(path.appending("metrics.jsonl"), "line 2: \(expected)", at: location) {
                _ = try RecordedRun(path)
            }
        }
    }

    @Test("a finished run has its settings, totals and numbers, and no remark")
    func finished() throws {
        let page = try page { _ in }
        for text in [
            ">sigmoid, β = 0.1<", ">2 ranks × 1 thread<", ">steps 1m20s<", ">75.0 %<", ">40.0 %<", ">grad_norm<",
        ] {
            #expect(page.contains(text), "\(text)")
        }
        #expect(!page.contains("class=\"remarks\""))
    }

    @Test("a run in progress is drawn, with its last step, also if its last line is cut")
    func unfinished() throws {
        let page = try page {
            $0.summary = nil
            $0.metrics += #"{"step": 5, "loss": 0."#
        }
        #expect(
            page.contains(
                ">The run has not finished: there is no summary.json. The last logged step is 4, epoch 0.25 of 1.<"
            )
        )
        #expect(page.contains(">The last line of metrics.jsonl is cut; it is not used.<"))
        let complete = try self.page { $0.metrics.removeLast() }
        #expect(!complete.contains("is cut") && complete.contains("at step 4"))
    }

    @Test("a run without a step has a page that says so")
    func empty() throws {
        let page = try page { $0 = RunFiles(metrics: "", settings: nil, summary: nil) }
        #expect(page.contains(">No step has been logged yet.<") && !page.contains("<figure>"))
    }

    @Test("skipped steps, rollbacks and values that are not finite are remarks")
    func remarks() throws {
        let page = try page {
            $0.metrics =
                RunFiles.line(1) + RunFiles.line(2, loss: "null", more: #", "skipped_steps": 1"#)
                + RunFiles.line(3, loss: "null")
                + #"{"step": 3, "rollback_from_step": 9, "rollback_loss": 7.5, "rollback_grad_norm": 80.0, "rollbacks": 1}"#
                + "\n" + RunFiles.line(4, loss: "1e999")
            $0.summary = nil
        }
        #expect(page.contains(">After a spike the run rolled back from step 9 to step 3, where the loss was 7.5.<"))
        #expect(page.contains(">1 step was skipped, since loss or gradient were not finite (step 2).<"))
        #expect(page.contains(">loss is not finite in 2 lines (steps 3, 4), which are gaps in its curve.<"))
    }

    @Test("evaluations are points with their intervals")
    func evaluations() throws {
        let page = try page { $0.metrics += RunFiles.evaluation(4, loss: 0.6) }
        #expect(page.contains(">held-out loss, with 95 % interval<") && page.contains(">95 %: 0.5 to 0.7; step 4<"))
        #expect(page.contains(">held-out loss, step 4: 0.6000 [0.5000, 0.7000]<"))
    }

    @Test("settings and totals that cannot be read are remarks, and unknown settings are shown")
    func faults() throws {
        let page = try page { ($0.settings, $0.summary) = ("a: [", "{") }
        #expect(
            page.contains("not valid YAML")
                && page.contains("summary.json: expected a JSON object")
        )
        #expect(!page.contains("has not finished"))
        #expect(try self.page { $0.settings = "new_setting: [1, x]\n" }.contains(">[1, x]<"))
    }

    @Test("an invalid line in the middle is refused by number")
    func invalid() throws {
        try refuse(
            "{\"step\": 2\n",
            "expected a record with step, from 1, found no JSON: at byte 10 expected , or }, found the end"
        )
        try refuse("{}\n", "expected a record with step, from 1, found none")
        try refuse("{\"step\": 0}\n", "expected a record with step, from 1, found 0")
    }

    @Test("what is no run is refused with what was found")
    func noRun() throws {
        try Places.temporary { directory in
            func refuse(_ path: FilePath, _ found: String) {
                expectRefusal(path, found + Self.remedy) { _ = try RecordedRun(path) }
            }
            refuse(directory.appending("none"), "expected a directory with metrics.jsonl, found nothing")
            refuse(directory, "expected metrics.jsonl, found nothing")
            for name in ["a", "b", "c", "d", "e"] { try write("", to: directory.appending(name)) }
            refuse(directory, "expected metrics.jsonl, found a, b, c, d …")
        }
    }

    @Test("runs are named by the ends of their paths in which they differ")
    func names() throws {
        try Places.temporary { directory in
            let paths = try ["a/out", "b/out"].map { name in
                try directory.appending(String(name.prefix(1))).makeDirectory()
                return try RunFiles().write(to: directory.appending(name))
            }
            #expect(try RecordedRun.read(paths).map(\.name) == ["a/out", "b/out"])
            #expect(try RecordedRun.read([paths[0]]).map(\.name) == ["out"])
            #expect(try RecordedRun.read([paths[0].appending("metrics.jsonl")]).map(\.name) == ["out"])
            #expect(try RecordedRun.read([paths[0], paths[0]]).map(\.name) == ["out", "out (2)"])
        }
    }
}
