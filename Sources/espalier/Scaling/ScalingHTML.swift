internal import Charts
internal import ScalingStudy

/// A study as a self-contained HTML page.
struct ScalingHTML {
    private let tables: ScalingTables
    private let figures: [Figure]

    init(_ report: ScalingReport) {
        (tables, figures) = (ScalingTables(report), ScalingPlots(report).all)
    }

    var text: String {
        let facts = Page.facts(tables.subject)
        return Page(title: "Scaling study", [facts, Figure.grid(figures)] + tables.all.map(section)).text
    }

    private func section(_ table: ScalingTable) -> Markup {
        Table(
            capitalized(table.title),
            columns: table.columns.map(\.name),
            rows: table.rows,
            note: capitalized(table.legend.joined(separator: " ")) + "."
        ).section
    }

    private func capitalized(_ text: String) -> String { text.prefix(1).uppercased() + text.dropFirst() }
}
