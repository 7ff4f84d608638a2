internal import SystemPackage
internal import TestSupport
internal import Testing
internal import Transformer

/// `config.json` of a Qwen2.
struct Qwen2Tests {
    private func read(_ more: String, from directory: FilePath) throws -> ModelDescription {
        try write(
            #"{"model_type": "qwen2", "hidden_act": "silu", "vocab_size": 100, "hidden_size": 64, "#
                + #""intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 8\#(more)}"#,
            to: directory.appending("config.json")
        )
        return try ModelDescription(directory: directory)
    }

    @Test("query, key and value have biases without a key for them, output and feed-forward none")
    func biases() throws {
        try Places.temporary { directory in
            let model = try read(#", "num_key_value_heads": 2"#, from: directory)
            #expect(model.architecture.maxPositions == 32_768 && model.architecture.attention.keyValueHeads == 2)
            let biases = model.parameters.parameters.filter { $0.part == .bias }
            let names = [1, 0].flatMap { layer in
                ["q", "k", "v"].map { "model.layers.\(layer).self_attn.\($0)_proj.bias" }
            }
            #expect(biases.map(\.name) == names && biases.map(\.shape) == [[64], [16], [16], [64], [16], [16]])
            #expect(biases.allSatisfy { $0.kind == .bias && !$0.kind.decays })
        }
    }

    @Test("a sliding window is ignored if it is disabled")
    func window() throws {
        try Places.temporary { directory in
            let plain = try read(#", "num_key_value_heads": 2"#, from: directory).architecture
            let off = #", "num_key_value_heads": 2, "sliding_window": 4096, "max_window_layers": 1"#
            #expect(try read(off, from: directory).architecture == plain)
            #expect(try read(off + #", "use_sliding_window": false"#, from: directory).architecture == plain)
        }
    }

    @Test("a missing number of key and value heads is refused")
    func keyValueHeads() throws {
        try Places.temporary { directory in
            expectRefusal(directory.appending("config.json"), "num_key_value_heads is missing") {
                _ = try read("", from: directory)
            }
        }
    }
}
