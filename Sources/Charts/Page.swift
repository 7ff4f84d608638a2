/// A self-contained page, which needs neither scripts nor a network.
package struct Page {
    package let title: String
    package let parts: [Markup]

    package init(title: String, _ parts: [Markup]) {
        (self.title, self.parts) = (title, parts)
    }

    /// The page as HTML.
    package var text: String {
        let head = Markup.element(
            "head",
            [
                .element("meta", ["charset": "utf-8"]),
                .element("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"]),
                .element("title", title),
                .element("style", [Markup(verbatim: Self.styleSheet)]),
            ]
        )
        let main = Markup.element("main", [.element("h1", title)] + parts)
        let page = Markup.element("html", ["lang": "en"], [head, .element("body", [main])])
        return "<!DOCTYPE html>\n\(page.source)\n"
    }

    /// Names with their texts.
    package static func facts(_ facts: [(name: String, text: String)]) -> Markup {
        .element("dl", ["class": "facts"], facts.flatMap { [.element("dt", $0.name), .element("dd", $0.text)] })
    }

    /// A few prominent numbers, each with what it is and a remark.
    package static func figures(_ figures: [(number: String, name: String, remark: String)]) -> Markup {
        let tiles = figures.map { figure in
            Markup.element(
                "div",
                [
                    .element("dt", figure.name), .element("dd", figure.number),
                    .element("dd", ["class": "note"], figure.remark),
                ]
            )
        }
        return .element("dl", ["class": "tiles"], tiles)
    }

    /// Remarks that a reader must see.
    package static func remarks(_ remarks: [String]) -> Markup {
        remarks.isEmpty ? .empty : .element("ul", ["class": "remarks"], remarks.map { .element("li", $0) })
    }

    /// A part of a page under a heading.
    package static func section(_ title: String, _ parts: [Markup]) -> Markup {
        .element("section", [.element("h2", title)] + parts)
    }
}
