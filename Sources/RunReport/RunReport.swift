internal import Charts
internal import Reporting

/// One run, or several ones laid over each other, as a self-contained page.
package struct RunReport {
    /// The most runs of a page: each has a style of its own.
    package static let mostRuns = Style.count

    private let runs: [RecordedRun]
    private let comparison: RunComparison

    /// A report on at least one run, at most `mostRuns`.
    package init(_ runs: [RecordedRun]) {
        precondition((1...Self.mostRuns).contains(runs.count), "a style for each run")
        (self.runs, comparison) = (runs, RunComparison(runs))
    }

    /// The page as HTML.
    package var html: String {
        let head = runs.count == 1 ? single(runs[0]) : several
        let groups = RunCharts(runs, comparison).groups
        let figures = groups.map { Page.section($0.title, [Figure.grid($0.figures)]) }
        let reading = groups.isEmpty ? [] : [Markup.element("p", ["class": "note"], reading)]
        let title = runs.count == 1 ? runs[0].name : "\(runs.count) runs: " + runs.map(\.name).joined(separator: ", ")
        return Page(title: title, head + reading + figures + [tables]).text
    }

    // MARK: Head

    private func single(_ run: RecordedRun) -> [Markup] {
        [
            Page.facts(RunFacts(run).all), Page.remarks(RunRemarks(run).all),
            RunFigures(run).all.isEmpty ? .empty : Page.figures(RunFigures(run).all),
        ]
    }

    private var several: [Markup] {
        let remarks = comparison.remarks + runs.flatMap { run in RunRemarks(run).all.map { "\(run.name): \($0)" } }
        return [Page.remarks(remarks), overview.section, differences]
    }

    /// What each run was and what it reached, a column for each.
    private var overview: Table {
        let entries = runs.map { run in
            RunFacts(run).all + RunFigures(run).all.map { (name: $0.name, text: "\($0.number) (\($0.remark))") }
        }
        var names: [String] = []
        for (name, _) in entries.joined() where !names.contains(name) { names.append(name) }
        let rows = names.map { name in [name] + entries.map { facts in facts.first { $0.name == name }?.text ?? "–" } }
        return Table("Runs", columns: [""] + runs.map(\.name), rows: rows, holdsTexts: true)
    }

    private var differences: Markup {
        let missing = runs.filter { $0.settings.isEmpty }.map(\.name)
        let note = missing.isEmpty ? nil : "Without settings to compare: \(missing.joined(separator: ", "))."
        let rows = comparison.differences.map { [$0.key] + $0.texts.map { $0 ?? "–" } }
        guard !rows.isEmpty else {
            let text = note ?? "All settings are the same."
            return Page.section("Settings that differ", [.element("p", ["class": "note"], text)])
        }
        let columns = ["setting"] + runs.map(\.name)
        return Table("Settings that differ", columns: columns, rows: rows, note: note, holdsTexts: true).section
    }

    // MARK: Figures and tables

    /// How the curves are to be read.
    private var reading: String {
        let isSingle = runs.count == 1
        var sentences = [
            (isSingle ? "A noisy curve is drawn faintly, under" : "Of a noisy curve the figures show")
                + " its mean with Gaussian weights, whose standard deviation is a fortieth of the curve."
        ]
        let long = runs.filter { $0.steps.count > Curve.mostPoints }
        if !long.isEmpty {
            let sizes = long.map { run in
                let lines = brief(Double(run.steps.count) / Double(Curve.groups))
                return isSingle ? lines : "\(lines) of \(run.name)"
            }
            let spread = isSingle ? ", with minimum and maximum" : ""
            sentences.append("A point of a curve is the mean of \(sizes.joined(separator: ", ")) lines\(spread).")
        }
        if runs.contains(where: { !$0.evaluations.steps.isEmpty }) {
            sentences.append("Points are held-out evaluations.")
        }
        if runs.contains(where: { !$0.rollbacks.isEmpty }) { sentences.append("Dotted verticals are rollbacks.") }
        return sentences.joined(separator: " ")
    }

    private var tables: Markup {
        let all = runs.flatMap { RunTables($0, prefix: runs.count > 1 ? "\($0.name): " : "").all }
        return Page.section("Numbers", all.map(\.details))
    }
}
