internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// The page of `espalier inspect`, and the reasons for which a model is refused.
@Suite(.serialized)
struct InspectTests {
    private func inspect(_ model: FilePath, _ arguments: [String] = []) throws -> Outcome {
        try Launch.run("espalier", ["inspect", model.string, "--threads", "1"] + arguments, solo: true)
    }

    /// A copy of a golden that `change` may modify; its configuration's text is replaced by the result of `edit`.
    private func withCopy(
        of golden: Golden = .tied,
        _ edit: (String) -> String = { $0 },
        _ body: (FilePath) throws -> Void
    ) throws {
        try Places.temporary { directory in
            let copy = directory.appending("model")
            try FileManager.default.copyItem(atPath: golden.directory.string, toPath: copy.string)
            let path = copy.appending("config.json")
            let text = try String(contentsOfFile: path.string, encoding: .utf8)
            try write(edit(text), to: path)
            try body(copy)
        }
    }

    /// The lines of a page about some label, with those that continue it, on one line.
    private func text(of label: String, in page: String) -> String {
        let lines = page.components(separatedBy: "\n")
        guard let first = lines.firstIndex(where: { $0.hasPrefix(label + " ") }) else { return "" }
        let rest = lines[(first + 1)...].prefix { $0.hasPrefix("            ") }
        return ([lines[first]] + rest).joined(separator: " ").split(separator: " ").dropFirst().joined(separator: " ")
    }

    @Test("every golden is described and refused for nothing, in either form of its configuration, on 80 columns")
    func goldens() throws {
        var compared = 0
        for golden in Golden.allCases {
            let outcome = try inspect(golden.directory)
            #expect(outcome.status == 0, "\(golden): \(outcome.output)\(outcome.errors)")
            #expect(outcome.errors.isEmpty)
            let lines = outcome.output.components(separatedBy: "\n")
            #expect(lines.contains("✓ nothing is refused"))
            // A path is not broken.
            for line in lines where !line.hasPrefix("model") && !line.contains("/") {
                #expect(line.count <= 80, "\(golden): \(line)")
            }
            let older = golden.directory.appending("v4/config.json")
            guard exists(older) else { continue }
            try withCopy(of: golden, { _ in (try? String(contentsOfFile: older.string, encoding: .utf8)) ?? "" }) {
                let copy = try inspect($0)
                #expect(copy.status == 0, "\(golden): \(copy.output)\(copy.errors)")
                for label in ["layers", "attention", "feed-fwd", "norms", "rotary", "windows", "scales", "head"] {
                    #expect(text(of: label, in: copy.output) == text(of: label, in: outcome.output), "\(golden)")
                }
            }
            compared += 1
        }
        #expect(compared >= 20)
    }

    @Test("features and sizes of a model, its parameters, files, and memory")
    func page() throws {
        let page = try inspect(Golden.tied.directory, ["--ranks", "2", "--row-tokens", "100"]).output
        #expect(text(of: "family", in: page) == "llama, with keys of transformers 5")
        #expect(text(of: "layers", in: page) == "3 of width 48; vocabulary 131; 512 positions")
        #expect(text(of: "attention", in: page) == "6 heads of 8, 2 key/value heads")
        #expect(text(of: "feed-fwd", in: page) == "width 88, SiLU, gated")
        #expect(text(of: "norms", in: page) == "RMSNorm, ε 1e-05; before attention and before feed-forward")
        #expect(text(of: "rotary", in: page) == "θ 10000")
        #expect(text(of: "head", in: page) == "tied to the embedding")
        #expect(text(of: "parameters", in: page) == "63072: layers 56736, embedding 6288")
        #expect(text(of: "weights", in: page) == "model.safetensors: 29 tensors, 0.25 MB in F32")
        #expect(text(of: "tokenizer", in: page) == "no files; no chat template")
        #expect(text(of: "memory", in: page) == "MB per rank: 2 ranks of 1 thread, packed sequences of 100 tokens")
    }

