internal import Compute
internal import Foundation
internal import TestSupport
internal import Testing
internal import Transformer

/// What each family makes of its keys.
struct FamilyFeaturesTests {
    private static let sliding = #""sliding_attention""#
    private static let full = #""full_attention""#

    private func windows(_ model: Architecture) -> [Bool] {
        (0..<model.layerCount).map { model.kind(ofLayer: $0).isWindowed }
    }

    @Test(
        "a plain family has neither windows, scales nor bounds",
        arguments: ["llama", "qwen2", "qwen3", "olmo2", "phi3"]
    )
    func plain(type: String) throws {
        let model = try architecture(type)
        #expect(model.window == nil && model.layerKinds.isEmpty && model.localRotary == nil)
        #expect(model.embeddingScale == nil && model.residualScale == nil && model.logitScale == nil)
        #expect(model.logitCap == nil && model.attention.scoreCap == nil && model.attention.scoreScale == nil)
        #expect(!model.tiesEmbeddings && model.norm == Architecture.Norm(epsilon: model.norm.epsilon))
    }

    @Test(
        "activations are read by name in every family",
        arguments: [
            ("silu", Activation.silu), ("gelu", .gelu), ("gelu_pytorch_tanh", .geluTanh), ("gelu_new", .geluTanh),
        ]
    )
    func activations(name: String, activation: Activation) throws {
        for type in ["llama", "qwen2", "mistral", "olmo2", "granite", "cohere", "gpt_neox", "phi3", "smollm3"] {
            #expect(try architecture(type, ["hidden_act": "\"\(name)\""]).feedForward.activation == activation)
        }
        for type in ["gemma2", "gemma3_text"] {
            let model = try architecture(type, ["hidden_activation": "\"\(name)\""])
            #expect(model.feedForward.activation == activation)
        }
    }

    @Test("Mistral's window is 4096 without the key, and none with null")
    func mistral() throws {
        #expect(try architecture("mistral").window == 4096)
        #expect(try architecture("mistral", ["sliding_window": "null"]).window == nil)
        let model = try architecture("mistral", ["sliding_window": "7"])
        #expect(model.window == 7 && windows(model) == Array(repeating: true, count: 6))
        let types = "[" + Array(repeating: Self.sliding, count: 6).joined(separator: ",") + "]"
        #expect(try architecture("mistral", ["sliding_window": "7", "layer_types": types]) == model)
    }

    @Test("Qwen's layers slide from max_window_layers on, if use_sliding_window", arguments: ["qwen2", "qwen3"])
    func qwenWindow(type: String) throws {
        let keys = ["use_sliding_window": "true", "sliding_window": "9", "max_window_layers": "4"]
        let model = try architecture(type, keys)
        #expect(model.window == 9 && windows(model) == [false, false, false, false, true, true])
        #expect(try windows(architecture(type, keys.merging(["max_window_layers": "0"]) { $1 })).allSatisfy { $0 })
        #expect(try architecture(type, keys.merging(["max_window_layers": "6"]) { $1 }).window == nil)
        #expect(try architecture(type, keys.merging(["use_sliding_window": "false"]) { $1 }).window == nil)
        #expect(try architecture(type, ["use_sliding_window": "true", "max_window_layers": "1"]).window == 4096)
        let types = "[\(Self.sliding)" + String(repeating: ", \(Self.full)", count: 5) + "]"
        let other = try architecture(type, keys.merging(["layer_types": types]) { $1 })
        #expect(windows(other) == [true, false, false, false, false, false])
    }

    @Test("Qwen3 normalizes heads, of 128 elements by default")
    func qwen3() throws {
        let model = try architecture("qwen3", ["attention_bias": "true"])
        #expect(model.attention.headWidth == 128 && model.attention.headNorm == .sharedScale)
        #expect(model.attention.hasInputBias && model.attention.hasOutputBias && model.maxPositions == 32_768)
        try TinyConfiguration("qwen3", ["head_dim": "null"])
            .expectRefusal("head_dim is null; delete the key, which means 128, or set it")
    }

