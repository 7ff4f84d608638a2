internal import Formats

/// A family of models in Hugging Face format, which it translates to an architecture.
///
/// Defines the keys of `config.json` and the names of tensors; no other code depends on the family.
package protocol Family: Sendable {
    /// The `model_type` of its `config.json`.
    static var modelType: String { get }

    /// The architecture of a configuration; every key that could change it is read, or refused by name.
    ///
    /// - Throws: `FormatError` for the first key that is missing, wrong or not supported.
    static func architecture(_ reader: inout ConfigurationReader) throws -> Architecture

    /// The name of a module in the family's files, without `.weight` or `.bias`; by default that of Llama.
    static func name(of module: Module) -> String

    /// The name of a part of a layer, within the layer; by default that of Llama.
    static func name(of part: LayerModule) -> String

    /// The spellings of names in files; the first one is written where no file decides.
    static var namings: [Naming] { get }

    /// How the names are spelled in memory since transformers 5, in which adapters have them.
    static var memoryNaming: Naming { get }

    /// The ends of the names of modules that PEFT adapts by default; nil if it has no default for the family.
    static var defaultTargets: [String]? { get }

    /// Whether a tensor belongs to no parameter and is copied to the output unchanged.
    static func isPassedThrough(_ tensorName: String) -> Bool
}

extension Family {
    package static var namings: [Naming] { [.plain, .withoutPrefix("model.")] }

    package static var memoryNaming: Naming { namings[0] }

    package static var defaultTargets: [String]? { nil }

    package static func isPassedThrough(_ tensorName: String) -> Bool { false }

    package static func name(of module: Module) -> String {
        switch module {
        case .embedding: return "model.embed_tokens"
        case .finalNorm: return "model.norm"
        case .head: return "lm_head"
        case .layer(let index, let part): return "model.layers.\(index).\(name(of: part))"
        }
    }

    package static func name(of part: LayerModule) -> String {
        switch part {
        case .attentionNorm: return "input_layernorm"
        case .query: return "self_attn.q_proj"
        case .key: return "self_attn.k_proj"
        case .value: return "self_attn.v_proj"
        case .queryKeyValue: return "self_attn.qkv_proj"
        case .queryNorm: return "self_attn.q_norm"
        case .keyNorm: return "self_attn.k_norm"
        case .output: return "self_attn.o_proj"
        // A family with both distinguishes them.
        case .attentionOutputNorm, .feedForwardNorm: return "post_attention_layernorm"
        case .gate: return "mlp.gate_proj"
        case .up: return "mlp.up_proj"
        case .gateUp: return "mlp.gate_up_proj"
        case .down: return "mlp.down_proj"
        case .feedForwardOutputNorm: return "post_feedforward_layernorm"
        }
    }
}

/// The supported families.
package enum Families {
    package static let all: [any Family.Type] = [
        Cohere.self, Cohere2.self, Gemma.self, Gemma2.self, Gemma3.self, Gemma3Text.self, GPTNeoX.self, Granite.self,
        Llama.self, Mistral.self, Mistral3.self, Olmo2.self, Olmo3.self, Phi3.self, Qwen2.self, Qwen3.self,
        SmolLM3.self,
    ]

    /// The family of this `model_type`; nil for an unknown one.
    static func named(_ modelType: String) -> (any Family.Type)? { all.first { $0.modelType == modelType } }

    /// The reason why a `model_type` is refused, with the supported ones and the place where a family is added.
    static func refusal(of modelType: String?) -> String {
        let names = all.map { $0.modelType }
        let supported = "supported: " + names.joined(separator: ", ")
        guard let modelType else { return "model_type is missing; \(supported)" }
        if mixturesOfExperts.contains(modelType) || modelType.hasSuffix("_moe") {
            return "model_type = \(modelType) is a mixture of experts, which is not supported; \(supported)"
        }
        // A similar name is a hint at a misspelled one only: phi is another architecture than phi3.
        let similar = nearest(to: modelType, among: names).map { " (a similar name: \($0))" } ?? ""
        return "model_type = \(modelType) is not supported\(similar); \(supported); "
            + "to add a family, see Documentation/Models.md"
    }

    /// Mixtures of experts whose names do not end in `_moe`.
    private static let mixturesOfExperts: Set<String> = [
        "mixtral", "olmoe", "flex_olmo", "gpt_oss", "dbrx", "jetmoe", "deepseek_v2", "deepseek_v3", "deepseek_v32",
        "granitemoe", "granitemoeshared", "granitemoehybrid", "llama4", "llama4_text", "minimax", "minimax_m2",
        "phimoe", "switch_transformers", "arctic", "qwen3_next", "dots1", "longcat_flash", "glm4_moe_lite",
        "hunyuan_v1_moe", "kimi_k2",
    ]
}
