internal import Formats
internal import Foundation

/// A text or a regular expression that divides or replaces parts of a text.
struct TokenPattern: Sendable {
    private let expression: NSRegularExpression

    /// The pattern of a component: `{"String": …}` or `{"Regex": …}`.
    init(_ value: JSONValue?, of component: String) throws {
        if let text = value?["String"]?.string {
            try self.init(NSRegularExpression.escapedPattern(for: text), of: component)
        } else if let expression = value?["Regex"]?.string {
            try self.init(expression, of: component)
        } else {
            throw TokenizerFault.invalid(component, "pattern", "a String or a Regex", value)
        }
    }

    /// A regular expression.
    init(_ expression: String, of component: String) throws {
        do {
            self.expression = try NSRegularExpression(pattern: Self.withAllSpace(expression))
        } catch {
            throw TokenizerFault.invalid(component, "pattern", "a regular expression", .string(expression))
        }
    }

    /// The expression with `\s` and `\S` of Unicode's white space, as in the library's engine; that of ICU leaves out the
    /// vertical tabulation and the next line.
    private static func withAllSpace(_ expression: String) -> String {
        var result = ""
        var isEscaped = false
        for character in expression.unicodeScalars {
            switch (isEscaped, character) {
            case (true, "s"): result += #"[\u0009-\u000D\u0085\p{Z}]"#
            case (true, "S"): result += #"[^\u0009-\u000D\u0085\p{Z}]"#
            case (true, _): result += "\\" + String(character)
            case (false, "\\"): break
            case (false, _): result.unicodeScalars.append(character)
            }
            isEscaped = !isEscaped && character == "\\"
        }
        return result
    }

    /// The parts of a text that match, and those between them, in order; none is empty.
    func parts(of text: String) -> [(text: String, isMatch: Bool)] {
        let whole = text as NSString
        var parts: [(text: String, isMatch: Bool)] = []
        var end = 0
        func append(_ range: NSRange, isMatch: Bool) {
            guard range.length > 0 else { return }
            parts.append((whole.substring(with: range), isMatch))
        }
        expression.enumerateMatches(in: text, range: NSRange(location: 0, length: whole.length)) { match, _, _ in
            guard let range = match?.range, range.length > 0 else { return }
            append(NSRange(location: end, length: range.location - end), isMatch: false)
            append(range, isMatch: true)
            end = range.location + range.length
        }
        append(NSRange(location: end, length: whole.length - end), isMatch: false)
        return parts
    }

    /// The text with `content` in place of each match.
    func replacing(in text: String, with content: String) -> String {
        parts(of: text).map { $0.isMatch ? content : $0.text }.joined()
    }
}
