internal import Formats

/// The facts of a model card that the Hugging Face Hub reads.
struct CardFacts {
    /// The model's name, that of its directory.
    let name: String
    let base: BaseModel
    /// The kind of an adapter, such as `lora`; nil for a model.
    var adapter: String?
    /// The names of losses by which it was trained.
    var losses: [String] = []
    /// The sources that it was trained on.
    var sources: [DataSource] = []
    /// The evaluation of the model, and the sources that it was evaluated on.
    var evaluation: CardEvaluation?
    var heldOut: [DataSource] = []

    /// The metrics of evaluations that a card lists, with their titles.
    static let metrics = [
        ("loss", "Loss"), ("rewards/accuracies", "Reward accuracy"), ("rewards/margins", "Reward margin"),
        ("logps/accuracies", "Accuracy of log-probabilities"),
    ]

    /// The metadata, in the order of the Hub's documentation.
    var metadata: [(key: String, value: YAMLValue)] {
        var entries: [(key: String, value: YAMLValue)] = []
        if !base.card.languages.isEmpty { entries.append(("language", .texts(base.card.languages))) }
        if let license = base.license { entries.append(("license", .text(license))) }
        if let name = base.card.licenseName { entries.append(("license_name", .text(name))) }
        if let link = base.card.licenseLink { entries.append(("license_link", .text(link))) }
        entries.append(("library_name", .text(adapter == nil ? "transformers" : "peft")))
        entries.append(("pipeline_tag", .text("text-generation")))
        if let id = base.id {
            entries.append(("base_model", .text(id)))
            entries.append(("base_model_relation", .text(adapter == nil ? "finetune" : "adapter")))
        }
        let datasets = sources.filter(\.isOnHub).map(\.name).unique
        if !datasets.isEmpty { entries.append(("datasets", .texts(datasets))) }
        entries.append(("tags", .texts(tags)))
        if let index { entries.append(("model-index", index)) }
        return entries
    }

    private var tags: [String] {
        let kinds = adapter.map { kind in
            (base.id.map { ["base_model:adapter:\($0)"] } ?? []) + [kind, "transformers"]
        }
        let methods = losses.map { LossPaper.of($0)?.tag ?? $0 }
        return (["espalier"] + methods + (kinds ?? [])).unique
    }

    private var index: YAMLValue? {
        guard let evaluation else { return nil }
        let metrics: [YAMLValue] = Self.metrics.compactMap { name, title in
            guard let value = evaluation[name] else { return nil }
            return .mapping([("type", .text(name)), ("name", .text(title)), ("value", .number(value))])
        }
        guard !metrics.isEmpty else { return nil }
        let names = heldOut.map(\.name).unique
        let title = names.isEmpty ? "held-out preferences" : names.joined(separator: ", ")
        var dataset: [(key: String, value: YAMLValue)] = [("name", .text(title)), ("type", .text(title))]
        if heldOut.count == 1, let split = heldOut[0].split { dataset.append(("split", .text(split))) }
        let task: YAMLValue = .mapping([("type", .text("text-generation")), ("name", .text("Preference tuning"))])
        let result: YAMLValue = .mapping([("task", task), ("dataset", .mapping(dataset)), ("metrics", .list(metrics))])
        return .list([.mapping([("name", .text(name)), ("results", .list([result]))])])
    }
}

extension [String] {
    /// The elements in order, each once.
    fileprivate var unique: [String] {
        reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }
}
