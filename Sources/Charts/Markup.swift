/// A piece of HTML or SVG.
///
/// Names come from the program, all else is escaped, so that no text from a file becomes markup. Elements are closed as
/// XML requires: a page is valid in both languages.
package struct Markup: Sendable, Equatable {
    /// The text of the page.
    package let source: String

    private init(source: String) {
        self.source = source
    }

    /// A text.
    package init(_ text: String) {
        source = Self.escaped(text)
    }

    /// Text of the program that is no HTML, such as a style sheet.
    init(verbatim text: StaticString) {
        source = "\(text)"
    }

    /// Nothing.
    package static let empty = Markup(source: "")

    /// An element with what it contains.
    package static func element(
        _ name: StaticString,
        _ attributes: KeyValuePairs<StaticString, String>,
        _ content: [Markup] = []
    ) -> Markup {
        let start = attributes.reduce(into: "<\(name)") { $0 += " \($1.key)=\"\(escaped($1.value))\"" }
        if content.isEmpty, isVoid("\(name)") { return Markup(source: start + "/>") }
        let separator = isBlock("\(name)") ? "\n" : ""
        let inner = content.map(\.source).joined(separator: separator)
        return Markup(source: "\(start)>\(separator)\(inner)\(separator)</\(name)>")
    }

    /// An element that contains a text.
    package static func element(
        _ name: StaticString,
        _ attributes: KeyValuePairs<StaticString, String>,
        _ text: String
    ) -> Markup {
        element(name, attributes, [Markup(text)])
    }

    /// An element without attributes that contains a text.
    package static func element(_ name: StaticString, _ text: String) -> Markup { element(name, [:], text) }

    /// An element without attributes.
    package static func element(_ name: StaticString, _ content: [Markup]) -> Markup { element(name, [:], content) }

    /// Pieces one after the other, on a line each.
    package static func lines(_ pieces: [Markup]) -> Markup {
        Markup(source: pieces.map(\.source).joined(separator: "\n"))
    }

    private static func isVoid(_ name: String) -> Bool {
        ["meta", "line", "rect", "circle", "polyline", "polygon", "path"].contains(name)
    }

    /// Whether white space between the parts of an element means nothing.
    private static func isBlock(_ name: String) -> Bool {
        ["html", "head", "body", "main", "section", "svg", "figure", "table", "tbody", "ul", "dl", "div"].contains(name)
    }

    /// The text without characters that have a meaning in HTML, or that XML does not admit.
    private static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "\t", "\n", "\r", " "..."\u{D7FF}", "\u{E000}"..."\u{FFFD}", "\u{10000}"...:
                result.unicodeScalars.append(scalar)
            default: result += "\u{FFFD}"
            }
        }
        return result
    }
}
