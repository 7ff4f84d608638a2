internal import Testing
internal import Transformer

/// Settings that select what a model does not have, or what an adapter cannot have.
struct AdapterRefusalTests {
    private static let linear =
        "linear layers: down_proj, gate_proj, k_proj, o_proj, q_proj, up_proj, v_proj"

    @Test("an unknown target is refused with the nearest name and all linear layers")
    func unknown() throws {
        try expectRefusal(
            newAdapter(.names(["q_proj", "v_porj"])),
            "lora_target_modules = v_porj is the name of no module of this llama; the nearest is v_proj; \(Self.linear)"
        )
        try expectRefusal(
            newAdapter(.names(["query_key_value"])),
            "lora_target_modules = query_key_value is the name of no module of this llama; \(Self.linear)"
        )
        try expectRefusal(
            newAdapter(.names(["model.layers.0.self_attn.q_prj"])),
            "lora_target_modules = model.layers.0.self_attn.q_prj is the name of no module of this llama; "
                + "the nearest is "
                + "model.layers.0.self_attn.q_proj; \(Self.linear)"
        )
        try TinyAdapter(["target_modules": #"["c_attn"]"#]).expectRefusal(
            "target_modules = c_attn is the name of no module of this llama; \(Self.linear)"
        )
    }

    @Test("a name of a file that selects nothing has no effect and is reported, as long as another one does")
    func withoutEffect() throws {
        let configuration = try TinyAdapter(["target_modules": #"["q_proj", "c_attn"]"#]).read()
        let model = try TinyConfiguration("llama").read()
        #expect(try configuration.resolve(in: model).modules.count == 6)
        #expect(
            try configuration.remarks(in: model)
                == ["target_modules: c_attn is the name of no module of this llama, and is skipped"]
        )
    }

    @Test("a string that is one name is refused as a regular expression, with the list to write")
    func string() throws {
        try expectRefusal(
            newAdapter(.pattern("q_proj")),
            "lora_target_modules = q_proj is a regular expression that matches no whole name, such as "
                + "model.layers.0.self_attn.q_proj; to select modules by the ends of their names, write a "
                + "list: [q_proj]; "
                + "the nearest is q_proj; \(Self.linear)"
        )
    }

    @Test("norms and containers are refused as targets, and embedding and head belong to modules_to_save")
    func kinds() throws {
        for (name, found) in [
            ("norm", "model.norm"), ("self_attn", "model.layers.0.self_attn"),
            ("act_fn", "model.layers.0.mlp.act_fn"), ("layers", "model.layers"),
        ] {
            try TinyAdapter(["target_modules": #"["q_proj", "\#(name)"]"#]).expectRefusal(
                "target_modules = [q_proj, \(name)] selects \(found), which is no linear layer; \(Self.linear)"
            )
        }
        for (name, found) in [("lm_head", "lm_head"), ("embed_tokens", "model.embed_tokens")] {
            try expectRefusal(
                newAdapter(.names([name])),
                "lora_target_modules = [\(name)] selects \(found), for which low-rank matrices are not "
                    + "supported; to train "
                    + "it whole, move it to modules_to_save: [\(name)]"
            )
        }
    }

    @Test("other modules are refused in modules_to_save by name")
    func saved() throws {
        for name in ["norm", "score", "head", "embed_out"] {
            try expectRefusal(
                newAdapter(.allLinear) { $0.savedModules = [name] },
                "modules_to_save = \(name) is not supported; supported for a llama: embed_tokens, lm_head"
            )
        }
        try expectRefusal(
            newAdapter(.allLinear) { $0.savedModules = ["embed_tokens"] },
            "modules_to_save = embed_tokens is not supported; supported for a gpt_neox: embed_in, lm_head",
            in: TinyConfiguration("gpt_neox")
        )
    }

    @Test("values out of range, patterns without modules, and selections without modules are refused")
    func values() throws {
        let range = "supported: a whole number from 1 to 65536"
        try expectRefusal(newAdapter(.allLinear) { $0.rank = 0 }, "lora_r = 0 is not supported; \(range)")
        for alpha in [0, -1, Double.infinity, .nan] {
            let text = alpha.isFinite ? "\(Int(alpha))" : "\(alpha)"
            try expectRefusal(
                newAdapter(.allLinear) { $0.alpha = alpha },
                "lora_alpha = \(text) is not supported; supported: a number above 0"
            )
        }
        try expectRefusal(
            newAdapter(.allLinear) { $0.dropout = 2 },
            "lora_dropout = 2 is not supported; supported: a number from 0 to 1"
        )
        try expectRefusal(
            newAdapter(.names([])),
            "lora_target_modules = [] selects no module; write all-linear, or names of modules"
        )
        try expectRefusal(
            newAdapter(.names(["q_proj"])) { $0.rankPattern = [.init("v_proj", 3)] },
            "rank_pattern[v_proj] matches no adapted module; the nearest is q_proj; adapted: q_proj; a key is a regular "
                + "expression of the end of a name"
        )
        let unknown = "is the name of no module of this llama; "
        try expectRefusal(
            newAdapter(.names(["all_linear"])),
            "lora_target_modules = all_linear \(unknown)did you mean all-linear? \(Self.linear)"
        )
        try expectRefusal(
            newAdapter(.names([".*proj"])),
            "lora_target_modules = .*proj \(unknown)regular expressions are read from adapter_config.json only; "
                + "\(Self.linear)"
        )
        try expectRefusal(
            newAdapter(.names(["q_proj"])) { $0.excluded = .names(["self_attn.q_proj"]) },
            "exclude_modules leaves no module of target_modules = [q_proj]; exclude fewer modules"
        )
    }

    @Test("restrictions to layers that PEFT refuses, or the model does not have, are refused")
    func layers() throws {
        try expectRefusal(
            newAdapter(.allLinear) { $0.layers = [0] },
            "layers_to_transform requires target_modules as a list of names, found all-linear; write a list"
        )
        try expectRefusal(
            newAdapter(.names(["q_proj"])) { $0.layersPattern = ["layers"] },
            "layers_pattern is set without layers_to_transform, which it belongs to; set both or neither"
        )
        try expectRefusal(
            newAdapter(.names(["q_proj"])) { $0.layers = [0, 6] },
            "layers_to_transform = 6 is no layer of the model, which has 6: 0 to 5"
        )
        try expectRefusal(
            newAdapter(.names(["q_proj"])) { ($0.layers, $0.layersPattern) = ([0], ["h"]) },
            "lora_target_modules = q_proj is the name of no module of this llama in layers_to_transform = "
                + "0; the nearest "
                + "is q_proj; \(Self.linear)"
        )
    }
}
