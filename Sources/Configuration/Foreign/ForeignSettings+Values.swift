extension ForeignSettings {
    /// The values of other trainers, by setting, in lower case.
    static let values: [String: [String: String]] = [
        "loss_type": lossTypes,
        "lr_scheduler_type": schedules,
        "resume_from_checkpoint": ["true": "use auto", "latest": "use auto", "last": "use auto"],
        "report_to": trackers,
        "dtype": ["float16": "use bfloat16, or float32", "fp16": "use bfloat16", "bf16": "use bfloat16"],
        "reduce_dtype": ["bf16": "use bfloat16", "fp32": "use float32", "fp16": "use bfloat16"],
    ]

    private static let lossTypes: [String: String] = {
        let kto = "KTO learns from unpaired feedback, which is not supported; use a loss of pairs, such as bco_pair"
        let online = "it needs generated responses, which are not supported; use a loss of pairs"
        return [
            "dpo": "DPO is sigmoid",
            "cdpo": "use sigmoid with {label_smoothing}",
            "rdpo": "use robust with {label_smoothing}",
            "robust_dpo": "use robust with {label_smoothing}",
            "rpo": "use sigmoid and sft, with {loss_weights}",
            "mpo": "use sigmoid, bco_pair and sft, with {loss_weights} 0.8, 0.2 and 1",
            "wpo": "use sigmoid with {use_weighting}",
            "ld_dpo": "use sigmoid with {ld_alpha}",
            "f_dpo": "use sigmoid with {f_divergence_type}",
            "slic": "use hinge",
            "slic_hf": "use hinge",
            "rso": "use hinge",
            "bco": "use bco_pair",
            "exo": "use exo_pair with {label_smoothing}",
            "nca": "use nca_pair",
            "sppo": "use sppo_hard",
            "apo": "use apo_zero or apo_down",
            "aot_pair": "AOT for paired data is aot",
            "nll": "use sft",
            "pl": "use plackett_luce",
            "kto": kto,
            "kto_pair": kto,
            "kto_zero_kl": kto,
            "grpo": online,
            "ppo": online,
            "online_dpo": online,
            "alphapo": "it is not supported; the nearest loss is simpo",
        ]
    }()

    private static let schedules: [String: String] = [
        "cosine_with_restarts": "restarts are not supported; use cosine",
        "cosine_with_min_lr": "a minimum is not supported; use cosine",
        "cosine_warmup_with_min_lr": "a minimum is not supported; use cosine",
        "polynomial": "it is not supported; with the power 1 it is linear",
        "inverse_sqrt": "it is not supported; use linear or cosine",
        "reduce_lr_on_plateau": "it is not supported; use linear or cosine",
        "warmup_stable_decay": "it is not supported; use constant_with_warmup or linear",
    ]

    private static let trackers: [String: String] = {
        let section = "\"TensorBoard and other trackers\" in Documentation/Running.md"
        func imported(_ call: String) -> String {
            "import metrics.jsonl in {output}, each line by \(call), as in \(section)"
        }
        let others = [
            "azure_ml", "clearml", "codecarbon", "comet_ml", "dagshub", "dvclive", "flyte", "kubeflow", "neptune",
            "swanlab",
        ]
        let unnamed = imported("its function for the metrics of a step")
        return [
            "wandb": imported("run.log(line, step=line.pop(\"step\"))"),
            "trackio": imported("trackio.log(line, step=line.pop(\"step\"))"),
            "mlflow": imported("mlflow.log_metrics(numbers, step=step)"),
            "all": "name the tracker: tensorboard; for another one, \(unnamed)",
            Trackers.tensorBoard: "write it in lower case",
            Trackers.none: "it excludes other trackers",
        ].merging(others.map { ($0, unnamed) }) { named, _ in named }
    }()
}
