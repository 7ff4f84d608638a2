internal import Charts
internal import Foundation
#if canImport(FoundationXML)
internal import FoundationXML
#endif
internal import Testing

/// Pages are valid, whatever text they hold.
struct PageTests {
    private static let hostile = "</svg><script>alert(\"&'\")</script>\u{0}\u{1B}\u{FFFE}"

    private func isXML(_ text: String) -> Bool { XMLParser(data: Data(text.utf8)).parse() }

    private func plot(_ y: [Double]) -> Markup {
        let points = y.enumerated().map { (x: Double($0.offset), y: $0.element) }
        let axis = Axis.fitting("y", y)
        var plot = Plot(x: Axis("x", 0...Double(max(1, y.count - 1))), y: axis)
        plot.curve(points, .series(0))
        return plot.svg(label: Self.hostile)
    }

    @Test("text is escaped wherever it is put, and characters that XML does not admit are replaced")
    func escaped() {
        let text = Self.hostile
        let figure = Figure(title: text, legend: [.init(.series(0), .line, text)], plot: plot([0, 1]), note: text)
        let table = Table(text, columns: [text], rows: [[text]], note: text)
        let parts = [
            figure.markup, table.section, table.details, Page.facts([(text, text)]), Page.remarks([text]),
            Page.figures([(text, text, text)]), .element("p", ["title": text], text),
        ]
        let page = Page(title: text, parts).text
        #expect(isXML(page) && !page.contains("<script"))
        #expect(page.contains("&lt;script&gt;alert(&quot;&amp;'&quot;)&lt;/script&gt;\u{FFFD}\u{FFFD}\u{FFFD}"))
    }

    @Test("a value that is not finite is a gap in a line, and a value between gaps is a dot")
    func gaps() {
        let svg = plot([1, 2, .nan, 3, .infinity, 4, 5, 6]).source
        #expect(
            svg.components(separatedBy: "<polyline").count == 3 && svg.components(separatedBy: "<circle").count == 2
        )
        #expect(!svg.contains("nan") && !svg.contains("inf"))
    }

    @Test("a plot without values is drawn", arguments: [[], [.nan], [0], [1e150, -1e150]] as [[Double]])
    func extremes(values: [Double]) {
        let page = Page(title: "", [plot(values)]).text
        #expect(isXML(page) && !page.contains("\"nan") && !page.contains("inf"))
    }

    @Test("styles of successive series differ")
    func styles() {
        let styles = (0..<Style.count).map { Style.series($0) }
        for (index, style) in styles.enumerated() { #expect(!styles[..<index].contains(style)) }
    }

    @Test("a page asks for nothing from elsewhere, and has no scripts")
    func isSelfContained() {
        let page = Page(title: "p", [plot([0, 1])]).text
        for word in ["http:", "https:", "//", "url(", "<script", "@import", "src="] { #expect(!page.contains(word)) }
    }
}
