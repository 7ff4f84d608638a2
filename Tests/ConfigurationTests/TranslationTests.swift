internal import Configuration
internal import Formats
internal import Objectives
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Files of other trainers, key by key.
struct TranslationTests {
    /// The lines of a translation that are settings, and those that are comments, with single spaces.
    private func lines(_ name: String, processes: Int? = nil) throws -> (settings: [String], comments: [String]) {
        let path = Places.repository.appending("Tests/Goldens/translations/\(name).yaml")
        let translation = try #require(try Translation(of: path, processes: processes))
        try translation.check()
        try expectReadable(translation)
        let lines = translation.yaml.split(separator: "\n").map {
            $0.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
        }
        return (lines.filter { !$0.hasPrefix("#") }, lines.filter { $0.hasPrefix("#") }.map { String($0.dropFirst(2)) })
    }

    /// Expects that the text of a translation has its settings.
    private func expectReadable(_ translation: Translation) throws {
        try Places.temporary { directory in
            let path = directory.appending("run.yaml")
            try AtomicFile.write(to: path) { try $0.append(translation.yaml) }
            var read = try TrainingConfiguration(yaml: path)
            #expect(read.data == "train.safetensors")
            (read.data, read.evaluation.evalData) = ("", nil)
            #expect(read == translation.configuration)
        }
    }

