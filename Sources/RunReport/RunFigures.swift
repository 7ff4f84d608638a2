internal import Foundation
internal import Reporting

/// The prominent numbers of a run.
struct RunFigures {
    private let run: RecordedRun

    init(_ run: RecordedRun) {
        self.run = run
    }

    /// Each number with its name, and what it is exactly.
    var all: [(number: String, name: String, remark: String)] {
        [
            learned(.loss, "loss"), learned(.accuracy, "reward accuracy"), learned(.margin, "reward margin"),
            heldOut(.loss, "held-out loss"), heldOut(.accuracy, "held-out accuracy"),
            heldOut(.logpAccuracy, "chosen more likely"), duration, rate, saved,
        ].compactMap { $0 }
    }

    private typealias Entry = (number: String, name: String, remark: String)

    private func learned(_ metric: Metric, _ name: String) -> Entry? {
        guard let last = run.mean(metric, ofLast: true), let first = run.mean(metric, ofLast: false) else { return nil }
        let lines = last.lines == 1 ? "last line" : "mean of the last \(last.lines) lines"
        let from = run.steps.count > 1 ? "from \(brief(first.value, unit: metric.unit)); " : ""
        return (legible(last.value, digits: 3, unit: metric.unit), name, from + lines)
    }

    private func heldOut(_ metric: Metric, _ name: String) -> Entry? {
        guard let newest = run.newest(metric) else { return nil }
        let interval = newest.interval
        let range =
            interval.low.isFinite && interval.high.isFinite
            ? "95 %: \(brief(interval.low)) to \(brief(interval.high, unit: metric.unit)); " : ""
        return (legible(newest.value, digits: 3, unit: metric.unit), name, "\(range)step \(newest.step)")
    }

    private var duration: Entry? {
        guard let seconds = RunFacts(run).trainSeconds, run.steps.count > 0 else { return nil }
        let count = run.total("steps") ?? Double(run.lastStep)
        return (timeText(seconds), "training", "\(whole(count)) steps")
    }

    private var rate: Entry? {
        let rates = run.steps[.pairRate].filter(\.isFinite).sorted()
        guard !rates.isEmpty else { return nil }
        let value = run.total("train_pairs_per_second") ?? rates[rates.count / 2]
        let use = run.total("mfu").map { "mfu \(brief(100 * $0, unit: " %"))" } ?? "median of lines"
        return (legible(value, digits: 3), "pairs per second", use)
    }

    private var saved: Entry? {
        guard let computed = run.sum(.tokensComputed), let all = run.sum(.tokensUnshared), all > 0 else { return nil }
        return (
            legible(100 * (1 - computed / all), digits: 3, unit: " %"), "tokens saved by sharing",
            "\(whole(computed)) of \(whole(all)) computed"
        )
    }
}
