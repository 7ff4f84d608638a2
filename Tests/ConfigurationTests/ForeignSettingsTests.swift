internal import Configuration
internal import Formats
internal import Objectives
internal import SystemPackage
internal import TestSupport
internal import Testing

/// The settings of other trainers.
struct ForeignSettingsTests {
    /// Options of TRL's `DPOConfig`, of Hugging Face's `TrainingArguments` and of its scripts that have no setting of the
    /// same name here.
    private static let foreign = [
        "bf16", "fp16", "tf32", "torch_dtype", "max_length", "max_prompt_length", "max_completion_length",
        "per_device_train_batch_size", "per_device_eval_batch_size", "gradient_accumulation_steps", "num_epochs",
        "epochs", "run_name", "logging_dir", "output_dir", "overwrite_output_dir", "model_name_or_path", "dataset_name",
        "dataset_train_split", "dataset_test_split", "use_lora", "lora_rank", "peft_config", "load_in_4bit", "optim",
        "eval_strategy", "evaluation_strategy", "save_strategy", "logging_strategy", "push_to_hub", "hub_model_id",
        "deepspeed", "fsdp", "ref_model", "precompute_ref_log_probs", "sync_ref_model", "reference_free",
        "trust_remote_code", "attn_implementation", "truncation_mode", "padding_free", "rpo_alpha",
        "dataset_num_proc", "remove_unused_columns", "ddp_timeout", "data_seed", "torch_compile", "neftune_noise_alpha",
    ]

    @Test("each has a remedy, in snake_case and kebab-case, in a file and on the command line", arguments: foreign)
    func names(name: String) throws {
        #expect(!TrainingConfiguration.knownKeys.contains(name))
        let kebab = "--" + name.split(separator: "_").joined(separator: "-")
        let (file, line) = (
            ForeignSettings.remedy(for: name, in: .file), ForeignSettings.remedy(for: kebab, in: .commandLine)
        )
        #expect(file?.isEmpty == false && line?.isEmpty == false)
        #expect(ForeignSettings.remedy(for: "--" + name, in: .commandLine) == line)
        try Places.temporary { directory in
            let path = directory.appending("run.yaml")
            try AtomicFile.write(to: path) { try $0.append("\(name): 1\n") }
            let error = #expect(throws: FormatError.self) { try TrainingConfiguration(yaml: path) }
            #expect(error?.message == "line 1: unknown key \(name); \(try #require(file))")
        }
    }

    @Test("a remedy spells settings as the place of the mistake does")
    func spelling() {
        let name = "per_device_train_batch_size"
        #expect(
            ForeignSettings.remedy(for: name, in: .file)
                == "use global_batch_size, the examples of a step over all ranks; row_tokens limits the memory"
        )
        #expect(
            ForeignSettings.remedy(for: name, in: .commandLine)
                == "use --global-batch-size, the examples of a step over all ranks; --row-tokens limits the memory"
        )
        #expect(ForeignSettings.remedy(for: "--no-remove-unused-columns", in: .commandLine) != nil)
        #expect(ForeignSettings.remedy(for: "learning_rat", in: .file) == nil)
    }

    @Test("every setting that a remedy names exists, and no setting is in the table")
    func counterparts() {
        let known = Set(TrainingConfiguration.knownKeys)
        #expect(ForeignSettings.counterparts.subtracting(known).isEmpty)
        #expect(ForeignSettings.counterparts.count > 20 && ForeignSettings.names.count > 150)
        #expect(known.intersection(ForeignSettings.names).isEmpty)
    }

    @Test(
        "a loss of another name is refused with its counterpart",
        arguments: [
            ("dpo", "DPO is sigmoid"), ("DPO", "DPO is sigmoid"),
            (
                "kto_pair",
                "KTO learns from unpaired feedback, which is not supported; use a loss of pairs, such as bco_pair"
            ),
            ("bco", "use bco_pair"),
        ]
    )
    func losses(name: String, remedy: String) {
        var settings = TrainingConfiguration()
        (settings.model, settings.data, settings.objective.lossType) = ("m", "d", ["sft", name])
        let error = #expect(throws: TrainingError.self) { try settings.validate() }
        #expect(error.map { "\($0)".hasSuffix(", found \(name); \(remedy)") } == true)
        #expect(!ObjectiveSettings.lossNames.contains(name))
    }

    @Test("a schedule or a resumption of another name is refused with its counterpart")
    func otherValues() throws {
        try Places.temporary { directory in
            let path = directory.appending("run.yaml")
            try AtomicFile.write(to: path) { try $0.append("lr_scheduler_type: reduce_lr_on_plateau\n") }
            let error = #expect(throws: FormatError.self) { try TrainingConfiguration(yaml: path) }
            #expect(
                error?.message.hasSuffix("found reduce_lr_on_plateau; it is not supported; use linear or cosine")
                    == true
            )
        }
        var settings = TrainingConfiguration()
        (settings.model, settings.data, settings.saving.resumeFromCheckpoint) = ("m", "d", "true")
        let error = #expect(throws: TrainingError.self) { try settings.validate() }
        #expect(
            error.map { "\($0)" }
                == "resume_from_checkpoint must be auto or a checkpoint's directory, found true; use auto"
        )
    }

    @Test(
        "a list of trackers may be one name, none, or absent",
        arguments: [
            ("report_to: tensorboard", ["tensorboard"]), ("report_to: [tensorboard]", ["tensorboard"]),
            ("report_to: none", []), ("report_to: [none]", []), ("report_to: []", []), ("report_to: null", []),
            ("beta: 0.1", []),
        ]
    )
    func trackers(yaml: String, names: [String]) throws {
        try Places.temporary { directory in
            let path = directory.appending("run.yaml")
            try AtomicFile.write(to: path) { try $0.append(yaml) }
            let settings = try TrainingConfiguration(yaml: path)
            #expect(settings.reportTo == names)
            #expect(throws: Never.self) { try settings.validateRanges() }
        }
    }

    @Test(
        "a tracker that no files are written for is refused with the function that imports metrics",
        arguments: [
            (["wandb"], "wandb", "run.log(line, step=line.pop(\"step\"))"),
            (["tensorboard", "trackio"], "trackio", "trackio.log(line, step=line.pop(\"step\"))"),
            (["mlflow"], "mlflow", "mlflow.log_metrics(numbers, step=step)"),
            (["swanlab"], "swanlab", "its function for the metrics of a step"),
        ]
    )
    func otherTrackers(names: [String], name: String, function: String) {
        var settings = TrainingConfiguration()
        settings.reportTo = names
        let error = #expect(throws: TrainingError.self) { try settings.validateRanges() }
        #expect(
            error.map { "\($0)" }
                == "report_to must be tensorboard or none, found \(name); import metrics.jsonl in output, each line by "
                + "\(function), as in \"TensorBoard and other trackers\" in Documentation/Running.md"
        )
    }

    @Test(
        "a tracker that does not exist is refused",
        arguments: [
            (["TensorBoard"], "TensorBoard; write it in lower case"),
            (["none", "tensorboard"], "none; it excludes other trackers"),
            (["tensorboardx"], "tensorboardx"), ([""], "nothing"),
        ]
    )
    func unknownTrackers(names: [String], found: String) {
        var settings = TrainingConfiguration()
        settings.reportTo = names
        let error = #expect(throws: TrainingError.self) { try settings.validateRanges() }
        #expect(error.map { "\($0)" } == "report_to must be tensorboard or none, found \(found)")
    }
}
