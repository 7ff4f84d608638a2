internal import Formats
internal import SystemPackage

/// Keys of `adapter_config.json` that select features which are not supported, and keys without effect.
enum AdapterKeys {
    /// Refuses by name every feature that is not supported, and skips the keys without effect.
    static func check(_ reader: inout ConfigurationReader, _ path: FilePath) throws {
        guard reader.has("peft_type") else {
            throw FormatError(path, "peft_type is missing; expected the adapter_config.json of an adapter of PEFT")
        }
        _ = try reader.choice("peft_type", of: ["LORA": true], default: true)
        // Null is PEFT's default.
        if reader.isNull("task_type") {
            reader.ignore(["task_type"])
        } else {
            _ = try reader.choice("task_type", of: ["CAUSAL_LM": true], default: true)
        }
        _ = try reader.choice("bias", of: ["none": true], default: true)
        try checkStart(&reader)
        for (key, neutral) in neutralValues { try reader.allow(key, only: neutral) }
        for key in absent { try reader.forbid(key) }
        for key in ["target_parameters", "enable_lora"] { try reader.allow(key, only: .array([])) }
        reader.ignore(withoutEffect)
    }

    /// Refuses initializations that change the base's weights, or choose ranks from data.
    ///
    /// The weights of a file replace the other ones.
    private static func checkStart(_ reader: inout ConfigurationReader) throws {
        let key = "init_lora_weights"
        guard let name = try reader.stringOrFlag(key), !["gaussian", "orthogonal"].contains(name) else { return }
        throw reader.violation(
            "\(key) = \(name) is not supported; supported: true, false, gaussian, orthogonal or absent; "
                + "pissa, olora, loftq, corda and lora_ga change the weights of the base: convert the adapter with "
                + "PEFT (save_pretrained with path_initial_model_for_weight_conversion), or set true if it is an "
                + "adapter of the unchanged base"
        )
    }

    /// Features that are disabled by a value.
    private static let neutralValues: [(key: String, value: JSONValue)] = [
        ("fan_in_fan_out", .flag(false)), ("lora_bias", .flag(false)), ("use_qalora", .flag(false)),
        ("loftq_config", .object([:])), ("merge_weights", .flag(false)), ("trainable_token_indices", .array([])),
        ("layer_replication", .array([])), ("alora_invocation_tokens", .array([])), ("use_bdlora", .flag(false)),
    ]

    /// Features that are disabled by null.
    private static let absent = [
        "megatron_config", "eva_config", "corda_config", "lora_ga_config", "velora_config", "monteclora_config",
        "arrow_config", "kasa_config",
    ]

    /// Records of versions and classes, and parameters of features that are refused if they are enabled.
    private static let withoutEffect = [
        "auto_mapping", "peft_version", "inference_mode", "megatron_core", "qalora_group_size", "runtime_config",
    ]
}

extension ConfigurationReader {
    /// A number; nil if it is absent.
    mutating func fraction(_ key: String) throws -> Double? {
        guard let value = take(key) else { return nil }
        guard let number = value.double else { throw unsupported(key, value, "a number from 0 to 1") }
        return number
    }

    /// A string, or the text of a flag other than true and false; nil for those and if it is absent.
    mutating func stringOrFlag(_ key: String) throws -> String? {
        guard let value = take(key) else { return nil }
        if case .flag = value { return nil }
        return value.string ?? value.line
    }

    /// An object; nil if it is absent.
    mutating func object(_ key: String) throws -> [String: JSONValue]? {
        guard let value = take(key) else { return nil }
        guard let object = value.object else { throw unsupported(key, value, "an object") }
        return object
    }

    private func unsupported(_ key: String, _ found: JSONValue, _ supported: String) -> FormatError {
        violation("\(name(key)) = \(found.string ?? found.line) is not supported; supported: \(supported)")
    }
}
