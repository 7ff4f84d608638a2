internal import Formats

/// Translates the settings of a file one after another.
///
/// A rule reads the settings that it needs from `file`; `addRest` takes the others by the table of `ForeignSettings`.
struct Translator {
    var file: ForeignFile
    let trainer: ForeignTrainer
    /// The processes that the file was made for, if an option says so.
    let processes: Int?
    private(set) var settings: [Translation.Setting] = []
    var ignored: [String] = []
    var notes: [String] = []
    var preparation = Preparation()

    init(_ file: ForeignFile, _ trainer: ForeignTrainer, processes: Int?) {
        (self.file, self.trainer, self.processes) = (file, trainer, processes)
    }

    mutating func translate() throws {
        try addModel()
        try addBatch()
        try addLoss()
        try addAdapter()
        try addNumbers()
        try addOrder()
        try addSchedule()
        try addPreparation()
        try addRest()
        addDefaults()
        let order = TrainingConfiguration.knownKeys
        settings.sort { order.firstIndex(of: $0.key) ?? 0 < order.firstIndex(of: $1.key) ?? 0 }
    }

    /// Adds a setting of this program.
    ///
    /// - Parameter origin: What it is computed from; empty for a setting of the same name.
    mutating func put(_ key: String, _ value: JSONValue, _ origin: String = "") throws {
        if let other = settings.first(where: { $0.key == key }) {
            let names = [other.origin, origin].map { $0.isEmpty ? key : $0 }
            throw FormatError(file.path, "expected one value of \(key), found \(names[0]) and \(names[1]); remove one")
        }
        settings.append(Translation.Setting(key: key, value: value, origin: origin))
    }

    /// Adds a setting of the same name, if it is given; the text of a number or truth value is that value.
    mutating func pass(_ name: String, as key: String? = nil) throws {
        guard let value = file.value(name) else { return }
        let isPath = ["model", "output", "resume_from_checkpoint"].contains(key ?? name)
        try put(key ?? name, isPath ? .string(file.text(name) ?? "") : value.unquoted, key == nil ? "" : name)
    }

    /// Notes that settings have no effect, of those that are given.
    mutating func ignore(_ names: [String]) {
        for name in names where file.value(name) != nil { ignored.append(name) }
    }

    // MARK: By the table

    /// Takes all settings that no rule has read.
    private mutating func addRest() throws {
        for entry in file.unread {
            let name = entry.name
            if ForeignSettings.shared.contains(name) {
                try pass(name)
                continue
            }
            guard let setting = ForeignSettings.setting(name) else { throw unknown(name) }
            switch setting.use {
            case .renamed(let key): try pass(name, as: key)
            case .ignored: ignored.append(name)
            case .refused(let neutral) where entry.value == .null || neutral.contains(entry.value.line.lowercased()):
                ignored.append(name)
            case .translated, .prepared, .refused:
                guard entry.value != .null else { continue }
                let remedy = ForeignSettings.remedy(for: name, in: .file) ?? ""
                throw file.refusal(name, setting.expectation, entry.value, remedy)
            }
        }
    }

    private func unknown(_ name: String) -> FormatError {
        let known = ForeignSettings.names + ForeignSettings.shared.sorted()
        let remedy = nearest(to: name, among: known).map { "did you mean \($0)?" } ?? "remove it"
        return file.error(name, "unknown setting of \(trainer.title): \(name.quotable()); \(remedy)")
    }

    /// Adds the trainer's defaults of settings that determine what is learned.
    private mutating func addDefaults() {
        let given = Set(settings.map(\.key))
        for (key, value) in trainer.defaults where !given.contains(key) {
            // The number of steps replaces the epochs.
            if key == "num_train_epochs", given.contains("max_steps") { continue }
            settings.append(.init(key: key, value: JSONValue(plain: value), origin: trainer.defaultOrigin))
        }
    }
}
