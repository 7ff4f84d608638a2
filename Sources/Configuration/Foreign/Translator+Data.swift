internal import Formats

// The commands that prepare the data.

extension Translator {
    mutating func addPreparation() throws {
        preparation.model = settings.first { $0.key == "model" }?.value.string ?? "MODEL"
        for entry in file.entries where entry.value != .null && ForeignSettings.setting(entry.name)?.use == .prepared {
            preparation.settings.append(entry.name)
        }
        if trainer == .llamaFactory {
            try addLlamaFactoryData()
        } else {
            try addTRLData()
        }
        try addLengths()
        try addTemplate()
    }

    private mutating func addLengths() throws {
        let name = trainer == .llamaFactory ? "cutoff_len" : "max_length"
        let isUnlimited = file.has(name) && file.value(name) == nil
        let length = try file.whole(name) ?? (isUnlimited ? 1 << 20 : trainer.maxLength)
        preparation.arguments += ["--max-length", "\(length)"]
        guard trainer != .llamaFactory else {
            preparation.notes.append(
                "cutoff_len shortens prompt and responses in proportion; espalier-prepare --max-length the responses first"
            )
            return ignore(["max_length", "model_max_length"])
        }
        if let prompt = try file.whole("max_prompt_length") {
            preparation.arguments += ["--max-prompt-length", "\(prompt)"]
        }
        if let mode = try file.text("truncation_mode") {
            guard ["keep_start", "keep_end"].contains(mode) else {
                throw file.refusal("truncation_mode", "keep_start or keep_end", .string(mode))
            }
            preparation.arguments += ["--truncation-mode", mode]
        }
        for name in ["max_completion_length", "max_target_length"] where file.value(name) != nil {
            preparation.notes.append("\(name) has no counterpart: --max-length limits a prompt and a response together")
        }
    }

    private mutating func addTemplate() throws {
        for name in ["template", "chat_template"] where file.value(name) != nil {
            preparation.notes.append(
                "\(name): the model's own chat template is used; compare with espalier-prepare --show 1"
            )
        }
        guard try file.flag("enable_thinking") == false else { return }
        preparation.arguments += ["--chat-template-kwargs", #"{"enable_thinking": false}"#]
    }

    // MARK: TRL and alignment-handbook

    private mutating func addTRLData() throws {
        var train = try file.text("dataset_train_split") ?? file.text("dataset_split")
        var test = try file.text("dataset_test_split") ?? "test"
        if let splits = try file.names("dataset_splits") {
            train = splits.first { !$0.hasPrefix("test") } ?? train
            test = splits.first { $0.hasPrefix("test") } ?? test
        }
        var configurations = try file.text("dataset_config").map { [$0] } ?? file.names("dataset_configs") ?? []
        var heldOut = file.value("test_split_size")
        let list = file.value("datasets") ?? file.value("dataset_mixture")
        if let name = try file.text("dataset_name"), list == nil { preparation.sources = [.init(name: name)] }
        if let mixer = file.value("dataset_mixer")?.object {
            preparation.sources = try weighted(mixer, "dataset_mixer")
        }
        if let list {
            let name = file.value("datasets") == nil ? "dataset_mixture" : "datasets"
            heldOut = list.object?["test_split_size"] ?? heldOut
            if let plain = list.object, plain["datasets"] == nil {
                preparation.sources = try weighted(plain, name)
            } else {
                let parts = try self.parts(list.object?["datasets"] ?? list, name)
                preparation.sources = parts.map(\.source)
                let splits = Set(parts.map { $0.split ?? "train" })
                train = parts.first.map { $0.split ?? "train" }
                configurations += parts.compactMap(\.configuration)
                if splits.count > 1 {
                    notePreparation("the datasets have several splits, a command has one --split", name)
                }
            }
        }
        if Set(configurations).count == 1 {
            preparation.arguments += ["--dataset-config", configurations[0]]
        } else if configurations.count > 1 {
            notePreparation(
                "the datasets have several configurations, a command has one --dataset-config",
                "dataset_configs"
            )
        }
        preparation.split = train == "train" ? nil : train
        preparation.heldOutSplit = test
        if let heldOut, heldOut != .null { holdOut(heldOut.unquoted, "test_split_size") }
    }

    private func weighted(_ mixture: [String: JSONValue], _ name: String) throws -> [Preparation.Source] {
        try mixture.sorted { $0.key < $1.key }.map { source, weight in
            guard let number = weight.unquoted.double, number > 0, number.isFinite else {
                throw file.refusal(name, "datasets with weights above 0", weight)
            }
            return Preparation.Source(name: source, weight: number)
        }
    }

    private typealias Part = (source: Preparation.Source, split: String?, configuration: String?)

    /// The entries of a list of datasets, in the forms of TRL (`path`, `name`) and alignment-handbook (`id`, `config`).
    private mutating func parts(_ list: JSONValue, _ name: String) throws -> [Part] {
        guard let values = list.array else { throw file.refusal(name, "a list of datasets", list) }
        return try values.map { value in
            let part = value.object ?? ["path": value]
            guard let path = (part["path"] ?? part["id"])?.string else {
                throw file.refusal(name, "datasets, each with path or id", value)
            }
            for (key, inner) in part.sorted(by: { $0.key < $1.key }) where inner != .null {
                guard !["path", "id", "name", "config", "split", "weight"].contains(key) else { continue }
                notePreparation("\(key) of \(path) is not in the command", name)
            }
            let weight = part["weight"]?.unquoted.double ?? 1
            return
                ((.init(name: path, weight: weight), part["split"]?.string, (part["name"] ?? part["config"])?.string))
        }
    }

    private mutating func notePreparation(_ text: String, _ name: String) {
        preparation.notes.append("\(name): \(text); prepare the data as it says, and pass it as --data")
    }
}
