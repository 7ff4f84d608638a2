internal import Formats

// Numbers, order of the data, evaluations and checkpoints.

extension Translator {
    mutating func addNumbers() throws {
        if let optimizer = try file.text("optim") {
            let name = optimizer.hasPrefix("paged_") ? String(optimizer.dropFirst(6)) : optimizer
            guard name == "adamw" || name.hasPrefix("adamw_") else {
                let remedy = "the optimizer is AdamW; use adamw_torch, or remove it"
                throw file.refusal("optim", "a form of AdamW", .string(optimizer), remedy)
            }
            if name.contains("8bit") || name.contains("4bit") {
                notes.append("the moments of AdamW are float32, with \(optimizer) too")
            }
            ignored.append("optim")
        } else if file.has("dataset_mixer") {
            notes.append("the optimizer is AdamW; alignment-handbook until 0.3 takes rmsprop if optim is omitted")
        }
        let (half, float16, pure) = (try file.flag("bf16"), try file.flag("fp16"), try file.flag("pure_bf16"))
        if half == true || pure == true {
            let origin = half == true ? "bf16" : "pure_bf16"
            try put("precision", .string(ProductPrecision.auto.rawValue), "\(origin), where the processor has it")
        } else if float16 == true {
            notes.append("fp16: products are computed in float32")
            ignored.append("fp16")
        }
        if pure == true { try put("dtype", .string(WeightDType.bfloat16.rawValue), "pure_bf16") }
    }

    mutating func addOrder() throws {
        if file.value("data_seed") != nil {
            ignore(["seed"])
            try pass("data_seed", as: "seed")
        }
        let order = try file.text("train_sampling_strategy") ?? "random"
        guard ["random", "sequential"].contains(order) else {
            throw file.refusal("train_sampling_strategy", "random or sequential", .string(order))
        }
        let isOrdered = try file.flag("disable_shuffling") == true
        guard isOrdered || order == "sequential" else { return }
        try put("shuffle", .flag(false), isOrdered ? "disable_shuffling" : "train_sampling_strategy sequential")
    }

    mutating func addSchedule() throws {
        try pass("max_steps")
        try addEvaluations()
        try addCheckpoints()
        if let steps = try steps("logging_steps") { try put("logging_steps", .number("\(steps)")) }
        try addTrackers()
        switch file.value("resume_from_checkpoint")?.unquoted {
        case nil, .flag(false): break
        case .flag(true): try put("resume_from_checkpoint", .string(SavingSettings.newest), "true")
        default: try pass("resume_from_checkpoint")
        }
    }

    /// TensorBoard's files are written as there; other trackers import `metrics.jsonl`.
    private mutating func addTrackers() throws {
        let key = TrainingConfiguration.CodingKeys.reportTo.rawValue
        let names = try file.names(key) ?? []
        let isShown = names.contains(Trackers.tensorBoard)
        if isShown { try put(key, .array([.string(Trackers.tensorBoard)])) }
        let others = names.filter { $0 != Trackers.tensorBoard && $0 != Trackers.none }
        if !others.isEmpty {
            notes.append("\(key) \(others.joined(separator: ", ")): import metrics.jsonl there after the run")
        } else if !isShown {
            ignore([key])
        }
    }

    private mutating func addEvaluations() throws {
        let names = [
            "eval_steps", "eval_on_start", "load_best_model_at_end", "metric_for_best_model", "greater_is_better",
            "early_stopping_steps",
        ]
        let key = file.value("eval_strategy") == nil ? "evaluation_strategy" : "eval_strategy"
        let strategy = try self.strategy(key, ["no", "steps", "epoch"]) ?? "no"
        guard strategy != "no" else { return ignore(names) }
        preparation.hasEvaluations = true
        if strategy == "steps" {
            let isGiven = file.value("eval_steps") != nil
            let logging = file.value("logging_steps")?.unquoted.wholeNumber ?? trainer.loggingSteps
            if let steps = isGiven ? try steps("eval_steps") : logging {
                try put("eval_steps", .number("\(steps)"), isGiven ? "" : "logging_steps, as eval_steps is omitted")
            }
        } else {
            notes.append("\(key) epoch: the only evaluation is after the last step; for more pass --eval-steps")
            ignore(["eval_steps"])
            guard try file.flag("load_best_model_at_end") != true else {
                let remedy = "use steps with eval_steps, the steps of an epoch"
                throw file.refusal(key, "steps with load_best_model_at_end", .string(strategy), remedy)
            }
        }
        for name in names.dropFirst().dropLast() { try pass(name) }
        try pass("early_stopping_steps", as: "early_stopping_patience")
    }

    private mutating func addCheckpoints() throws {
        let strategy = try self.strategy("save_strategy", ["no", "steps", "epoch", "best"]) ?? "steps"
        guard strategy == "steps" else {
            ignore(["save_steps", "save_total_limit"])
            guard strategy != "no" else { return }
            notes.append("save_strategy \(strategy): no checkpoints during the run; for some pass --save-steps")
            return
        }
        let isGiven = file.value("save_steps") != nil
        if let steps = isGiven ? try steps("save_steps") : ForeignTrainer.saveSteps {
            try put("save_steps", .number("\(steps)"), isGiven ? "" : trainer.defaultOrigin)
        }
        try pass("save_total_limit")
    }

    private mutating func strategy(_ name: String, _ known: [String]) throws -> String? {
        // An unquoted `no` is false in YAML 1.1.
        guard let value = file.value(name) else { return nil }
        guard value != .flag(false) else { return "no" }
        guard let text = try file.text(name), known.contains(text) else {
            throw file.refusal(name, "one of \(known.joined(separator: ", "))", value)
        }
        return text
    }

    /// A number of steps; a fraction of the run's steps is computed if `max_steps` gives them, and otherwise noted and nil.
    private mutating func steps(_ name: String) throws -> Int? {
        guard let number = try file.number(name) else { return nil }
        guard number > 0, number < 1 else { return try file.whole(name) }
        guard let all = try file.number("max_steps"), all > 0, all <= 0x1p40 else {
            let option = ForeignSettings.flag(name)
            notes.append(
                "\(name) \(number) is a fraction of steps that depend on the data; pass \(option) with a number"
            )
            return nil
        }
        return Int((all * number).rounded(.up))
    }
}
