internal import Foundation

/// One JSON object with its keys in the order in which they were given.
package struct MetricsRecord {
    private var fields: [String] = []

    /// An empty record.
    package init() {}

    /// Adds a number; one that is not finite becomes null, since JSON has none.
    package mutating func add(_ key: String, _ value: Double) {
        fields.append("\(Self.quoted(key)): \(value.isFinite ? "\(value)" : "null")")
    }

    /// Adds a whole number.
    package mutating func add(_ key: String, _ value: Int) { fields.append("\(Self.quoted(key)): \(value)") }

    /// Adds a string.
    package mutating func add(_ key: String, _ value: String) {
        fields.append("\(Self.quoted(key)): \(Self.quoted(value))")
    }

    /// The object on one line.
    package var line: String { "{" + fields.joined(separator: ", ") + "}" }

    /// The object with one field a line.
    package var page: String { "{\n  " + fields.joined(separator: ",\n  ") + "\n}\n" }

    private static func quoted(_ text: String) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        guard let data = try? encoder.encode(text) else { preconditionFailure("a string has a JSON form") }
        return String(decoding: data, as: UTF8.self)
    }
}
