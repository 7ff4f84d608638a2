internal import Formats

/// Settings of TRL, Hugging Face's `Trainer` and other trainers that have another name here, or none: each with its
/// counterpart, or the reason and the remedy.
package enum ForeignSettings {
    /// Where a setting is written, which determines how a remedy spells settings.
    package enum Form: Sendable {
        /// `learning_rate` in a file of settings.
        case file
        /// `--learning-rate` on the command line.
        case commandLine
    }

    /// The remedy for a setting that is unknown here, in snake_case or kebab-case; nil if no trainer in the table has it.
    package static func remedy(for name: String, in form: Form) -> String? {
        let key = key(name)
        let plain = key.hasPrefix("no_") ? String(key.dropFirst(3)) : key
        return (remedies[key] ?? remedies[plain]).map { spelled($0, in: form) }
    }

    /// The remedy for a value that a setting does not accept; nil if no trainer in the table accepts it.
    package static func remedy(for value: String, of name: String, in form: Form) -> String? {
        values[key(name)]?[value.lowercased()].map { spelled($0, in: form) }
    }

    /// The hint for an unknown key, or for an invalid value of a known one, in a file of settings.
    package static func hint(key: String, value: String?) -> String? {
        guard let value else { return remedy(for: key, in: .file) }
        return remedy(for: value, of: key, in: .file)
    }

    /// All names of settings in the table.
    package static var names: [String] { remedies.keys.sorted() }

    /// All settings of this program that remedies name, by their keys.
    package static var counterparts: Set<String> {
        let texts = Array(remedies.values) + values.values.flatMap(\.values)
        return Set(texts.flatMap { $0.split(separator: "{").dropFirst() }.map { String($0.prefix { $0 != "}" }) })
    }

    private static func key(_ name: String) -> String {
        String(name.drop { $0 == "-" }).lowercased().map { $0 == "-" ? "_" : String($0) }.joined()
    }

    /// Replaces `{key}` by the setting's spelling.
    private static func spelled(_ text: String, in form: Form) -> String {
        text.split(separator: "{", omittingEmptySubsequences: false).enumerated().map { index, part in
            guard index > 0, let end = part.firstIndex(of: "}") else { return String(part) }
            let (key, rest) = (String(part[..<end]), part[part.index(after: end)...])
            return (form == .file ? key : flag(key)) + rest
        }.joined()
    }

    /// The option of a setting on the command line.
    package static func flag(_ key: String) -> String {
        "--" + key.map { $0 == "_" ? "-" : String($0) }.joined()
    }

    private static let remedies: [String: String] = Dictionary(
        table.flatMap { names, remedy in names.split(separator: " ").map { (String($0), remedy) } },
        uniquingKeysWith: { first, _ in first }
    )
}
