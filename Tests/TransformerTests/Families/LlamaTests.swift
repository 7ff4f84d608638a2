internal import Formats
internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing
internal import Transformer

/// `config.json` of a Llama: unsupported features are refused by name, never ignored.
struct LlamaTests {
    /// The end of the message about an unknown key.
    private static let unknownKey =
        "is not supported, because it may change what the model computes; delete the key if it does not"

    private static let activations = "gelu, gelu_fast, gelu_new, gelu_pytorch_tanh, silu, swish"
    private static let types = "default, dynamic, linear, llama3, longrope, yarn"

    /// A configuration's keys and their values as JSON.
    private static let plain = [
        "model_type": #""llama""#, "hidden_act": #""silu""#, "vocab_size": "100", "hidden_size": "64",
        "intermediate_size": "128", "num_hidden_layers": "3", "num_attention_heads": "8", "num_key_value_heads": "2",
    ]

    private func read(_ changes: [String: String?], from directory: FilePath) throws -> Architecture {
        var keys = Self.plain
        for (key, value) in changes { keys[key] = value }
        let json = "{" + keys.sorted { $0.key < $1.key }.map { "\"\($0)\": \($1)" }.joined(separator: ", ") + "}"
        try write(json, to: directory.appending("config.json"))
        return try ModelDescription(directory: directory).architecture
    }

    private func expectRefused(
        _ changes: [String: String?],
        _ message: String,
        at location: SourceLocation = #_sourceLocation
    ) throws {
        try Places.temporary { directory in
            expectRefusal(directory.appending("config.json"), message, at: location) {
                _ = try read(changes, from: directory)
            }
        }
    }

    @Test("absent keys have the defaults of transformers")
    func defaults() throws {
        try Places.temporary { directory in
            let plain = try read([:], from: directory)
            #expect(plain.vocabularySize == 100 && plain.width == 64 && plain.feedForward.width == 128)
            #expect(plain.layerCount == 3 && plain.attention.heads == 8 && plain.attention.keyValueHeads == 2)
            #expect(plain.attention.headWidth == 8 && plain.maxPositions == 2048 && plain.norm.epsilon == 1e-6)
            #expect(plain.rotary.theta == 10_000 && !plain.tiesEmbeddings)
            #expect(try read(["num_key_value_heads": nil], from: directory).attention.keyValueHeads == 8)
            #expect(try read(["head_dim": "null", "rope_scaling": "null"], from: directory) == plain)
        }
    }

    @Test("present keys are read")
    func values() throws {
        try Places.temporary { directory in
            let model = try read(
                [
                    "head_dim": "10", "rms_norm_eps": "1e-05", "max_position_embeddings": "8192",
                    "tie_word_embeddings": "true", "rope_theta": "500000.0",
                ],
                from: directory
            )
            #expect(model.attention.headWidth == 10 && model.norm.epsilon == 1e-5 && model.maxPositions == 8192)
            #expect(model.tiesEmbeddings && model.rotary.theta == 500_000)
        }
    }