    @Test("a file of TRL keeps its values, and takes TRL's defaults where it has none")
    func trl() throws {
        let (settings, comments) = try lines("trl")
        #expect(
            settings == [
                "model: base # model_name_or_path models/base, of the Hub", "output: runs/dpo # output_dir",
                "seed: 42 # TRL's default", "dtype: bfloat16", "precision: auto # bf16, where the processor has it",
                "learning_rate: 5e-07", "lr_scheduler_type: cosine", "warmup_ratio: 0.1", "num_train_epochs: 1",
                "global_batch_size: 32 # per_device_train_batch_size 4 × gradient_accumulation_steps 8 × 1 process",
                "max_grad_norm: 1.0 # TRL's default", "weight_decay: 0.0 # TRL's default",
                "adam_beta1: 0.9 # TRL's default", "adam_beta2: 0.999 # TRL's default",
                "adam_epsilon: 1e-08 # TRL's default", "logging_steps: 25", "report_to: [tensorboard]",
                "gradient_checkpointing: true", "beta: 0.1",
                "loss_type: [sigmoid, bco_pair, sft]", "loss_weights: [0.8, 0.2, 1.0]", "use_peft: true", "lora_r: 32",
                "lora_alpha: 32 # TRL's default", "lora_dropout: 0.05 # TRL's default",
                "lora_target_modules: [q_proj, v_proj]", "modules_to_save: [lm_head] # lora_modules_to_save",
                "eval_steps: 50", "data: train.safetensors # of espalier-prepare",
                "eval_data: eval.safetensors # of espalier-prepare",
            ]
        )
        let prepare = "espalier-prepare --model base --data preferences/pairs"
        #expect(
            comments[1...5] == [
                "Prepare the data first:", "hf download models/base --local-dir base",
                "\(prepare) --dataset-config default --max-length 768 --output train.safetensors",
                "\(prepare) --split test --dataset-config default --max-length 768 --output eval.safetensors",
                "Without effect here: attn_implementation, dataset_num_proc, precompute_ref_log_probs, lora_task_type, "
                    + "neftune_noise_alpha, push_to_hub",
            ]
        )
        #expect(comments.count == 8 && comments[6].hasPrefix("Note: global_batch_size 32 is that of 1 process,"))
        #expect(comments[7] == "Note: report_to wandb: import metrics.jsonl there after the run")
    }

    @Test("a file of LLaMA-Factory takes its defaults, and its losses and adapter have our names")
    func llamaFactory() throws {
        let (settings, comments) = try lines("llama-factory", processes: 4)
        for line in [
            "learning_rate: 5e-05 # LLaMA-Factory's default", "beta: 0.2 # pref_beta", "lora_r: 16 # lora_rank",
            "global_batch_size: 32 # per_device_train_batch_size 1 × gradient_accumulation_steps 8 × 4 processes",
            "loss_type: [sigmoid, sft] # pref_loss, pref_ftx", "loss_weights: [1, 0.5] # pref_loss, pref_ftx",
            "use_peft: true # finetuning_type", "lora_alpha: 32 # 2 × lora_rank, LLaMA-Factory's default",
            "lora_target_modules: all-linear # lora_target", "save_steps: 500 # LLaMA-Factory's default",
            "eval_steps: 500",
        ] { #expect(settings.contains(line), "\(line)") }
        #expect(settings.count == 26)
        let prepare = "espalier-prepare --model llama --data ours theirs --split"
        #expect(comments.contains("\(prepare) 'train[:90%]' --max-length 2048 --output train.safetensors"))
        #expect(comments.contains("\(prepare) 'train[90%:]' --max-length 2048 --output eval.safetensors"))
        for note in [
            "dataset: replace ours by its file or Hub name of lists/dataset_info.json",
            "val_size: the last rows are held out, not random ones",
            "max_samples: the commands take all rows, not the first 1000 of each dataset",
            "template: the model's own chat template is used; compare with espalier-prepare --show 1",
            "sft is the mean over the tokens of a step; pref_ftx weights a mean of the means of responses",
        ] { #expect(comments.contains("Note: \(note)"), "\(note)") }
        #expect(!comments.contains { $0.contains("1 process") })
    }

    @Test("a recipe of alignment-handbook mixes datasets by weight, and names splits")
    func handbook() throws {
        let (settings, comments) = try lines("handbook")
        for line in [
            "seed: 7", "beta: 0.01", "learning_rate: 5e-07", "num_train_epochs: 3.0 # TRL's default", "eval_steps: 100",
            "save_steps: 100", "save_total_limit: 1", "loss_type: sigmoid",
        ] { #expect(settings.contains(line), "\(line)") }
        let prepare = "espalier-prepare --model sft --data feedback/binarized feedback/other --split"
        let rest = "--weights 1.0 0.25 --max-length 1024 --max-prompt-length 512 --output"
        #expect(comments.contains("\(prepare) train_prefs \(rest) train.safetensors"))
        #expect(comments.contains("\(prepare) test_prefs \(rest) eval.safetensors"))
    }

    @Test("TRL's CPO is cpo, and its SimPO has the likelihood of cpo_alpha")
    func cpo() throws {
        let (settings, comments) = try lines("cpo")
        for line in [
            "loss_type: [simpo, sft] # cpo_alpha", "loss_weights: [1, 0.5] # cpo_alpha", "simpo_gamma: 1.6",
            "beta: 2.0",
            "save_steps: 250", "max_steps: 1000",
            "global_batch_size: 2 # per_device_train_batch_size 2 × 1 process",
        ] { #expect(settings.contains(line), "\(line)") }
        #expect(
            !settings.contains { $0.hasPrefix("num_train_epochs") || $0.hasPrefix("eval") || $0.hasPrefix("cpo_alpha") }
        )
        #expect(comments.first?.hasSuffix("a file for TRL's CPOConfig") == true)
        let loss = try Translations.settings("loss_type: sigmoid\ncpo_alpha: 0.25").objective
        #expect(loss.lossType == ["cpo"] && loss.cpoAlpha == 0.25)
    }

    @Test(
        "settings with rules of their own have the other trainer's meaning",
        arguments: [
            ("rpo_alpha: 0.5", "loss_type", "[sigmoid, sft]"), ("rpo_alpha: 0.5", "loss_weights", "[1, 0.5]"),
            ("data_seed: 3\nseed: 4", "seed", "3"), ("num_processes: 4", "global_batch_size", "32"),
            ("train_sampling_strategy: sequential", "shuffle", "false"), ("torch_dtype: float32", "dtype", "float32"),
            ("resume_from_checkpoint: true", "resume_from_checkpoint", "auto"),
            ("eval_strategy: steps", "eval_steps", "10"), ("eval_strategy: steps\nlogging_steps: 7", "eval_steps", "7"),
            ("learning_rate: 5e-7", "learning_rate", "5e-07"), ("learning_rate: '1.0e-6'", "learning_rate", "1e-06"),
            ("output_dir: 2024", "output", "\"2024\""), ("stage: dpo\nfinetuning_type: full", "dtype", nil),
            ("stage: dpo\nfinetuning_type: full", "use_peft", nil), ("lora_r: 4", "lora_r", nil),
            ("stage: dpo\npure_bf16: true", "dtype", "bfloat16"),
            ("stage: dpo\npref_bco_weight: 1", "loss_weights", "[0.5, 0.5]"),
            ("stage: dpo\nlora_target: 'q_proj,v_proj'", "lora_target_modules", "[q_proj, v_proj]"),
            ("save_strategy: epoch", "save_steps", nil), ("max_steps: 7\nlogging_steps: 0.5", "logging_steps", "4"),
        ] as [(String, String, String?)]
    )
    func rules(text: String, key: String, expected: String?) throws {
        let line = try Translations.yaml(text).split(separator: "\n").first { $0.hasPrefix("\(key): ") }
        let value = line?.dropFirst(key.count + 2).prefix { $0 != "#" }.split(separator: " ").joined(separator: " ")
        #expect(value == expected)
    }

    @Test("what would change what is learned is refused, with the line and the remedy", arguments: Self.refusals)
    func refused(text: String, message: String) throws {
        #expect(try Translations.refusal(text) == "line 3: \(message)")
    }

    private static let refusals = [
        (
            "sync_ref_model: true",
            "sync_ref_model: expected nothing, or off, found true; not supported: the reference stays the initial model; "
                + "remove it"
        ),
        ("neftune_noise_alpha: 5", "neftune_noise_alpha: expected nothing, or off, found 5; not supported; remove it"),
        (
            "load_in_4bit: true",
            "load_in_4bit: expected nothing, or off, found true; not supported: weights are not quantized; remove it, or "
                + "set dtype to bfloat16 for weights in 16 bits"
        ),
        (
            "disable_dropout: false",
            "disable_dropout: expected nothing, or true, found false; remove it: dropout is never applied"
        ),
        (
            "optim: rmsprop",
            "optim: expected a form of AdamW, found rmsprop; the optimizer is AdamW; use adamw_torch, or remove it"
        ),
        (
            "ref_model: other",
            "ref_model: expected the model itself, which is the reference, found other; remove it: another reference is "
                + "not supported"
        ),
        (
            "lr_scheduler_kwargs: {num_cycles: 2}",
            "lr_scheduler_kwargs: expected nothing, or off, found {\"num_cycles\":2}; not supported; remove it"
        ),
        (
            "alpha: 0.5",
            "alpha: expected nothing, or off, found 0.5; AlphaPO is not supported; remove it, and use loss_type with simpo"
        ),
        ("stage: sft", "stage: expected dpo, found sft; sft is its default; only preferences are trained on"),
        ("finetuning_type: freeze\nstage: dpo", "finetuning_type: expected lora or full, found freeze"),
        ("warmup_ration: 0.1", "unknown setting of TRL's DPOConfig: warmup_ration; did you mean warmup_ratio?"),
        ("per_device_train_batch_size: 0", "per_device_train_batch_size: expected a whole number above 0, found 0"),
        ("bf16: maybe", "bf16: expected true or false, found maybe"),
        (
            "row_tokens: 99",
            "expected settings of one trainer, found row_tokens of espalier and model_name_or_path of others; give "
                + "--row-tokens as an option, or write all as espalier's; for model_name_or_path use model with a local "
                + "directory; hf download ORG/NAME --local-dir DIR fetches a model"
        ),
    ]

    @Test("a loss that is not supported is refused by its counterpart")
    func losses() throws {
        let message = try Translations.refusal("stage: dpo\npref_loss: kto_pair")
        #expect(
            message?.hasPrefix("line 4: pref_loss: expected sigmoid, hinge, ipo, orpo or simpo, found kto_pair; KTO")
                == true
        )
    }

    @Test("one key of another trainer in a file of ours keeps its own error")
    func oneForeignKey() throws {
        try Places.temporary { directory in
            let path = directory.appending("run.yaml")
            try AtomicFile.write(to: path) { try $0.append("model: m\noutput_dir: o\nrow_tokens: 5\n") }
            #expect(try Translation(of: path) == nil)
        }
    }
}
