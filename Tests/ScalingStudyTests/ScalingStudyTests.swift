internal import Formats
internal import Foundation
internal import Reporting
internal import ScalingStudy
internal import SystemPackage
internal import TestSupport
internal import Testing

/// The results computed from the runs of a study.
struct ScalingStudyTests {
    private func run(_ ranks: Int, turn: Int, seconds: [Double], pairs: Int = 8, flops: Double = 1e12) -> ScalingRun {
        ScalingRun(
            ranks: ranks,
            turn: turn,
            peakGflops: 250 * Double(ranks),
            pairs: pairs,
            tokens: 4000,
            flops: flops,
            plannedImbalance: 1.02,
            steps: seconds.map { .init(seconds: $0, compute: 0.6 * $0, communication: 0.1 * $0, imbalance: 1.1) }
        )
    }

    private func study(_ runs: [ScalingRun], _ mode: ScalingStudy.Mode = .strong) -> ScalingStudy {
        let subject = ScalingStudy.Subject(
            model: "a \"model\"",
            parameters: 25,
            gradientBytes: 100,
            data: "d",
            sharing: "prefix",
            rowTokens: 2048,
            threads: 1
        )
        return ScalingStudy(mode: mode, rows: 8, subject: subject, runs: runs)
    }

    @Test("figures are medians over steps, then over turns, relative to the fewest ranks of the same turn")
    func points() throws {
        let points = study([
            run(1, turn: 1, seconds: [8, 9, 80]), run(4, turn: 1, seconds: [3, 2, 3]),
            run(4, turn: 2, seconds: [4, 4, 4]), run(1, turn: 2, seconds: [12, 12, 12]),
        ]).points
        #expect(points.map(\.ranks) == [1, 4])
        #expect(points[0].speedup == SummaryStatistics([1]) && points[0].efficiency.median == 1)
        #expect(points[0].karpFlatt == nil)
        #expect(points[0].seconds == SummaryStatistics([9, 12]) && points[0].busBandwidth == nil)
        // Turns: 9 over 3 and 12 over 4.
        #expect(agrees(points[1].speedup.minimum, 3) && agrees(points[1].speedup.maximum, 3))
        #expect(agrees(points[1].efficiency.minimum, 0.75) && agrees(points[1].efficiency.maximum, 0.75))
        // (1/3 - 1/4) / (1 - 1/4) = 1/9.
        #expect(agrees(try #require(points[1].karpFlatt).median, 1.0 / 9, within: 1e-12))
        #expect(agrees(points[1].pairsPerSecond.maximum, 8.0 / 3) && agrees(points[1].tokensPerSecond.minimum, 1000))
        // 2 · 3/4 of 100 bytes in 0.3 and 0.4 s.
        let bus = try #require(points[1].busBandwidth)
        #expect(agrees(bus.maximum, 500) && agrees(bus.minimum, 375))
        #expect(agrees(points[1].utilization.maximum, 1e12 / 3 / 1e12) && agrees(points[1].peakGflops.median, 250))
    }

    @Test("the parts of a step add up to it")
    func parts() {
        let point = study([run(2, turn: 1, seconds: [10])]).points[0]
        #expect(agrees(point.compute.median, 6) && agrees(point.waiting.median, 0.6) && agrees(point.exposed.median, 1))
        #expect(agrees(point.rest.median, 2.4))
        let hidden = ScalingRun.Step(seconds: 10, compute: 6, communication: 3, exposed: 0.5)
        #expect(hidden.exposedCommunication == 0.5 && agrees(hidden.rest, 3.5) && hidden.waiting == 0)
    }

    @Test("a weak study compares FLOPs: longer examples on more ranks do not lower efficiency")
    func weak() {
        let points = study(
            [run(2, turn: 1, seconds: [10]), run(4, turn: 1, seconds: [15], pairs: 16, flops: 3e12)],
            .weak
        ).points
        // Three times the work in 1.5 times the time, on twice the ranks.
        #expect(agrees(points[1].efficiency.median, 1) && agrees(points[1].speedup.median, 4))
        #expect(ScalingStudy.rows(8, mode: .weak, ranks: 3) == 24 && ScalingStudy.rows(8, mode: .strong, ranks: 3) == 8)
    }

    @Test(
        "the serial fraction is Karp and Flatt's",
        arguments: [(4.0, 4.0, 0.0), (1, 4, 1), (2, 3, 0.25), (1.6, 2, 0.25)]
    )
    func karpFlatt(speedup: Double, processors: Double, share: Double) {
        #expect(abs(ScalingPoint.serialShare(speedup: speedup, processors: processors) - share) < 1e-12)
    }

    @Test("a written study is read back with the same bits, also from a report with a forecast")
    func roundTrip() throws {
        try Places.temporary { directory in
            let made = SyntheticStudy(overlap: 0.3, noise: 0.01).study
            let question = ScalingForecast.Question(nodes: 8, network: Network("10gbe"))
            let forecast = try #require(ScalingForecast.compute(made, question))
            let report = ScalingReport(made, forecast: forecast, validating: made)
            let path = directory.appending("study.json")
            try report.record.page.write(toFile: path.string, atomically: true, encoding: .utf8)
            #expect(try ScalingStudy(path: path) == made)
            #expect(try JSONSerialization.jsonObject(with: Data(report.record.page.utf8)) is [String: Any])
        }
    }

    @Test(
        "anything but a study is refused",
        arguments: ["{}", "[", #"{"mode": "weak", "rows": 1, "subject": {}, "runs": []}"#, #"{"rows": 1, "rows": 1}"#]
    )
    func notAStudy(text: String) throws {
        try expectRefused(text, "expected a study that espalier scaling --json wrote, found something else")
    }

    @Test(
        "a number that no run can have is refused by name",
        arguments: [
            ("rows", "8", "9223372036854775807", "rows: expected from 1 to 1048576, found 9223372036854775807"),
            ("pairs", "8", "0", "run 1: pairs: expected from 1 to 4294967296, found 0"),
            ("flops", "1000000000000.0", "1e300", "run 1: flops: expected from 1.0 to 1e+30, found 1e+300"),
            ("step_seconds", "3.0", "-3", "run 1: step_seconds: expected from 1e-09 to 1000000000.0, found -3.0"),
        ]
    )
    func ranges(key: String, number: String, other: String, fault: String) throws {
        let page = ScalingReport(study([run(2, turn: 1, seconds: [3])]), forecast: nil, validating: nil).record.page
        let changed = page.replacingOccurrences(of: "\"\(key)\": \(number),", with: "\"\(key)\": \(other),")
        try expectRefused(changed, "\(fault); measure again")
    }

    @Test("a study without runs is refused")
    func noRun() throws {
        let page = ScalingReport(study([]), forecast: nil, validating: nil).record.page
        try expectRefused(page, "expected a run, found none; measure again")
    }

    private func expectRefused(_ text: String, _ fault: String) throws {
        try Places.temporary { directory in
            let path = directory.appending("x.json")
            try text.write(toFile: path.string, atomically: true, encoding: .utf8)
            #expect(throws: FormatError(path, fault)) { try ScalingStudy(path: path) }
        }
    }

    @Test("the CSV has one line per number of ranks, below a line of all names")
    func csv() {
        var (a, b) = (MetricsRecord(), MetricsRecord())
        a.add("n", 1)
        a.add("x", 0.5)
        b.add("n", 2)
        b.add("y", "text")
        b.add("list", [a])
        #expect(MetricsRecord.csv([a, b]) == "n,x,y\n1,0.5,\n2,,\"text\"\n")
    }
}