    @Test("the rotary base is read in the forms of transformers 4 and 5")
    func ropeTheta() throws {
        try Places.temporary { directory in
            for (key, value) in [
                ("rope_theta", "130000"), ("rope_parameters", #"{"rope_theta": 130000, "rope_type": "default"}"#),
                ("rope_parameters", #"{"rope_theta": 130000.0}"#),
                ("rope_scaling", #"{"type": "default", "rope_theta": 130000}"#),
            ] {
                let model = try read([key: value], from: directory)
                #expect(model.rotary.theta == 130_000)
            }
        }
    }

    @Test("rotary settings that contradict each other are refused, since transformers would follow one of them")
    func contradictions() throws {
        let type = #""rope_type": "default""#
        try expectRefused(
            ["rope_parameters": "{\(type), \"rope_theta\": 500000.0}", "rope_scaling": "{\(type)}"],
            "rope_parameters and rope_scaling may contradict each other; keep one of them"
        )
        try expectRefused(
            ["rope_scaling": "{\(type), \"type\": \"llama3\"}"],
            "rope_scaling.rope_type and rope_scaling.type contradict each other; keep the right one"
        )
        try Places.temporary { directory in
            let plain = try read([:], from: directory)
            #expect(try read(["rope_parameters": "{\(type)}", "rope_scaling": "{}"], from: directory) == plain)
            #expect(try read(["rope_scaling": "{\(type), \"type\": \"default\"}"], from: directory) == plain)
        }
    }

    @Test("Llama 3.1's scaling is read in both forms; the original length defaults to the model's")
    func llama3() throws {
        try Places.temporary { directory in
            let scaling = #""factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0"#
            let old = [
                "rope_theta": "500000.0",
                "rope_scaling": #"{"rope_type": "llama3", \#(scaling), "original_max_position_embeddings": 8192}"#,
            ]
            let new = [
                "rope_parameters": #"{"rope_type": "llama3", "rope_theta": 500000.0, \#(scaling)}"#,
                "max_position_embeddings": "8192",
            ]
            let expected = Architecture.Rotary.Scaling.llama3(factor: 8, low: 1, high: 4, originalLength: 8192)
            for keys in [old, new] {
                let rotary = try read(keys, from: directory).rotary
                #expect(rotary == Architecture.Rotary(theta: 500_000, scaling: expected))
            }
        }
    }

    @Test("disabled features are accepted")
    func switchedOff() throws {
        try Places.temporary { directory in
            let plain = try read([:], from: directory)
            let off = [
                "attention_bias": "false", "mlp_bias": "false", "attention_dropout": "0.0", "pretraining_tp": "1",
                "rope_interleaved": "false", "sliding_window": "null", "quantization_config": "null",
                "partial_rotary_factor": "1.0", "torch_dtype": #""bfloat16""#, "use_cache": "true",
                "architectures": #"["LlamaForCausalLM"]"#, "eos_token_id": "[1, 2]",
            ]
            #expect(try read(off, from: directory) == plain)
        }
    }

    @Test(
        "keys without effect are accepted: those of full dumps, of generation, and of tools",
        arguments: [
            ("unsloth_fixed", "true"), ("unsloth_version", #""2024.9""#), ("_attn_implementation", #""eager""#),
            ("is_decoder", "false"), ("is_encoder_decoder", "false"), ("add_cross_attention", "false"),
            ("tie_encoder_decoder", "false"), ("pruned_heads", "{}"), ("torchscript", "false"),
            ("use_bfloat16", "false"), ("tf_legacy_loss", "false"), ("do_sample", "false"), ("max_length", "20"),
            ("min_length", "0"), ("num_beams", "1"), ("temperature", "1.0"), ("top_k", "50"), ("top_p", "1.0"),
            ("repetition_penalty", "1.0"), ("tokenizer_class", #""PreTrainedTokenizerFast""#),
            ("pad_token", #""<pad>""#), ("model_max_length", "512"), ("max_sequence_length", "512"),
            ("layer_types", #"["full_attention", "full_attention", "full_attention"]"#), ("bad_words_ids", "null"),
            ("task_specific_params", "null"), ("num_labels", "2"), ("suppress_tokens", "[1]"),
        ]
    )
    func harmless(key: String, value: String) throws {
        try Places.temporary { directory in
            let plain = try read([:], from: directory)
            #expect(try read([key: value], from: directory) == plain)
        }
    }

    @Test(
        "an unsupported feature is refused by name, with the found and the supported values",
        arguments: [
            ("hidden_act", #""relu""#, "= relu is not supported; supported: \(Self.activations)"),
            ("hidden_act", "1", "= 1 is not supported; supported: \(Self.activations)"),
            ("attention_bias", "1", "= 1 is not supported; supported: true or false"),
            ("mlp_bias", #""yes""#, "= yes is not supported; supported: true or false"),
            ("rope_interleaved", "true", "= true is not supported; supported: false or absent"),
            ("attention_dropout", "-0.1", "= -0.1 is not supported; supported: a number from 0 to 1"),
            ("pretraining_tp", "2", "= 2 is not supported; supported: 1 or absent"),
            ("partial_rotary_factor", "0.5", "= 0.5 is not supported; supported: 1 or absent"),
            (
                "quantization_config", #"{"b": [4], "a": "/"}"#,
                #"= {"a":"/","b":[4]} is not supported; supported: absent"#
            ),
            ("sliding_window", "4096", "= 4096 is not supported; supported: absent"),
            ("attn_logit_softcapping", "50.0", "= 50.0 \(Self.unknownKey)"),
            ("is_encoder_decoder", "true", "= true \(Self.unknownKey)"),
            ("pruned_heads", #"{"0": [1]}"#, #"= {"0":[1]} \#(Self.unknownKey)"#),
            ("layer_types", #"["full_attention"]"#, #"= ["full_attention"] \#(Self.unknownKey)"#),
            ("is_causal", "false", "= false \(Self.unknownKey)"),
            (
                "layer_types", #"["full_attention", "sliding_attention", "full_attention"]"#,
                #"= ["full_attention","sliding_attention","full_attention"] \#(Self.unknownKey)"#
            ),
            ("auto_map", #"{"AutoModel": "m.M"}"#, #"= {"AutoModel":"m.M"} \#(Self.unknownKey)"#),
        ]
    )
    func unsupported(key: String, value: String, message: String) throws {
        try expectRefused([key: value], "\(key) \(message)")
    }

    @Test(
        "unsupported rotary scaling is refused with its nested key",
        arguments: [
            (#"{"type": "su", "factor": 2.0}"#, ".type = su is not supported; supported: \(Self.types)"),
            (#"{"rope_type": "axial"}"#, ".rope_type = axial is not supported; supported: \(Self.types)"),
            (#"{"rope_type": "linear"}"#, ".factor is missing"),
            (#"{"rope_type": "llama3"}"#, ".factor is missing"),
            (#"{"rope_type": "llama3", "factor": 8, "low_freq_factor": 1}"#, ".high_freq_factor is missing"),
            (#"{"factor": 8}"#, ".factor = 8 \(Self.unknownKey)"),
            (
                #"{"partial_rotary_factor": 0.5}"#,
                ".partial_rotary_factor = 0.5 is not supported; supported: 1 or absent"
            ),
            (#"{"rope_theta": 0}"#, ".rope_theta = 0 is not supported; supported: a number above 0"),
            (#""linear""#, " = linear is not supported; supported: an object"),
        ],
        ["rope_scaling", "rope_parameters"]
    )
    func ropeScaling(setting: (value: String, message: String), key: String) throws {
        try expectRefused([key: setting.value], key + setting.message)
    }

    @Test(
        "a value of the wrong type is refused",
        arguments: [
            ("vocab_size", #""100""#, "100", "a whole number from 1 to 16777216"),
            ("vocab_size", "true", "true", "a whole number from 1 to 16777216"),
            ("hidden_size", "64.5", "64.5", "a whole number from 1 to 1048576"),
            ("hidden_size", "64.0", "64.0", "a whole number from 1 to 1048576"),
            ("intermediate_size", "-1", "-1", "a whole number from 1 to 1048576"),
            ("intermediate_size", "-0", "-0", "a whole number from 1 to 1048576"),
            ("num_hidden_layers", "0", "0", "a whole number from 1 to 4096"),
            ("num_hidden_layers", "2147483648", "2147483648", "a whole number from 1 to 4096"),
            ("vocab_size", "18446744073709551615", "18446744073709551615", "a whole number from 1 to 16777216"),
            ("max_position_embeddings", "1e400", "1e400", "a whole number from 1 to 16777216"),
            ("rope_theta", "1e400", "1e400", "a number above 0"),
            ("rms_norm_eps", "1e-60", "1e-60", "a number above 0"),
            ("rms_norm_eps", "true", "true", "a number above 0"),
            ("rms_norm_eps", "-1e-6", "-1e-6", "a number above 0"),
            ("rope_theta", #""big""#, "big", "a number above 0"),
            ("tie_word_embeddings", "1", "1", "true or false"),
            ("tie_word_embeddings", #""true""#, "true", "true or false"),
        ]
    )
    func wrongType(key: String, value: String, found: String, expected: String) throws {
        try expectRefused([key: value], "\(key) = \(found) is not supported; supported: \(expected)")
    }

    @Test(
        "a missing key without a default is refused",
        arguments: ["vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"]
    )
    func missing(key: String) throws {
        try expectRefused([key: nil], "\(key) is missing")
    }

    @Test("inconsistent numbers of heads, or heads that do not divide the width, are refused")
    func heads() throws {
        try expectRefused(
            ["num_key_value_heads": "3"],
            "num_key_value_heads (3) must divide num_attention_heads (8), and head_dim (8) must be even"
        )
        try expectRefused(
            ["head_dim": "7"],
            "num_key_value_heads (2) must divide num_attention_heads (8), and head_dim (7) must be even"
        )
        for width in ["60", "4"] {
            try expectRefused(
                ["hidden_size": width],
                "without head_dim, num_attention_heads (8) must divide hidden_size (\(width))"
            )
        }
    }

    @Test("sizes whose products would overflow are refused")
    func products() throws {
        try expectRefused(
            ["head_dim": "1048576"],
            "num_attention_heads (8) times head_dim (1048576) must be at most 1048576"
        )
    }

    @Test("a missing file, or one that is not an object, is refused")
    func noObject() throws {
        try Places.temporary { directory in
            let remedy = "download a model with: hf download ORG/NAME --local-dir DIR"
            expectRefusal(directory, "expected a Hugging Face model directory, found no config.json; \(remedy)") {
                _ = try ModelDescription(directory: directory)
            }
            let path = directory.appending("config.json")
            for (text, fault) in [
                ("", ", but at byte 0 expected a value, found the end"), ("[]", ""),
                ("{", ", but at byte 1 expected a name in quotes, found the end"),
                (#"{"a": NaN}"#, ", but at byte 6 expected a value, found N"),
                (#"{"a": 1, "a": 1}"#, ", but at byte 9 expected each name once, found a twice"),
            ] {
                try write(text, to: path)
                expectRefusal(path, "expected a JSON object" + fault) {
                    _ = try ModelDescription(directory: directory)
                }
            }
        }
    }
}
