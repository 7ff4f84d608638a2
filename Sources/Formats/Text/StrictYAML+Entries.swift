package import SystemPackage
internal import Yams

extension StrictYAML {
    /// A key of a file's mapping with its value.
    package struct Entry: Sendable {
        package let name: String
        /// The line of the key, counted from 1; nil if the parser gives none.
        package let line: Int?
        package let value: JSONValue
    }

    /// Reads the mapping in a file whose keys are not known in advance, in the order of the file.
    ///
    /// Words are read as Python's YAML 1.1 reads them (`yes` is true); numbers as Python's `float`, so that `5e-7`, which
    /// PyYAML takes for a string and Hugging Face's parser for a number, is a number.
    ///
    /// - Throws: `FormatError` for a file that `decode` would refuse for its form.
    package static func entries(of path: FilePath) throws -> [Entry] { try entries(in: text(of: path), of: path) }

    /// Reads the mapping in a text, as that of the file at `path`.
    package static func entries(in text: String, of path: FilePath) throws -> [Entry] {
        try mapping(in: text, path).map { key, value in
            try checkNumbers(value, path)
            guard let name = key.string else { throw FormatError(path, "expected the name of a setting, found a list") }
            return Entry(name: name, line: key.mark?.line, value: Self.value(value))
        }
    }

    private static func value(_ node: Node) -> JSONValue {
        switch node {
        case .scalar(let scalar): scalar.style == .plain ? JSONValue(plain: scalar.string) : .string(scalar.string)
        case .sequence(let sequence): .array(sequence.map(value))
        case .mapping(let mapping):
            .object(Dictionary(mapping.map { ($0.key.string ?? "", value($0.value)) }, uniquingKeysWith: { $1 }))
        case .alias: .null
        }
    }
}

extension JSONValue {
    /// The value of a word without quotes.
    package init(plain text: String) {
        switch text.lowercased() {
        case "", "~", "null": self = .null
        case "true", "yes", "on": self = .flag(true)
        case "false", "no", "off": self = .flag(false)
        default: self = Self.isNumber(text) ? .number(text) : .string(text)
        }
    }

    /// A number, without a fraction if it is whole.
    package init(_ number: Double) { self = .number(Int(exactly: number).map { "\($0)" } ?? "\(number)") }

    private static func isNumber(_ text: String) -> Bool {
        // `Double.init` would also accept hexadecimal digits, infinity and NaN.
        text.utf8.allSatisfy { "0123456789.eE+-".utf8.contains($0) } && Double(text)?.isFinite == true
    }

    /// The value on one line of YAML, which reads it again and is safe to print: words without quotes where they need none.
    package var yaml: String {
        switch self {
        case .number(let text):
            Int(text).map { "\($0)" } ?? Double(text).map { "\($0)" } ?? text
        case .string(let text): text.isPlainYAML ? text : text.quotedYAML
        case .array(let values): "[" + values.map(\.yaml).joined(separator: ", ") + "]"
        case .object(let values):
            "{"
                + values.sorted { $0.key < $1.key }.map { JSONValue.string($0).yaml + ": " + $1.yaml }
                .joined(separator: ", ") + "}"
        case .null, .flag: line
        }
    }
}

extension String {
    /// Whether YAML reads these characters as this string, in a list too.
    fileprivate var isPlainYAML: Bool {
        guard let first, first.isASCII, first.isLetter || "/_".contains(first) else { return false }
        guard case .string = JSONValue(plain: self) else { return false }
        return allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "/._-+@".contains($0)) }
    }

    /// The string in quotes, with escapes for what a terminal would not print as a character.
    fileprivate var quotedYAML: String {
        var result = ""
        for scalar in unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned:
                let digits = String(scalar.value, radix: 16)
                result += "\\U" + String(repeating: "0", count: 8 - digits.count) + digits
            default: result += scalar == "\"" || scalar == "\\" ? "\\\(scalar)" : "\(scalar)"
            }
        }
        return "\"\(result)\""
    }
}
