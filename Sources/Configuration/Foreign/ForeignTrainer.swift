internal import Formats

/// A trainer whose files are translated.
package enum ForeignTrainer: Sendable {
    /// TRL's DPO trainer, also as alignment-handbook calls it.
    case dpo
    /// TRL's CPO trainer, which SimPO belongs to.
    case cpo
    /// LLaMA-Factory in its stage `dpo`.
    case llamaFactory

    /// What has the settings of a file.
    package var title: String {
        switch self {
        case .dpo: "TRL's DPOConfig"
        case .cpo: "TRL's CPOConfig"
        case .llamaFactory: "LLaMA-Factory"
        }
    }

    /// Where the value of an omitted setting comes from.
    var defaultOrigin: String { self == .llamaFactory ? "LLaMA-Factory's default" : "TRL's default" }

    /// The settings that say what a run trains on what, under names that only other trainers have.
    private static let marks: Set<String> = [
        "model_name_or_path", "output_dir", "dataset_name", "dataset", "datasets", "dataset_mixture", "dataset_mixer",
        "stage", "finetuning_type", "per_device_train_batch_size",
    ]
    private static let marksOfCPO: Set<String> = ["cpo_alpha", "simpo_gamma"]
    private static let marksOfLlamaFactory: Set<String> = [
        "stage", "finetuning_type", "template", "dataset_dir", "cutoff_len", "pref_beta", "pref_loss", "pref_ftx",
        "lora_rank", "lora_target",
    ]

    /// The trainer that a file of these settings is for; nil if it is one of this program.
    ///
    /// - Parameter isExpected: Whether the user says that it is another trainer's: then one setting that only others have is
    ///   enough. Otherwise two of `marks` are needed, since a file of this program may have a wrong key.
    init?(of entries: [StrictYAML.Entry], isExpected: Bool) {
        let names = Set(entries.map(\.name))
        let isOther =
            isExpected
            ? names.contains { ForeignSettings.setting($0) != nil } : Self.marks.intersection(names).count >= 2
        guard isOther else { return nil }
        let loss = entries.first { $0.name == "loss_type" }?.value.string
        if !Self.marksOfLlamaFactory.isDisjoint(with: names) {
            self = .llamaFactory
        } else if !Self.marksOfCPO.isDisjoint(with: names) || ["simpo", "alphapo"].contains(loss) {
            self = .cpo
        } else {
            self = .dpo
        }
    }

    // MARK: Defaults

    /// What is learned by a file that omits these settings of this program, as YAML; those of TRL 1.16 and LLaMA-Factory 0.9.5
    /// with transformers 5.24.
    var defaults: [(key: String, value: String)] {
        [
            ("learning_rate", self == .llamaFactory ? "5e-05" : "1e-06"), ("lr_scheduler_type", "linear"),
            ("num_train_epochs", "3.0"), ("max_grad_norm", "1.0"), ("weight_decay", "0.0"), ("adam_beta1", "0.9"),
            ("adam_beta2", "0.999"), ("adam_epsilon", "1e-08"), ("beta", "0.1"), ("seed", "42"),
        ]
    }

    /// The examples of a device's batch.
    static let batchSize = 8
    /// Steps between checkpoints.
    static let saveSteps = 500
    /// Steps between two lines of metrics, and between evaluations if only their strategy is given.
    var loggingSteps: Int { self == .llamaFactory ? 500 : 10 }
    /// The most tokens of a prompt and a response.
    var maxLength: Int { self == .llamaFactory ? 2048 : 1024 }
}