    @Test("SmolLM3 has layers without rotation, which alone slide")
    func smollm3() throws {
        let model = try architecture("smollm3")
        #expect(model.tiesEmbeddings && model.rotary.theta == 2_000_000 && model.window == nil)
        #expect(
            (0..<6).map { model.kind(ofLayer: $0).positions == .none } == [false, false, false, true, false, false]
        )
        let other = try architecture(
            "smollm3",
            ["no_rope_layers": "[0,1,1,1,1,0]", "use_sliding_window": "true", "sliding_window": "5"]
        )
        #expect((0..<6).map { other.kind(ofLayer: $0).positions == .none } == windows(other))
        #expect(windows(other) == [true, false, false, false, false, true] && other.window == 5)
    }

    @Test("Gemma scales embeddings and norms, and means tanh by gelu")
    func gemma() throws {
        let model = try architecture("gemma", ["hidden_act": #""gelu""#, "hidden_activation": "null"])
        #expect(model.feedForward.activation == .geluTanh && model.embeddingScale == 8 && model.norm.addsOne)
        #expect(model.tiesEmbeddings && model.attention.headWidth == 256 && model.branches == .sequential)
        #expect(try architecture("gemma") == model)
        try TinyConfiguration("gemma", ["hidden_act": #""gelu""#, "hidden_activation": #""silu""#])
            .expectRefusal("hidden_activation contradicts the other key of the activation; keep the right one")
        for type in ["gemma", "gemma2", "gemma3_text"] {
            try TinyConfiguration(type, ["use_bidirectional_attention": "true"])
                .expectRefusal("use_bidirectional_attention = true is not supported; supported: false or absent")
        }
    }

    @Test("Gemma 2 bounds scores and logits, and every second layer slides")
    func gemma2() throws {
        let model = try architecture("gemma2", ["query_pre_attn_scalar": "17", "sliding_window": "5"])
        #expect(model.attention.scoreCap == 50 && model.logitCap == 30 && model.branches == .sandwiched)
        #expect(model.attention.scoreScale == Float(pow(17, -0.5)) && model.window == 5)
        #expect(windows(model) == [true, false, true, false, true, false] && model.localRotary == nil)
        let uncapped = try architecture(
            "gemma2",
            ["attn_logit_softcapping": "null", "final_logit_softcapping": "null", "query_pre_attn_scalar": "256"]
        )
        #expect(uncapped.attention.scoreCap == nil && uncapped.logitCap == nil && uncapped.attention.scoreScale == nil)
    }

    @Test("Gemma 3 has a rotary embedding for each kind of layer, and never bounds scores")
    func gemma3() throws {
        let model = try architecture("gemma3_text", ["attn_logit_softcapping": "50.0", "sliding_window": "5"])
        #expect(model.attention.scoreCap == nil && model.logitCap == nil && model.attention.headNorm == .sharedScale)
        #expect(windows(model) == [true, true, true, true, true, false])
        #expect(model.kind(ofLayer: 0).positions == .local && model.kind(ofLayer: 5).positions == .global)
        #expect(model.rotary.theta == 1_000_000 && model.localRotary?.theta == 10_000)
        let scaled = try architecture(
            "gemma3_text",
            [
                "rope_theta": "2e6", "rope_local_base_freq": "500", "sliding_window_pattern": "2",
                "rope_scaling": #"{"rope_type": "linear", "factor": 8.0}"#,
            ]
        )
        #expect(scaled.rotary == Architecture.Rotary(theta: 2_000_000, scaling: .linear(factor: 8)))
        #expect(scaled.localRotary == Architecture.Rotary(theta: 500))
        #expect(windows(scaled) == [true, false, true, false, true, false])
        let newer =
            #"{"full_attention": {"rope_type": "linear", "factor": 8, "rope_theta": 2000000}, "#
            + #""sliding_attention": {"rope_type": "default", "rope_theta": 500.0}}"#
        let types = "[" + (0..<6).map { $0 % 2 == 0 ? Self.sliding : Self.full }.joined(separator: ",") + "]"
        #expect(try architecture("gemma3_text", ["rope_parameters": newer, "layer_types": types]) == scaled)
        #expect(try architecture("gemma3_text", ["sliding_window_pattern": "1"]).localRotary == nil)
        try TinyConfiguration("gemma3_text", ["_sliding_window_pattern": "3"])
            .expectRefusal(
                "_sliding_window_pattern (3) and sliding_window_pattern (6, the default) contradict each other; "
                    + "keep the right one"
            )
    }

    @Test("Phi-3 has fused projections, a window on every layer, and dropout that is reported")
    func phi3() throws {
        let model = try architecture("phi3", ["sliding_window": "11"])
        #expect(model.attention.projection == .fused && model.feedForward.isFused && model.norm.epsilon == 1e-5)
        #expect(model.window == 11 && windows(model).allSatisfy { $0 })
        let description = try TinyConfiguration("phi3", ["resid_pdrop": "0.2", "embd_pdrop": "0.0"]).read()
        #expect(description.remarks == ["resid_pdrop = 0.2 is not applied: training and scoring use no dropout"])
        try TinyConfiguration("phi3", ["auto_map": #"{"AutoModelForCausalLM": "modeling_own.Own"}"#]).expectRefusal(
            #"auto_map = {"AutoModelForCausalLM":"modeling_own.Own"} is not supported, because it may change what the "#
                + "model computes; delete the key if it does not"
        )
    }

    @Test("OLMo 2 and 3 normalize outputs and whole queries and keys")
    func olmo() throws {
        let (second, third) = (try architecture("olmo2"), try architecture("olmo3"))
        for model in [second, third] {
            #expect(model.branches == .postNormalized && model.attention.headNorm == .joint)
            #expect(model.norm.epsilon == 1e-5)
        }
        #expect(windows(third) == [true, true, true, false, true, true] && third.window == 4096)
        #expect(third.rotary.theta == 500_000 && third.localRotary?.theta == 500_000)
        try TinyConfiguration("olmo3", ["rope_theta": "10000.0"]).expectRefusal(
            "rope_theta = 10000.0 means all layers in transformers 4, those of full_attention in 5; "
                + "give rope_parameters with full_attention and sliding_attention instead"
        )
    }

    @Test("Granite has four scales")
    func granite() throws {
        #expect(try architecture("granite").attention.scoreScale == 1)
        let model = try architecture(
            "granite",
            [
                "embedding_multiplier": "12.0", "residual_multiplier": "0.22", "attention_multiplier": "0.015625",
                "logits_scaling": "8.0",
            ]
        )
        #expect(model.embeddingScale == 12 && model.residualScale == 0.22 && model.logitScale == 0.125)
        #expect(model.attention.scoreScale == 0.015625)
        try TinyConfiguration("granite", ["logits_scaling": "1e-45"])
            .expectRefusal("logits_scaling = 1e-45 is not supported: the logits overflow")
    }

    @Test("Cohere computes attention and feed-forward side by side, and rotates neighbours")
    func cohere() throws {
        let model = try architecture("cohere", ["use_qk_norm": "true"])
        #expect(model.branches == .parallel && model.rotary.pairsNeighbours && model.attention.headNorm == .ownScale)
        #expect(model.norm.subtractsMean && !model.norm.hasBias && model.logitScale == 0.0625 && model.tiesEmbeddings)
        let second = try architecture("cohere2", ["logit_scale": "1.0"])
        #expect(second.logitScale == nil && windows(second) == [true, true, true, false, true, true])
        #expect(second.kind(ofLayer: 3).positions == .none && second.kind(ofLayer: 0).positions == .global)
        #expect(second.rotary.pairsNeighbours && second.localRotary == nil)
    }

    @Test("GPT-NeoX has biases everywhere, a plain feed-forward, and rotates a part of a head")
    func gptNeoX() throws {
        let model = try architecture("gpt_neox")
        #expect(model.branches == .parallelTwoNorms && model.attention.projection == .interleaved)
        #expect(
            model.norm.subtractsMean && model.norm.hasBias && model.feedForward.isPlain && model.feedForward.hasBias
        )
        #expect(model.attention.hasInputBias && model.attention.hasOutputBias && model.rotary.rotatedWidth == 2)
        #expect(model.feedForward.activation == .gelu && !model.tiesEmbeddings)
        let other = try architecture(
            "gpt_neox",
            ["use_parallel_residual": "false", "attention_bias": "false", "rotary_pct": "1.0"]
        )
        #expect(other.branches == .sequential && !other.attention.hasInputBias && other.rotary.rotatedWidth == nil)
        try TinyConfiguration("gpt_neox", ["num_key_value_heads": "2"]).expectRefusal(
            "a gpt_neox has as many key and value heads as num_attention_heads (8), each of hidden_size / "
                + "num_attention_heads elements, found num_key_value_heads = 2 and head_dim = 8"
        )
    }
}
