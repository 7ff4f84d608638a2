internal import Formats

extension Translation {
    /// The settings as YAML, which `--config` reads, with what each came from; before them, as comments, how the data is
    /// prepared, what has no effect, and what differs.
    package var yaml: String {
        let files = preparation.files.map {
            Setting(key: $0.key, value: .string($0.file), origin: "of espalier-prepare")
        }
        let commands = preparation.commands
        let first = commands.isEmpty ? [] : ["Prepare the data first:"] + commands.map { "  \($0)" }
        return text(first, settings + files, notes + preparation.notes)
    }

    /// The settings of a run with this file and options, as YAML with what each came from.
    ///
    /// - Parameter omissions: What `completed` left out.
    package func report(of run: TrainingConfiguration, omissions: [String]) throws -> String {
        let names = preparation.settings.joined(separator: ", ")
        let first = names.isEmpty ? [] : ["Of espalier-prepare: \(names)"]
        return text(first, try settings(of: run), notes + omissions)
    }

    /// The translated settings that a run has, and those that options have set.
    private func settings(of run: TrainingConfiguration) throws -> [Setting] {
        func values(_ configuration: TrainingConfiguration) throws -> [String: JSONValue] {
            let entries = try StrictYAML.entries(in: configuration.yaml(), of: path)
            return Dictionary(entries.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
        }
        let (translated, final) = (try values(configuration), try values(run))
        return TrainingConfiguration.knownKeys.compactMap { key in
            guard let value = final[key], value != .null else { return nil }
            let setting = settings.first { $0.key == key }
            guard value != translated[key] else { return setting }
            let origin = setting.map { "an option, in place of \($0.value.yaml)" } ?? "an option"
            return Setting(key: key, value: value, origin: origin)
        }
    }

    private func text(_ first: [String], _ settings: [Setting], _ notes: [String]) -> String {
        let none = ignored.isEmpty ? [] : ["Without effect here: \(ignored.joined(separator: ", "))"]
        let comments =
            ["Translated from \(path), a file for \(trainer.title)"] + first + none + notes.map { "Note: \($0)" }
        let texts = settings.map { "\($0.key): \($0.value.yaml)" }
        let width = texts.map(\.count).filter { $0 <= 60 }.max() ?? 0
        let lines = zip(settings, texts).map { setting, text in
            guard !setting.origin.isEmpty else { return text }
            return text + String(repeating: " ", count: max(0, width - text.count))
                + "  # \(setting.origin.printable())"
        }
        return (comments.map { "# \($0)".printable() } + lines).map { "\($0)\n" }.joined()
    }
}
