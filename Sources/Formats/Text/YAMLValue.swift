/// A value that is written as YAML, in a form that readers of YAML 1.1 and of 1.2 take for the same.
package indirect enum YAMLValue: Sendable {
    case text(String)
    case number(Double)
    case list([YAMLValue])
    /// Entries in this order.
    case mapping([(key: String, value: YAMLValue)])

    /// A list of texts.
    package static func texts(_ texts: [String]) -> YAMLValue { .list(texts.map { .text($0) }) }

    /// The lines of the value, of a mapping one or more for each entry.
    package var lines: [String] {
        switch self {
        case .text(let text): [Self.scalar(text)]
        case .number(let number): [Self.scalar(number)]
        case .list(let values): values.isEmpty ? ["[]"] : values.flatMap { Self.hang($0.lines, at: "- ") }
        case .mapping(let entries): entries.isEmpty ? ["{}"] : entries.flatMap(Self.entry)
        }
    }

    private static func entry(_ key: String, _ value: YAMLValue) -> [String] {
        let name = scalar(key) + ":"
        return switch value {
        case .text, .number: [name + " " + value.lines[0]]
        case .list(let values): values.isEmpty ? [name + " []"] : [name] + value.lines
        case .mapping(let entries): entries.isEmpty ? [name + " {}"] : [name] + value.lines.map { "  " + $0 }
        }
    }

    private static func hang(_ lines: [String], at mark: String) -> [String] {
        lines.enumerated().map { ($0 == 0 ? mark : "  ") + $1 }
    }

    // MARK: Scalars

    /// Words that YAML 1.1 takes for Booleans or null.
    private static let reserved: Set = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"]

    /// The text without quotes if no reader can take it for anything else.
    private static func scalar(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { byte in
            let character = Character(UnicodeScalar(byte))
            return character.isASCII && (character.isLetter || character.isNumber || "._-/+".contains(character))
        }
        let startsWithLetter = text.first.map { $0.isASCII && $0.isLetter } ?? false
        let isSafe = isPlain && startsWithLetter && !reserved.contains(text.lowercased())
        return isSafe ? text : "\"\(text.unicodeScalars.map(escaped).joined())\""
    }

    private static func escaped(_ scalar: UnicodeScalar) -> String {
        switch scalar {
        case "\"", "\\": return "\\\(scalar)"
        case "\n": return "\\n"
        case "\t": return "\\t"
        default: break
        }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .unassigned, .privateUse:
            let (mark, width) = scalar.value < 0x100 ? ("x", 2) : scalar.value < 0x1_0000 ? ("u", 4) : ("U", 8)
            let digits = String(scalar.value, radix: 16)
            return "\\\(mark)" + String(repeating: "0", count: width - digits.count) + digits
        default: return String(scalar)
        }
    }

    /// The number with a point, without which YAML 1.1 takes `1e-06` for a text.
    private static func scalar(_ number: Double) -> String {
        guard number.isFinite else { return number.isNaN ? ".nan" : number < 0 ? "-.inf" : ".inf" }
        let text = "\(number)"
        guard !text.contains("."), let exponent = text.firstIndex(of: "e") else { return text }
        return text[..<exponent] + ".0" + text[exponent...]
    }
}
