internal import Formats
internal import SystemPackage

// What is trained, on how many examples a step, by which loss.

extension Translator {
    mutating func addModel() throws {
        if trainer == .llamaFactory {
            let stage = try file.text("stage") ?? "sft"
            guard stage == "dpo" else {
                throw file.refusal(
                    "stage",
                    "dpo",
                    .string(stage),
                    "sft is its default; only preferences are trained on"
                )
            }
        }
        let model = try file.text("model_name_or_path")
        for name in ["ref_model", "ref_model_name_or_path"] {
            guard let reference = try file.text(name), reference != model else { continue }
            let remedy = "remove it: another reference is not supported"
            throw file.refusal(name, "the model itself, which is the reference", .string(reference), remedy)
        }
        guard let model else { return }
        guard let local = Preparation.localName(of: model) else {
            return try put("model", .string(model), "model_name_or_path")
        }
        preparation.download = (model, local)
        try put("model", .string(local), "model_name_or_path \(model), of the Hub")
    }

    mutating func addBatch() throws {
        let size = try file.whole("per_device_train_batch_size")
        let steps = try file.whole("gradient_accumulation_steps")
        let given = try processes ?? file.whole("num_processes")
        var count = 1
        for factor in [size ?? ForeignTrainer.batchSize, steps ?? 1, given ?? 1] {
            let product = count.multipliedReportingOverflow(by: factor)
            count = product.overflow ? .max : product.partialValue
        }
        let batch = "per_device_train_batch_size \(size.map { "\($0)" } ?? "\(ForeignTrainer.batchSize) by default")"
        let parts = [batch] + (steps.map { ["gradient_accumulation_steps \($0)"] } ?? [])
        let origin = (parts + ["\(given ?? 1) process\(given ?? 1 == 1 ? "" : "es")"]).joined(separator: " × ")
        try put("global_batch_size", .number("\(count)"), origin)
        guard given == nil else { return }
        notes.append(
            "global_batch_size \(count) is that of 1 process, as the file does not name their number; if it was made for "
                + "more, as of accelerate launch or torchrun, pass --num-processes, or --global-batch-size"
        )
    }

    // MARK: Loss

    mutating func addLoss() throws {
        switch trainer {
        case .dpo: try addDPO()
        case .cpo: try addCPO()
        case .llamaFactory: try addLlamaFactoryLoss()
        }
    }

    private mutating func addDPO() throws {
        let losses = try file.names("loss_type") ?? ["sigmoid"]
        let alpha = try file.number("rpo_alpha") ?? 0
        let weights = file.value("loss_weights")?.array
        try putLosses(losses, weights, adding: alpha == 0 ? [] : [("sft", alpha)], of: "rpo_alpha")
        if try file.number("label_smoothing") ?? 0 > 0, losses.contains("sigmoid") {
            notes.append(
                "label_smoothing with sigmoid is conservative DPO, as in earlier versions of TRL; later ones leave it out"
            )
        }
        try pass("label_smoothing")
    }

    private mutating func addCPO() throws {
        let loss = try file.text("loss_type") ?? "sigmoid"
        let weight = loss == "alphapo" ? 0 : try file.number("cpo_alpha") ?? 1
        switch loss {
        case "sigmoid", "cpo":
            try put("loss_type", .string("cpo"), loss == "cpo" ? "" : "the loss sigmoid of CPO")
            try put("cpo_alpha", JSONValue(weight))
            ignore(["simpo_gamma"])
        case "simpo", "alphapo":
            try putLosses(["simpo"], nil, adding: weight == 0 ? [] : [("sft", weight)], of: "cpo_alpha")
            try pass("simpo_gamma")
        default:
            let remedy = "the losses of CPO without a reference are cpo and simpo"
            throw file.refusal("loss_type", "sigmoid or simpo", .string(loss), remedy)
        }
    }

