internal import Formats

extension AdapterConfiguration {
    /// The version of PEFT whose format is written.
    static let peftVersion = "0.21.2"

    /// The text of `adapter_config.json` as PEFT writes it: sorted keys, two spaces, no end of line.
    ///
    /// Names modules so that PEFT selects the same ones, also in a wrapper, whose model of images has layers with equal
    /// names.
    ///
    /// - Throws: An error if the configuration does not resolve in the model.
    package func json(for model: ModelDescription) throws -> String {
        let resolution = try AdapterResolution(self, model)
        let names = AdapterNames(model.family)
        var keys = Self.fixedKeys
        keys["r"] = .number(String(rank))
        keys["lora_alpha"] = .number(Self.text(alpha))
        keys["lora_dropout"] = .number("\(dropout)")
        keys["use_rslora"] = .flag(isRankStabilized)
        keys["use_dora"] = .flag(hasMagnitudes)
        keys["ensure_weight_tying"] = .flag(ensuresTies)
        keys["rank_pattern"] = Self.object(rankPattern) { String($0) }
        keys["alpha_pattern"] = Self.object(alphaPattern) { Self.text($0) }
        keys["base_model_name_or_path"] = base.map { .string($0) } ?? .null
        keys["revision"] = revision.map { .string($0) } ?? .null
        let copies = try resolution.copiedModules().map { names.lastName(of: $0) }.sorted()
        keys["modules_to_save"] = copies.isEmpty ? .null : Self.list(copies)
        keys.merge(selectedModules(resolution, names)) { $1 }
        return JSONValue.object(keys).page()
    }

    /// The keys that select modules: as they are set, or the names of the selected modules.
    private func selectedModules(_ resolution: AdapterResolution, _ names: AdapterNames) -> [String: JSONValue] {
        let isWrapper = resolution.model.family.isPassedThrough("vision_tower.")
        guard !isWrapper, resolution.modules.names.name(of: .head) == names.name(of: .head) else {
            return [
                "target_modules": Self.list(resolution.targets.map { names.name(of: $0.module) }),
                "exclude_modules": .null, "layers_to_transform": .null, "layers_pattern": .null,
            ]
        }
        let isPattern = layersPattern.count == 1
        return [
            "target_modules": targets.flatMap { $0.value } ?? Self.list(resolution.selectedNames),
            "exclude_modules": excluded?.value ?? .null,
            "layers_to_transform": layers.map { .array($0.map { .number(String($0)) }) } ?? .null,
            "layers_pattern": layersPattern.isEmpty
                ? .null : isPattern ? .string(layersPattern[0]) : Self.list(layersPattern),
        ]
    }

    private static func list(_ names: [String]) -> JSONValue { .array(names.sorted().map { .string($0) }) }

    private static func object<Value>(_ entries: [Entry<Value>], _ text: (Value) -> String) -> JSONValue {
        .object(Dictionary(entries.map { ($0.pattern, .number(text($0.value))) }) { first, _ in first })
    }

    /// The keys of PEFT's `LoraConfig` whose values do not depend on the adapter.
    private static let fixedKeys: [String: JSONValue] = [
        "alora_invocation_tokens": .null, "arrow_config": .null, "auto_mapping": .null, "bias": .string("none"),
        "corda_config": .null, "eva_config": .null, "fan_in_fan_out": .flag(false), "inference_mode": .flag(true),
        "init_lora_weights": .flag(true), "kasa_config": .null, "layer_replication": .null,
        "loftq_config": .object([:]),
        "lora_bias": .flag(false), "lora_ga_config": .null, "megatron_config": .null,
        "megatron_core": .string("megatron.core"), "monteclora_config": .null, "peft_type": .string("LORA"),
        "peft_version": .string(peftVersion), "qalora_group_size": .number("16"), "target_parameters": .null,
        "task_type": .string("CAUSAL_LM"), "trainable_token_indices": .null, "use_bdlora": .null,
        "use_qalora": .flag(false), "velora_config": .null,
    ]
}

extension AdapterResolution {
    /// The last names of the targets, which select the same modules in a model without other modules of these names.
    fileprivate var selectedNames: [String] { Set(targets.map { modules.names.lastName(of: $0.module) }).sorted() }
}

extension ModuleSelection {
    /// As in PEFT's files; nil for all linear layers, which PEFT replaces by names.
    fileprivate var value: JSONValue? {
        switch self {
        case .allLinear: return nil
        case .names(let names): return .array(names.sorted().map { .string($0) })
        case .pattern(let text): return .string(text)
        }
    }
}
