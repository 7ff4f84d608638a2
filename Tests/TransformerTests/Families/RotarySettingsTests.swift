internal import TestSupport
internal import Testing
internal import Transformer

/// The settings of the rotary embedding, with transformers' frequencies.
struct RotarySettingsTests {
    /// Settings of Llamas with the bits of the frequencies and of the factor of cosines as transformers 5.24 computes
    /// them in float32.
    private static let cases: [(head: Int, length: Int, json: String, frequencies: [UInt32], factor: UInt32)] = [
        (
            16, 4096, #"{"rope_type": "linear", "rope_theta": 10000.0, "factor": 2.5}"#,
            [
                0x3ecccccd, 0x3e0186e2, 0x3d23d70a, 0x3c4f3e38, 0x3b83126e, 0x3aa5cb60, 0x39d1b718, 0x3904a2b3,
            ], 0x3f800000
        ),
        (
            32, 131_072,
            #"{"rope_type": "yarn", "rope_theta": 1e6, "factor": 4.0, "original_max_position_embeddings": 32768}"#,
            [
                0x3f800000, 0x3ed7e89b, 0x3e361887, 0x3d99940d, 0x3d0186e3, 0x3c5a7bf2, 0x3b9ca0b8, 0x3ad99312,
                0x3a102de0, 0x3930df50, 0x383a7753, 0x379d43a4, 0x3704a2b2, 0x365fba4f, 0x35bcb0c1, 0x351f23e4,
            ], 0x3f91be9c
        ),
        (
            24, 256,
            #"{"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 64, "#
                + #""mscale": 1.3, "mscale_all_dim": 0.4, "beta_fast": 6.0, "beta_slow": 0.5}"#,
            [
                0x3f800000, 0x3ec11711, 0x3e09e241, 0x3d333334, 0x3c3e1e95, 0x3bb07dc6, 0x3b23d70a, 0x3a98187a,
                0x3a0d3169, 0x3983126f, 0x38f35a5c, 0x3861e8a7,
            ], 0x3f8f218e
        ),
        (
            24, 256,
            #"{"rope_type": "yarn", "rope_theta": 500000.0, "factor": 8.0, "original_max_position_embeddings": 64, "#
                + #""attention_factor": 1.2, "truncate": false}"#,
            [
                0x3f800000, 0x3e49a3e2, 0x3ca15f5c, 0x3b9a08c8, 0x3ace6ce9, 0x3a0a5172, 0x39395d21, 0x38786938,
                0x37a67376, 0x36df10c4, 0x361577d2, 0x35484e55,
            ], 0x3f99999a
        ),
        (
            10, 3000, #"{"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 3.3}"#,
            [0x3f800000, 0x3e224b06, 0x3ccdc613, 0x3b8273a4, 0x3a2566d4], 0x3f800000
        ),
        (
            12, 131_072,
            #"{"rope_type": "longrope", "rope_theta": 10000.0, "original_max_position_embeddings": 4096, "#
                + #""short_factor": [1.0, 1.01, 1.3, 1.9, 2.7, 3.1], "long_factor": [1.1, 4, 9, 20, 40, 60]}"#,
            [0x3f800000, 0x3e5a6e08, 0x3d123ee9, 0x3bac7692, 0x3a512cc1, 0x391d007e], 0x3f9859b9
        ),
        (
            16, 131_072,
            #"{"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0, "#
                + #""high_freq_factor": 4.0, "original_max_position_embeddings": 8192}"#,
            [
                0x3f800000, 0x3e4693b0, 0x3d1a08c8, 0x3beef74f, 0x3a0995d2, 0x380fc8f8, 0x36df10c4, 0x35ad07a7,
            ], 0x3f800000
        ),
    ]

    @Test("frequencies and factors are transformers' to two ulps, in both forms", arguments: 0..<cases.count)
    func frequencies(index: Int) throws {
        let expected = Self.cases[index]
        for key in ["rope_parameters", "rope_scaling"] {
            let keys = [
                "head_dim": "\(expected.head)", "max_position_embeddings": "\(expected.length)", key: expected.json,
            ]
            let rotary = try architecture("llama", keys).rotary
            let found = rotary.frequencies(headWidth: expected.head) + [rotary.attentionFactor ?? 1]
            let bits = expected.frequencies + [expected.factor]
            #expect(found.count == bits.count)
            for (value, bits) in zip(found, bits) {
                let difference = Int64(value.bitPattern) - Int64(bits)
                #expect(abs(difference) <= 2, "\(difference): \(value) and \(Float(bitPattern: bits))")
            }
        }
    }

