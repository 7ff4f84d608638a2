package import SystemPackage
internal import Yams
internal import Foundation

/// A strict reader of settings in YAML: unknown keys are refused.
package enum StrictYAML {
    /// Decodes the mapping in a file.
    ///
    /// - Parameter hint: A remedy for an unknown key, whose value it is passed as nil, or for a value that a key does not
    ///   accept; nil for none.
    /// - Throws: `FormatError` for a file that is missing, not YAML or too large, and for a key that is not in
    ///   `knownKeys`, with its line and the nearest known key.
    package static func decode<Value: Decodable>(
        _ type: Value.Type,
        knownKeys: [String],
        from path: FilePath,
        hint: (_ key: String, _ value: String?) -> String? = { _, _ in nil }
    ) throws -> Value {
        try decode(type, knownKeys: knownKeys, text: text(of: path), of: path, hint: hint)
    }

    /// Decodes the mapping in a text that was made from the file at `path`, which errors name.
    package static func decode<Value: Decodable>(
        _ type: Value.Type,
        knownKeys: [String],
        text: String,
        of path: FilePath,
        hint: (_ key: String, _ value: String?) -> String? = { _, _ in nil }
    ) throws -> Value {
        let mapping = try mapping(in: text, path)
        for (key, value) in mapping {
            guard let name = key.string, knownKeys.contains(name) else {
                throw unknown(key, knownKeys, path, hint: key.string.flatMap { hint($0, nil) })
            }
            try checkNumbers(value, path)
        }
        do {
            return try YAMLDecoder().decode(Value.self, from: .mapping(mapping))
        } catch let error as DecodingError {
            throw FormatError(path, describe(error, in: mapping, hint: hint))
        } catch let error as YamlError {
            throw FormatError(path, describe(error))
        }
    }

    /// The keys and values of a mapping, in the order of the file.
    static func mapping(in text: String, _ path: FilePath) throws -> Node.Mapping {
        do {
            let node = try Yams.compose(yaml: text) ?? Node.mapping([:])
            guard let mapping = node.mapping else {
                throw FormatError(path, "expected a mapping of settings to values")
            }
            return mapping
        } catch let error as YamlError {
            throw FormatError(path, describe(error))
        }
    }

    /// Reads the settings in a file as texts, in their order, whatever their keys: those of another version too.
    ///
    /// - Throws: `FormatError` for a file that is missing, not YAML, too large, or no mapping.
    package static func texts(from path: FilePath) throws -> [(key: String, text: String)] {
        let text = try text(of: path)
        do {
            guard let node = try Yams.compose(yaml: text) else { return [] }
            guard let mapping = node.mapping else {
                throw FormatError(path, "expected a mapping of settings to values")
            }
            return mapping.map { (value($0.key), value($0.value)) }
        } catch let error as YamlError {
            throw FormatError(path, describe(error))
        }
    }

    /// A value on one line, shortened if it is long.
    private static func value(_ node: Node) -> String {
        let text =
            switch node {
            case .scalar(let scalar): scalar.string
            case .sequence(let sequence): "[" + sequence.prefix(64).map(value).joined(separator: ", ") + "]"
            case .mapping(let mapping):
                "{" + mapping.prefix(64).map { "\(value($0.key)): \(value($0.value))" }.joined(separator: ", ") + "}"
            case .alias: "an alias"
            }
        return text.quotable()
    }

    /// The maximum number of bytes of a file, far above any settings.
    private static let maximumByteCount = 1 << 20
    /// The maximum number of aliases in a file: each may double the expansion of those before it.
    private static let maximumAliases = 8

    static func text(of path: FilePath) throws -> String {
        try MappedFile(path).withBytes { bytes in
            guard bytes.count <= maximumByteCount else {
                throw FormatError(path, "expected settings, at most \(maximumByteCount) bytes, found \(bytes.count)")
            }
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw FormatError(path, "expected UTF-8, found other bytes; write it as UTF-8")
            }
            let marks = aliasMarks(in: bytes)
            guard marks <= maximumAliases else {
                let found = "\(marks) words that begin with *"
                throw FormatError(path, "expected at most \(maximumAliases) aliases, found \(found); write values out")
            }
            // A byte order mark would begin a document of its own.
            return text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
        }
    }

    /// An upper bound of the number of aliases: asterisks at the start of a word, also in quotes and comments.
    private static func aliasMarks(in bytes: UnsafeRawBufferPointer) -> Int {
        var count = 0
        var former = UInt8(ascii: "\n")
        for byte in bytes {
            let isWithinWord = former > 0x20 && !"[]{},:?-".utf8.contains(former)
            if byte == UInt8(ascii: "*"), !isWithinWord { count += 1 }
            former = byte
        }
        return count
    }

    /// Refuses sexagesimal numbers of YAML 1.1, on which the parser overflows, and numbers with a leading 0, which it
    /// reads as octal or as decimal, by the type of the setting.
    static func checkNumbers(_ node: Node, _ path: FilePath) throws {
        switch node {
        case .scalar(let scalar):
            let text = scalar.string
            let isSexagesimal = text.contains(":") && text.utf8.allSatisfy { "0123456789:+-_.".utf8.contains($0) }
            guard scalar.style == .plain else { return }
            let line = node.mark.map { "line \($0.line): " } ?? ""
            guard !hasLeadingZero(text) else {
                let remedy = "remove the leading 0, or quote a string of digits"
                throw FormatError(path, "\(line)expected a number or a string, found \(text.quotable()); \(remedy)")
            }
            guard isSexagesimal else { return }
            throw FormatError(
                path,
                "\(line)expected a number or a string, found \(text.quotable()); quote a string of digits"
            )
        case .sequence(let sequence): for inner in sequence { try checkNumbers(inner, path) }
        case .mapping(let mapping): for (_, inner) in mapping { try checkNumbers(inner, path) }
        case .alias: return
        }
    }

    /// Whether a whole number starts with 0, after its sign, and has more digits.
    private static func hasLeadingZero(_ text: String) -> Bool {
        let digits = text.first.map("+-".contains) == true ? text.dropFirst() : text[...]
        return digits.count > 1 && digits.first == "0" && digits.utf8.allSatisfy { "0123456789_".utf8.contains($0) }
    }

    /// Encodes settings as YAML that `decode` reads.
    package static func encode(_ value: some Encodable) throws -> String {
        guard let node = try Yams.compose(yaml: YAMLEncoder().encode(value)) else { return "" }
        return try Yams.serialize(node: legible(node))
    }

    /// Reformats numbers for readability: the encoder writes `1e-1` for 0.1.
    private static func legible(_ node: Node) -> Node {
        switch node {
        case .mapping(let mapping):
            let pairs = mapping.map { ($0.key, legible($0.value)) }
            return .mapping(Node.Mapping(pairs, mapping.tag, mapping.style))
        case .scalar(var scalar):
            guard scalar.style == .plain, scalar.string.contains("e"), let number = Double(scalar.string) else {
                return node
            }
            scalar.string = "\(number)"
            return .scalar(scalar)
        default: return node
        }
    }

    private static func unknown(_ key: Node, _ knownKeys: [String], _ path: FilePath, hint: String?) -> FormatError {
        let name = key.string ?? "\(key)"
        let line = key.mark.map { "line \($0.line): " } ?? ""
        let nearest = nearest(to: name, among: knownKeys).map { "did you mean \($0)?" }
        let remedy = (hint ?? nearest).map { "; \($0)" } ?? ""
        return FormatError(path, "\(line)unknown key \(name.quotable())\(remedy)")
    }

    private static func describe(
        _ error: DecodingError,
        in mapping: Node.Mapping,
        hint: (_ key: String, _ value: String?) -> String?
    ) -> String {
        switch error {
        case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
            var (key, found) = ("", Node?.some(.mapping(mapping)))
            for part in context.codingPath {
                key += part.intValue.map { "[\($0)]" } ?? (key.isEmpty ? "" : ".") + part.stringValue
                found = part.intValue.map { found?.sequence?[$0] } ?? found?.mapping?[Node(part.stringValue)]
            }
            let isNumber = type is any Numeric.Type
            return "\(key): expected \(describe(type)), found \(found.map { describe($0, isNumber) } ?? "nothing")"
        case .keyNotFound(let key, _): return "\(key.stringValue) is missing"
        case .dataCorrupted(let context):
            let key = context.codingPath.map(\.stringValue).joined(separator: ".")
            let remedy = mapping[Node(key)]?.string.flatMap { hint(key, $0) }.map { "; \($0)" } ?? ""
            return "\(key): \(context.debugDescription)\(remedy)"
        @unknown default: return "\(error)"
        }
    }

    private static func describe(_ type: any Any.Type) -> String {
        switch type {
        case is any BinaryFloatingPoint.Type: return "a number"
        case is any UnsignedInteger.Type: return "a whole number, at least 0"
        case is any BinaryInteger.Type: return "a whole number"
        case is Bool.Type: return "true or false"
        case is String.Type: return "a string"
        // The types that Yams reports if a list or mapping is found in place of another value.
        case is Node.Scalar.Type: return "one value"
        case is Node.Sequence.Type: return "a list"
        case is Node.Mapping.Type: return "a mapping"
        default: return "\(type)"
        }
    }

    /// - Parameter isNumber: Whether a number is expected, which must not be in quotes.
    private static func describe(_ node: Node, _ isNumber: Bool) -> String {
        switch node {
        case .scalar(let scalar):
            let text = scalar.string.replacingOccurrences(of: "\n", with: " ").quotable()
            guard isNumber, Double(scalar.string) != nil, [.singleQuoted, .doubleQuoted].contains(scalar.style) else {
                return text
            }
            return "the string \"\(text)\"; remove the quotes"
        case .sequence: return "a list"
        case .mapping: return "a mapping"
        case .alias: return "an alias"
        }
    }

    private static func describe(_ error: YamlError) -> String {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            return "line \(mark.line): not valid YAML: \(problem)"
        case .duplicatedKeysInMapping(let keys, _):
            return "duplicate key \(keys.joined(separator: ", "))"
        default:
            return "not valid YAML: \(error)".replacingOccurrences(of: "\n", with: " ")
        }
    }
}
