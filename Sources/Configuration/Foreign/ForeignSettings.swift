internal import Formats

/// Settings of TRL, Hugging Face's `Trainer`, LLaMA-Factory and other trainers that have another name here, or none: each
/// with its counterpart, or the reason and the remedy.
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
        return (setting(key) ?? setting(plain)).map { spelled($0.remedy, in: form) }
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

    /// The row of a setting in the table; nil if no trainer in it has the setting.
    static func setting(_ name: String) -> ForeignSetting? {
        byName[name] ?? byBeginning.first { name.hasPrefix($0.beginning) }?.setting
    }

    /// All names of settings in the table.
    package static var names: [String] { byName.keys.sorted() }

    /// All settings of this program that remedies name, by their keys.
    package static var counterparts: Set<String> {
        let texts = table.map(\.remedy) + values.values.flatMap(\.values)
        return Set(texts.flatMap { $0.split(separator: "{").dropFirst() }.map { String($0.prefix { $0 != "}" }) })
    }

    /// The settings of this program that TRL has too, with the same name and meaning.
    ///
    /// Those of adapters have it if `use_peft` is true, those of evaluations and checkpoints with their strategies.
    static let shared: Set<String> = [
        "learning_rate", "lr_scheduler_type", "warmup_ratio", "warmup_steps", "max_steps", "num_train_epochs",
        "max_grad_norm", "weight_decay", "adam_beta1", "adam_beta2", "adam_epsilon", "seed", "logging_steps",
        "report_to", "gradient_checkpointing", "dtype", "ddp_bucket_cap_mb",
        "beta", "loss_type", "loss_weights", "label_smoothing", "f_divergence_type", "f_alpha_divergence_coef",
        "use_weighting", "ld_alpha", "simpo_gamma", "cpo_alpha", "discopop_tau",
        "use_peft", "lora_r", "lora_alpha", "lora_dropout", "lora_target_modules", "use_rslora", "use_dora",
        "eval_steps", "eval_on_start", "load_best_model_at_end", "metric_for_best_model", "greater_is_better",
        "save_steps", "save_total_limit", "resume_from_checkpoint",
    ]

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

    private static let table = batches + data + model + adapters + numbers + losses + run + machine + llamaFactory

    private static let byName: [String: ForeignSetting] = Dictionary(
        table.flatMap { setting in setting.names.filter { !$0.hasSuffix("*") }.map { ($0, setting) } },
        uniquingKeysWith: { first, _ in first }
    )

    private static let byBeginning: [(beginning: String, setting: ForeignSetting)] = table.flatMap { setting in
        setting.names.filter { $0.hasSuffix("*") }.map { (String($0.dropLast()), setting) }
    }
}
