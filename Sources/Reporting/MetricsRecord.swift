internal import Foundation

/// A JSON object whose keys keep their order.
package struct MetricsRecord {
    private enum Value {
        /// Its JSON, and its value if it is a number, which JSON may not have.
        case scalar(String, number: Double? = nil)
        case record(MetricsRecord)
        case records([MetricsRecord])
    }

    private var fields: [(key: String, value: Value)] = []

    /// An empty record.
    package init() {}

    /// Adds a number, as null if it is not finite, since JSON has no such numbers.
    package mutating func add(_ key: String, _ value: Double) {
        fields.append((key, .scalar(Self.number(value), number: value)))
    }

    /// Adds a list of numbers on one line; non-finite ones as null.
    package mutating func add(_ key: String, numbers values: [Double]) {
        fields.append((key, .scalar("[" + values.map(Self.number).joined(separator: ", ") + "]")))
    }

    /// Adds a list of whole numbers on one line.
    package mutating func add(_ key: String, numbers values: [Int]) {
        fields.append((key, .scalar("[" + values.map { "\($0)" }.joined(separator: ", ") + "]")))
    }

    /// Adds a whole number.
    package mutating func add(_ key: String, _ value: some BinaryInteger) {
        fields.append((key, .scalar("\(value)", number: Double(value))))
    }

    /// Adds a Boolean.
    package mutating func add(_ key: String, _ value: Bool) { fields.append((key, .scalar("\(value)"))) }

    /// Adds a string.
    package mutating func add(_ key: String, _ value: String) {
        fields.append((key, .scalar(Self.quoted(value))))
    }

    /// Adds a list of objects.
    package mutating func add(_ key: String, _ records: [MetricsRecord]) { fields.append((key, .records(records))) }

    /// Adds an object, on one line.
    package mutating func add(_ key: String, _ record: MetricsRecord) { fields.append((key, .record(record))) }

    /// Adds the fields of another record.
    package mutating func add(contentsOf record: MetricsRecord) { fields += record.fields }

    /// The numbers among the fields, in their order, also those that are not finite.
    package var numbers: [(key: String, value: Double)] {
        fields.compactMap { field in
            guard case .scalar(_, let number?) = field.value else { return nil }
            return (field.key, number)
        }
    }

    /// The object on one line.
    package var line: String { "{" + texts { "[" + $0.joined(separator: ", ") + "]" }.joined(separator: ", ") + "}" }

    /// The object with one field a line, and one line for each object of a list.
    package var page: String {
        let texts = texts { $0.isEmpty ? "[]" : "[\n    " + $0.joined(separator: ",\n    ") + "\n  ]" }
        return "{\n  " + texts.joined(separator: ",\n  ") + "\n}\n"
    }

    /// Formats records as comma-separated values, under the names of all their fields, without lists and objects.
    package static func csv(_ records: [MetricsRecord]) -> String {
        let rows = records.map { record in
            record.fields.compactMap { field -> (key: String, text: String)? in
                guard case .scalar(let text, _) = field.value else { return nil }
                return (field.key, text)
            }
        }
        var keys: [String] = []
        for (key, _) in rows.joined() where !keys.contains(key) { keys.append(key) }
        let lines = rows.map { row in
            keys.map { key in row.first { $0.key == key }?.text ?? "" }.joined(separator: ",")
        }
        return ([keys.joined(separator: ",")] + lines).joined(separator: "\n") + "\n"
    }

    /// Formats each field; `list` joins the lines of a list's objects.
    private func texts(list: ([String]) -> String) -> [String] {
        fields.map { key, value in
            switch value {
            case .scalar(let text, _): return "\(Self.quoted(key)): \(text)"
            case .record(let record): return "\(Self.quoted(key)): \(record.line)"
            case .records(let records): return "\(Self.quoted(key)): \(list(records.map(\.line)))"
            }
        }
    }

    private static func number(_ value: Double) -> String { value.isFinite ? "\(value)" : "null" }

    private static func quoted(_ text: String) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        guard let data = try? encoder.encode(text) else { preconditionFailure("a string has a JSON form") }
        return String(decoding: data, as: UTF8.self)
    }
}
