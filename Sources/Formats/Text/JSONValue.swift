/// A JSON value; numbers keep their text, so that none is rounded.
package enum JSONValue: Sendable, Equatable {
    case null
    case flag(Bool)
    case number(String)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// The number, if it is a non-negative integer that fits `Int`; nil for `-0`, `2.0` and `1e3`.
    package var wholeNumber: Int? {
        guard case .number(let text) = self else { return nil }
        // `Int.init` would also accept a sign.
        return text.utf8.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") } ? Int(text) : nil
    }

    /// The nearest float64; infinite if the number is too large.
    package var double: Double? {
        guard case .number(let text) = self else { return nil }
        return Double(text)
    }

    package var string: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    package var array: [JSONValue]? {
        guard case .array(let values) = self else { return nil }
        return values
    }

    package var object: [String: JSONValue]? {
        guard case .object(let values) = self else { return nil }
        return values
    }

    /// The strings of an object that maps only to strings.
    var strings: [String: String]? {
        guard let object else { return nil }
        let strings = object.compactMapValues(\.string)
        return strings.count == object.count ? strings : nil
    }

    // MARK: Text

    /// The value as JSON on one line, with sorted names.
    package var line: String {
        switch self {
        case .null: return "null"
        case .flag(let flag): return flag ? "true" : "false"
        case .number(let text): return text
        case .string(let text): return "\"\(Self.escaped(text))\""
        case .array(let values): return "[" + values.map(\.line).joined(separator: ",") + "]"
        case .object(let values):
            let members = values.sorted { $0.key < $1.key }
            return "{" + members.map { "\"\(Self.escaped($0.key))\":\($0.value.line)" }.joined(separator: ",") + "}"
        }
    }

    /// The value as JSON with one name or element per line, with sorted names.
    package func page(indentation: String = "") -> String {
        let inner = indentation + "  "
        switch self {
        case .array(let values) where !values.isEmpty:
            return Self.block("[", values.map { $0.page(indentation: inner) }, "]", indentation)
        case .object(let values) where !values.isEmpty:
            let members = values.sorted { $0.key < $1.key }
            let texts = members.map { "\"\(Self.escaped($0.key))\": \($0.value.page(indentation: inner))" }
            return Self.block("{", texts, "}", indentation)
        default: return line
        }
    }

    private static func block(_ open: String, _ texts: [String], _ close: String, _ indentation: String) -> String {
        let lines = texts.map { "\(indentation)  \($0)" }
        return "\(open)\n\(lines.joined(separator: ",\n"))\n\(indentation)\(close)"
    }

    private static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case "\u{0}"..<" ":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
