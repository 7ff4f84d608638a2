internal import Formats
internal import SystemPackage

/// A file of settings of another trainer, and which of them a translation has read.
///
/// A setting that is null is as one that is absent. A number or a truth value may be in quotes, since Hugging Face's parser
/// converts text to the type of the setting.
struct ForeignFile {
    let path: FilePath
    let entries: [StrictYAML.Entry]
    private var read: Set<String> = []

    init(_ path: FilePath, _ entries: [StrictYAML.Entry]) { (self.path, self.entries) = (path, entries) }

    /// The settings that no accessor was asked for.
    var unread: [StrictYAML.Entry] { entries.filter { !read.contains($0.name) } }

    /// Whether a setting is given, as null or with a value.
    func has(_ name: String) -> Bool { entries.contains { $0.name == name } }

    /// The value of a setting; nil if it is absent or null.
    mutating func value(_ name: String) -> JSONValue? {
        read.insert(name)
        guard let value = entries.last(where: { $0.name == name })?.value, value != .null else { return nil }
        return value
    }

    mutating func number(_ name: String) throws -> Double? {
        guard let value = value(name) else { return nil }
        guard let number = value.unquoted.double, number.isFinite else { throw refusal(name, "a number", value) }
        return number
    }

    mutating func whole(_ name: String, above least: Int = 0) throws -> Int? {
        guard let number = try number(name) else { return nil }
        guard let whole = Int(exactly: number), whole > least else {
            throw refusal(name, "a whole number above \(least)", value(name))
        }
        return whole
    }

    mutating func flag(_ name: String) throws -> Bool? {
        guard let value = value(name) else { return nil }
        guard case .flag(let flag) = value.unquoted else { throw refusal(name, "true or false", value) }
        return flag
    }

    /// A text, or a number or truth value as it would be written.
    mutating func text(_ name: String) throws -> String? {
        switch value(name) {
        case nil: nil
        case .string(let text): text
        case .number(let text): text
        case .flag(let flag): flag ? "true" : "false"
        case let value: throw refusal(name, "one value", value)
        }
    }

    /// The names of a list, or of a text that commas separate.
    mutating func names(_ name: String) throws -> [String]? {
        switch value(name) {
        case nil: return nil
        case .string(let text):
            return text.split(separator: ",").map {
                String($0.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
            }
        case .array(let values) where values.allSatisfy { $0.string != nil }: return values.compactMap(\.string)
        case let value: throw refusal(name, "names", value)
        }
    }

    // MARK: Errors

    /// The error for the value of a setting.
    func refusal(_ name: String, _ expected: String, _ value: JSONValue?, _ remedy: String = "") -> FormatError {
        let found = (value ?? .null).string ?? (value ?? .null).line
        return error(
            name,
            "\(name): expected \(expected), found \(found.quotable())\(remedy.isEmpty ? "" : "; ")\(remedy)"
        )
    }

    /// The error for a setting that cannot be translated.
    func error(_ name: String, _ message: String) -> FormatError {
        let line = entries.first { $0.name == name }?.line.map { "line \($0): " } ?? ""
        return FormatError(path, line + message)
    }
}

extension JSONValue {
    /// The number or truth value in a text; other values as they are.
    var unquoted: JSONValue {
        guard let string else { return self }
        let value = JSONValue(plain: string)
        return value == .null ? self : value
    }
}
