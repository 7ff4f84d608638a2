internal import Foundation
internal import Reporting

/// What a reader of a run's curves must know.
struct RunRemarks {
    private let run: RecordedRun

    init(_ run: RecordedRun) {
        self.run = run
    }

    var all: [String] {
        [unfinished, cut].compactMap { $0 } + run.faults.map { "\($0); it is not used." } + rollbacks
            + [skipped].compactMap { $0 } + notFinite
    }

    private var unfinished: String? {
        guard run.summary == nil, run.faults.allSatisfy({ !$0.contains("summary.json") }) else { return nil }
        guard run.steps.count > 0 else { return "No step has been logged yet." }
        let epoch = run.steps[.epoch].last { $0.isFinite }
        let epochs = run.setting("num_train_epochs").flatMap(Double.init) ?? 1
        let most = run.setting("max_steps").flatMap(Int.init) ?? -1
        let part =
            most > 0 ? " of \(most)" : epoch.map { ", epoch \(rounded($0, 2)) of \(brief(epochs))" } ?? ""
        return "The run has not finished: there is no summary.json. The last logged step is \(run.lastStep)\(part)."
    }

    private var cut: String? {
        run.isCut ? "The last line of metrics.jsonl is cut; it is not used." : nil
    }

    private var rollbacks: [String] {
        let shown = run.rollbacks.suffix(5).map { rollback in
            let loss = rollback.loss.isFinite ? ", where the loss was \(brief(rollback.loss))" : ""
            return "After a spike the run rolled back from step \(rollback.from) to step \(rollback.step)\(loss)."
        }
        let count = Int(max(0, min(run.total("rollbacks") ?? 0, 1e9)))
        let known = max(count, run.rollbacks.count)
        return known > shown.count ? ["The run rolled back \(counted(known, "time")) after spikes."] + shown : shown
    }

    private var skipped: String? {
        let count = run.total("skipped_steps") ?? run.sum(.skippedSteps) ?? 0
        guard count > 0 else { return nil }
        let skipped = run.steps[.skippedSteps]
        let steps = skipped.indices.filter { skipped[$0] > 0 }
        let text = whole(count) + (count == 1 ? " step was" : " steps were")
        return "\(text) skipped, since loss or gradient were not finite\(Self.list(steps.map { run.steps.steps[$0] }))."
    }

    /// Metrics of lines that are not finite, other than those of skipped steps.
    private var notFinite: [String] {
        let skipped = run.steps[.skippedSteps]
        return Metric.learned.filter { run.steps.contains($0) }.compactMap { metric in
            let values = run.steps[metric]
            let lines = values.indices.filter { !values[$0].isFinite && !(skipped[$0] > 0) }
            guard !lines.isEmpty, lines.count < values.count else { return nil }
            let places = Self.list(lines.map { run.steps.steps[$0] })
            return
                "\(metric.key) is not finite in \(counted(lines.count, "line"))\(places), which are gaps in its curve."
        }
    }

    private static func list(_ steps: [Int]) -> String {
        guard !steps.isEmpty else { return "" }
        let listed = steps.prefix(6).map(String.init).joined(separator: ", ")
        return " (\(steps.count == 1 ? "step" : "steps") \(listed)\(steps.count > 6 ? " …" : ""))"
    }
}