    private mutating func addLlamaFactoryLoss() throws {
        let loss = try file.text("pref_loss") ?? "sigmoid"
        if let remedy = ForeignSettings.remedy(for: loss, of: "loss_type", in: .file) {
            throw file.refusal("pref_loss", "sigmoid, hinge, ipo, orpo or simpo", .string(loss), remedy)
        }
        let (likelihood, classifier) = (try file.number("pref_ftx") ?? 0, try file.number("pref_bco_weight") ?? 0)
        var weights: [JSONValue]?
        var added: [(loss: String, weight: Double)] = []
        if classifier > 0, loss != "orpo", loss != "simpo" {
            // (loss + w bco) / (1 + w)
            weights = [JSONValue(1 / (1 + classifier))]
            added.append(("bco_pair", classifier / (1 + classifier)))
        }
        if likelihood > 0 {
            added.append(("sft", likelihood))
            notes.append("sft is the mean over the tokens of a step; pref_ftx weights a mean of the means of responses")
        }
        let origin = ["pref_loss"] + (classifier > 0 ? ["pref_bco_weight"] : []) + (likelihood > 0 ? ["pref_ftx"] : [])
        try putLosses([loss], weights, adding: added, of: origin.joined(separator: ", "))
        try pass("pref_beta", as: "beta")
        try pass("dpo_label_smoothing", as: "label_smoothing")
        if loss == "simpo" { try pass("simpo_gamma") } else { ignore(["simpo_gamma"]) }
    }

    private mutating func putLosses(
        _ losses: [String],
        _ weights: [JSONValue]?,
        adding added: [(loss: String, weight: Double)],
        of origin: String
    ) throws {
        let all = (losses + added.map(\.loss)).map(JSONValue.string)
        let source = added.isEmpty && origin != "pref_loss" ? "" : origin
        try put("loss_type", all.count == 1 ? all[0] : .array(all), source)
        guard !added.isEmpty || weights != nil else { return }
        let given = weights ?? losses.map { _ in JSONValue(1) }
        try put("loss_weights", .array(given + added.map { JSONValue($0.weight) }), source)
    }

    // MARK: Adapter

    mutating func addAdapter() throws {
        trainer == .llamaFactory ? try addLlamaFactoryAdapter() : try addTRLAdapter()
    }

    private mutating func addTRLAdapter() throws {
        let names = ["lora_r", "lora_alpha", "lora_dropout", "lora_target_modules", "use_rslora", "use_dora"]
        guard try file.flag("use_peft") == true else { return ignore(names + ["lora_modules_to_save", "use_peft"]) }
        try put("use_peft", .flag(true))
        for (name, value) in [("lora_r", "16"), ("lora_alpha", "32"), ("lora_dropout", "0.05")] {
            if file.value(name) == nil { try put(name, .number(value), trainer.defaultOrigin) }
        }
        for name in names { try pass(name) }
        try pass("lora_modules_to_save", as: "modules_to_save")
    }

    private mutating func addLlamaFactoryAdapter() throws {
        let type = try file.text("finetuning_type") ?? "lora"
        let names = [
            "lora_rank", "lora_alpha", "lora_dropout", "lora_target", "additional_target", "use_rslora", "use_dora",
        ]
        guard type == "lora" else {
            guard type == "full" else { throw file.refusal("finetuning_type", "lora or full", .string(type)) }
            return ignore(names)
        }
        try put(
            "use_peft",
            .flag(true),
            "finetuning_type\(file.has("finetuning_type") ? "" : ", LLaMA-Factory's default")"
        )
        let rank = try file.whole("lora_rank")
        try put("lora_r", .number("\(rank ?? 8)"), rank == nil ? trainer.defaultOrigin : "lora_rank")
        let alpha = try file.number("lora_alpha") ?? 0
        try put(
            "lora_alpha",
            JSONValue(alpha > 0 ? alpha : 2 * Double(rank ?? 8)),
            alpha > 0 ? "" : "2 × lora_rank, \(trainer.defaultOrigin)"
        )
        let targets = try file.names("lora_target") ?? ["all"]
        try put(
            "lora_target_modules",
            targets == ["all"] ? .string(AdapterSettings.allLinear) : .array(targets.map(JSONValue.string)),
            file.has("lora_target") ? "lora_target" : trainer.defaultOrigin
        )
        if let copies = try file.names("additional_target") {
            try put("modules_to_save", .array(copies.map(JSONValue.string)), "additional_target")
        }
        for name in ["lora_dropout", "use_rslora", "use_dora"] { try pass(name) }
    }
}