    @Test("windows and rotary embeddings are described by the layers that have them")
    func layers() throws {
        let page = try inspect(Golden.gemma3.directory).output
        #expect(text(of: "windows", in: page) == "6 tokens in 2 of 3 layers, all but layer 2")
        #expect(text(of: "rotary", in: page) == "θ 20000, linear by 4 in layer 2; θ 500 in the other 2 layers")
        #expect(
            text(of: "norms", in: page)
                == "RMSNorm, scale 1 + weight, ε 1e-06; before and after attention and feed-forward"
        )
        #expect(
            text(of: "attention", in: page).contains("2 heads of 20, 1 key/value head; norms of query and key heads")
        )
    }

    @Test(
        "the predicted memory follows from the parameters, and is less with fewer tokens, more ranks or recomputed activations"
    )
    func memory() throws {
        func total(_ arguments: [String]) throws -> [String: Int] {
            let outcome = try inspect(Golden.tied.directory, ["--json"] + arguments)
            let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
            let memory = try #require((object?["memory"] as? [String: Any])?["training"] as? [String: Int])
            #expect(Set(memory.keys) == ["weights", "gradients", "optimizer", "snapshot", "workspace"])
            return memory
        }
        let base = try total(["--row-tokens", "200"])
        #expect(base["weights"] == 4 * 63_072 && base["gradients"] == base["weights"])
        #expect(base["optimizer"] == 8 * 63_072)
        #expect(try total(["--row-tokens", "200", "--ranks", "2"])["optimizer"] == 4 * 63_072)
        let fewer = try #require(try total(["--row-tokens", "100"])["workspace"])
        let recomputed = try #require(try total(["--row-tokens", "200", "--recompute"])["workspace"])
        let workspace = try #require(base["workspace"])
        #expect(fewer < workspace && recomputed < workspace)
    }

    @Test("all reasons for which a model is refused are named at once, each with its remedy, and the exit code is 1")
    func reasons() throws {
        let edit = { (text: String) in
            text.replacingOccurrences(of: "\"attention_bias\": false", with: "\"attention_bias\": true")
                .replacingOccurrences(of: "\"intermediate_size\": 88", with: "\"intermediate_size\": 80")
                .replacingOccurrences(
                    of: "\"vocab_size\"",
                    with: "\"sliding_window\": 7, \"new_feature\": 2, \"vocab_size\""
                )
        }
        try withCopy(edit) { model in
            let outcome = try inspect(model)
            #expect(outcome.status == 1 && outcome.errors.isEmpty)
            let words = outcome.output.split(separator: "\n").drop { !$0.hasPrefix("✗") }
            let page = words.joined(separator: " ").split(separator: " ").joined(separator: " ")
                .replacingOccurrences(of: model.string, with: "MODEL")
            for reason in [
                "✗ MODEL/config.json: sliding_window = 7 is not supported → supported: absent",
                "✗ MODEL/config.json: new_feature = 2 is not supported, because it may change what the model computes → "
                    + "delete the key if it does not",
                "✗ MODEL: the model has none of the 12 tensors model.layers.2.self_attn.o_proj.bias, ",
                "✗ MODEL/model.safetensors: tensor model.layers.2.mlp.down_proj.weight: expected shape [48, 80], as "
                    + "config.json says, found [48, 88] → correct config.json, or download the model again",
                "✗ MODEL: 6 more tensors have another shape or type than config.json says",
                "The model is refused: 7 problems must be fixed (✗).",
            ] {
                #expect(page.contains(reason), "\(reason) in \(page)")
            }
        }
    }

    @Test("a directory whose model cannot be described ends with one error")
    func undescribed() throws {
        try withCopy({ $0.replacingOccurrences(of: "\"llama\"", with: "\"lama\"") }) { model in
            let outcome = try inspect(model)
            #expect(outcome.status == 64 && outcome.output.isEmpty)
            #expect(
                outcome.errors.hasPrefix(
                    "error: \(model)/config.json: model_type = lama is not supported (a similar name: "
                )
            )
            #expect(outcome.errors.split(separator: "\n").count == 1)
        }
        try Places.temporary { directory in
            let file = directory.appending("model.gguf")
            try write(Array("GGUF".utf8) + [3, 0, 0, 0], to: file)
            let outcome = try inspect(file)
            #expect(outcome.status == 64 && outcome.output.isEmpty)
            #expect(outcome.errors.hasSuffix("convert it: espalier-import-gguf \(file) DIR\n"))
            #expect(try inspect(directory.appending("none")).status == 64)
        }
    }
}
