/// A table of texts, which scrolls within its page.
package struct Table {
    package let title: String
    package let columns: [String]
    package let rows: [[String]]
    package let note: String?
    /// Whether cells hold texts, which are left-aligned and wrap, rather than numbers.
    package let holdsTexts: Bool

    package init(_ title: String, columns: [String], rows: [[String]], note: String? = nil, holdsTexts: Bool = false) {
        (self.title, self.columns, self.rows) = (title, columns, rows)
        (self.note, self.holdsTexts) = (note, holdsTexts)
    }

    /// The table as HTML, without its title.
    ///
    /// Its frame, which scrolls, can be reached with the keyboard.
    package var markup: Markup {
        let head = columns.map { Markup.element("th", ["scope": "col"], $0) }
        let body = rows.map { row in
            Markup.element("tr", row.enumerated().map { cell($0.element, isFirst: $0.offset == 0) })
        }
        let table = Markup.element(
            "table",
            ["class": holdsTexts ? "texts" : "numbers"],
            [.element("thead", [.element("tr", head)]), .element("tbody", body)]
        )
        let frame = Markup.element(
            "div",
            ["class": "wide", "role": "region", "aria-label": title, "tabindex": "0"],
            [table]
        )
        return .lines([frame] + (note.map { [.element("p", ["class": "note"], $0)] } ?? []))
    }

    /// The table under a heading.
    package var section: Markup { .element("section", [.element("h2", title), markup]) }

    /// The table in a part of the page that opens on request.
    package var details: Markup {
        .element("details", [.element("summary", title), markup])
    }

    private func cell(_ text: String, isFirst: Bool) -> Markup {
        isFirst ? .element("th", ["scope": "row"], text) : .element("td", text)
    }
}
