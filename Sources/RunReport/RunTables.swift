internal import Charts
internal import Formats
internal import Reporting

/// The numbers of a run as tables.
struct RunTables {
    /// The most rows of a table of lines.
    static let mostRows = 60

    private let run: RecordedRun
    /// The prefix of the titles, which distinguishes several runs.
    private let prefix: String

    init(_ run: RecordedRun, prefix: String = "") {
        (self.run, self.prefix) = (run, prefix)
    }

    /// All tables for which there is data.
    var all: [Table] { [lines, evaluations, settings, summary].compactMap { $0 } }

    private var lines: Table? { table("Steps", run.steps, Metric.ofSteps) }

    private var evaluations: Table? { table("Held-out evaluations", run.evaluations, Metric.ofEvaluations) }

    private func table(_ title: String, _ columns: MetricColumns, _ metrics: [Metric]) -> Table? {
        guard columns.count > 0 else { return nil }
        let shown = metrics.filter(columns.contains)
        let values = shown.map { columns[$0] }
        let indices = Curve.evenly(columns.count, most: Self.mostRows)
        return Table(
            prefix + title,
            columns: ["step"] + shown.map { $0.key + $0.unit.replacing("%", with: "(%)") },
            rows: indices.map { index in ["\(columns.steps[index])"] + values.map { legible($0[index]) } },
            note: indices.count < columns.count
                ? "\(indices.count) of \(whole(Double(columns.count))) lines, at equal distances." : nil
        )
    }

    private var settings: Table? {
        guard !run.settings.isEmpty else { return nil }
        let rows = run.settings.map { [$0.key, $0.text] }
        return Table(prefix + "Settings", columns: ["setting", "value"], rows: rows, holdsTexts: true)
    }

    private var summary: Table? {
        guard let summary = run.summary else { return nil }
        let rows = summary.map { [$0.name.quotable(), Self.text($0.value)] }
        return Table(prefix + "Totals and environment", columns: ["", "value"], rows: rows, holdsTexts: true)
    }

    /// A whole number in full, another one rounded.
    private static func text(_ value: JSONValue) -> String {
        if let number = value.wholeNumber { return whole(Double(number)) }
        return value.double.map { legible($0) } ?? value.string?.quotable() ?? value.line.quotable()
    }
}
