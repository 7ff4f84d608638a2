internal import Formats
package import SystemPackage

/// Settings of another trainer in those of this program, with what each came from.
package struct Translation: Sendable {
    /// A setting of this program.
    struct Setting: Sendable {
        let key: String
        let value: JSONValue
        /// The other trainer's setting, a formula, or where a default comes from; empty for the same name.
        let origin: String
    }

    /// The file.
    package let path: FilePath
    /// The trainer that it is for.
    package let trainer: ForeignTrainer
    let settings: [Setting]
    /// Settings of the file that cannot change what is learned.
    package let ignored: [String]
    /// What differs, or was assumed, one sentence each.
    package let notes: [String]
    /// How the data of the file is prepared.
    let preparation: Preparation
    /// The settings.
    package let configuration: TrainingConfiguration

    /// Translates a file.
    ///
    /// - Parameters:
    ///   - processes: The processes that the file was made for, whose batches make up a step; nil for the file's
    ///     `num_processes`, or 1.
    ///   - isExpected: Whether the user says that the file is another trainer's.
    /// - Returns: nil for a file of this program.
    /// - Throws: `FormatError` for a file that mixes settings of both, and for a setting that would change what is learned and
    ///   has no counterpart.
    package init?(of path: FilePath, processes: Int? = nil, isExpected: Bool = false) throws {
        let entries = try StrictYAML.entries(of: path)
        guard let trainer = ForeignTrainer(of: entries, isExpected: isExpected) else { return nil }
        let file = ForeignFile(path, entries)
        try Self.refuseMixture(file)
        var translator = Translator(file, trainer, processes: processes)
        try translator.translate()
        (self.path, self.trainer, settings) = (path, trainer, translator.settings)
        (ignored, notes, preparation) = (translator.ignored, translator.notes, translator.preparation)
        configuration = try StrictYAML.decode(
            TrainingConfiguration.self,
            knownKeys: TrainingConfiguration.knownKeys,
            text: settings.isEmpty ? "{}" : settings.map { "\($0.key): \($0.value.yaml)\n" }.joined(),
            of: path,
            hint: ForeignSettings.hint
        )
    }

    /// Refuses a file of another trainer with a setting that only this program has.
    private static func refuseMixture(_ file: ForeignFile) throws {
        let own = Set(TrainingConfiguration.knownKeys).subtracting(ForeignSettings.shared)
        guard let key = file.entries.first(where: { own.contains($0.name) })?.name,
            let foreign = file.entries.first(where: { ForeignSettings.setting($0.name) != nil })?.name
        else { return }
        let remedy = ForeignSettings.remedy(for: foreign, in: .file).map { "; for \(foreign) \($0)" } ?? ""
        let message = "expected settings of one trainer, found \(key) of espalier and \(foreign) of others"
        throw file.error(
            key,
            "\(message); give \(ForeignSettings.flag(key)) as an option, or write all as espalier's\(remedy)"
        )
    }
}