    @Test(
        "YaRN rounds the bounds of its ramp by default, but not with null, as transformers",
        arguments: [true, false]
    )
    func truncate(isNewer: Bool) throws {
        let key = isNewer ? "rope_parameters" : "rope_scaling"
        func model(_ truncate: String) throws -> Architecture {
            let scaling = #"{"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64\#(truncate)}"#
            return try architecture("llama", ["head_dim": "32", "max_position_embeddings": "256", key: scaling])
        }
        let (absent, null) = (try model(""), try model(#", "truncate": null"#))
        #expect(try absent == model(#", "truncate": true"#) && null == model(#", "truncate": false"#))
        #expect(absent.rotary.scaling != null.rotary.scaling)
    }

    @Test("settings of a scaling that are null are those of absent ones, where transformers takes them so")
    func nulls() throws {
        let yarn = #""rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64"#
        func model(_ scaling: String) throws -> Architecture {
            try architecture("llama", ["max_position_embeddings": "256", "rope_parameters": "{\(scaling)}"])
        }
        for key in ["beta_fast", "beta_slow", "attention_factor", "mscale", "mscale_all_dim", "type"] {
            #expect(try model(yarn + ", \"\(key)\": null") == model(yarn))
        }
        try TinyConfiguration("llama", ["rope_parameters": #"{"rope_theta": null}"#, "rope_theta": "500"])
            .expectRefusal("rope_parameters.rope_theta is null; delete the key, which means 500.0, or set it")
        let length = #"{"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": null}"#
        try TinyConfiguration("llama", ["rope_scaling": length]).expectRefusal(
            "rope_scaling.original_max_position_embeddings is null; delete the key, which means 2048, or set it"
        )
    }

    @Test("the part of a head that rotates is read at its place in both forms, and must be even")
    func partial() throws {
        let older = try architecture("phi3", ["head_dim": "24", "partial_rotary_factor": "0.5"])
        #expect(older.rotary.rotatedWidth == 12 && older.rotary.frequencies(headWidth: 24).count == 6)
        let newer = ["head_dim": "24", "rope_parameters": #"{"rope_type": "default", "partial_rotary_factor": 0.5}"#]
        #expect(try architecture("phi3", newer) == older)
        try TinyConfiguration("phi3", ["head_dim": "12", "partial_rotary_factor": "0.25"]).expectRefusal(
            "partial_rotary_factor (0.25) of head_dim (12) must be an even number of elements, and at most all"
        )
        try TinyConfiguration("phi3", newer.merging(["partial_rotary_factor": "1.0"]) { $1 }).expectRefusal(
            "rope_parameters.partial_rotary_factor (0.5) and partial_rotary_factor (1.0) contradict each other; "
                + "keep the right one"
        )
        try TinyConfiguration("llama", ["partial_rotary_factor": "0.5"])
            .expectRefusal("partial_rotary_factor = 0.5 is not supported; supported: 1 or absent")
    }

    @Test("the base of GPT-NeoX has two names, which must not contradict each other")
    func neoxBase() throws {
        let model = try architecture("gpt_neox", ["rotary_emb_base": "20000", "rope_theta": "20000.0"])
        #expect(model.rotary.theta == 20_000)
        let newer = #"{"rope_type": "default", "rope_theta": 20000.0, "partial_rotary_factor": 0.25}"#
        #expect(try architecture("gpt_neox", ["rope_parameters": newer]) == model)
        try TinyConfiguration("gpt_neox", ["rope_theta": "20000"]).expectRefusal(
            "rope_theta (20000.0) and rotary_emb_base (10000.0, the default) contradict each other; keep the right one"
        )
    }

    @Test("Phi-3's su and yarn mean longrope, with the original length at the top level")
    func phi3() throws {
        let factors = #""short_factor": [1, 1.5, 2, 3], "long_factor": [4, 5, 6, 7]"#
        let keys = ["original_max_position_embeddings": "64", "max_position_embeddings": "256"]
        let expected = Architecture.Rotary.Scaling.longrope(factors: [1, 1.5, 2, 3], originalLength: 64)
        for types in [#""type": "su""#, #""type": "yarn""#, #""type": "su", "rope_type": "longrope""#] {
            let model = try architecture("phi3", keys.merging(["rope_scaling": "{\(types), \(factors)}"]) { $1 })
            #expect(model.rotary.scaling == expected && model.longestPath == 64 && model.maxPositions == 256)
        }
        let newer = #"{"rope_type": "longrope", "original_max_position_embeddings": 32, \#(factors)}"#
        try TinyConfiguration("phi3", keys.merging(["rope_parameters": newer]) { $1 }).expectRefusal(
            "original_max_position_embeddings (64) and rope_parameters.original_max_position_embeddings (32) "
                + "contradict each other; keep the right one"
        )
        try TinyConfiguration("phi3", ["rope_scaling": #"{"type": "linear", "factor": 2}"#]).expectRefusal(
            "rope_scaling.type = linear is not supported; supported: default, longrope, su, yarn"
        )
        try TinyConfiguration(
            "phi3",
            ["rope_scaling": #"{"type": "su", "short_factor": [1, 2], "long_factor": [1, 2]}"#]
        ).expectRefusal(
            "rope_scaling.short_factor = a list of 2 is not supported; supported: a list of 4 numbers above 0"
        )
        try TinyConfiguration("phi3", ["rope_scaling": #"{"type": "su", "short_factor": [1, 0, 3, "a"]}"#])
            .expectRefusal(
                "rope_scaling.short_factor = a list with 0 is not supported; supported: a list of 4 numbers above 0"
            )
    }

    @Test("within the context length dynamic is the default")
    func dynamic() throws {
        let scaling = #"{"type": "dynamic", "factor": 2.0}"#
        #expect(try architecture("llama", ["rope_scaling": scaling]) == architecture("llama"))
        try TinyConfiguration("llama", ["rope_scaling": scaling, "head_dim": "2"])
            .expectRefusal("rope_scaling.rope_type = dynamic needs heads of more than 2 elements")
    }

    @Test("each kind of layer has a scaling of its own in the newer form", arguments: ["gemma3_text", "olmo3"])
    func layerTypes(type: String) throws {
        let full = #"{"rope_type": "linear", "factor": 2.0, "rope_theta": 700.0}"#
        let sliding = #"{"rope_type": "linear", "factor": 4.0, "rope_theta": 300.0}"#
        let both = #"{"full_attention": \#(full), "sliding_attention": \#(sliding)}"#
        let model = try architecture(type, ["rope_parameters": both])
        #expect(model.rotary == Architecture.Rotary(theta: 700, scaling: .linear(factor: 2)))
        #expect(model.localRotary == Architecture.Rotary(theta: 300, scaling: .linear(factor: 4)))
        try TinyConfiguration(type, ["rope_parameters": full]).expectRefusal(
            "rope_parameters.factor = 2.0 is not supported, because it may change what the model computes; "
                + "delete the key if it does not"
        )
        try TinyConfiguration(type, ["rope_parameters": both, "rope_scaling": full])
            .expectRefusal("rope_parameters and rope_scaling may contradict each other; keep one of them")
    }

    @Test("bases that contradict each other are refused, equal ones are not")
    func contradictions() throws {
        let inner = #"{"rope_type": "default", "rope_theta": 500.0}"#
        #expect(try architecture("llama", ["rope_parameters": inner, "rope_theta": "500"]).rotary.theta == 500)
        #expect(try architecture("llama", ["rope_parameters": inner, "rope_scaling": inner]).rotary.theta == 500)
        try TinyConfiguration("llama", ["rope_parameters": inner, "rope_theta": "10000"]).expectRefusal(
            "rope_parameters.rope_theta (500.0) and rope_theta (10000.0) contradict each other; keep the right one"
        )
    }
}
