internal import Testing
internal import Transformer

/// `auto_map`, with which models on the Hub name classes in their own files.
struct OwnCodeTests {
    private static let remark = "auto_map is not applied, as in transformers without trust_remote_code"

    @Test(
        "classes that transformers has itself are remarked upon, also in another repository",
        arguments: [
            ("llama", #"{"AutoConfig": "configuration_llama.LlamaConfig", "AutoModel": "modeling_llama.LlamaModel"}"#),
            ("llama", #"{"AutoModelForCausalLM": "org/a--b--modeling_llama.LlamaForCausalLM"}"#),
            ("phi3", #"{"AutoConfig": "microsoft/Phi-3-mini-4k-instruct--configuration_phi3.Phi3Config"}"#),
            ("gpt_neox", #"{"AutoModelForCausalLM": "modeling_gpt_neox.GPTNeoXForCausalLM"}"#),
            ("gemma3_text", #"{"AutoModelForCausalLM": "modeling_gemma3.Gemma3ForCausalLM"}"#),
            ("mistral3", #"{"AutoModel": "modeling_mistral3.Mistral3ForConditionalGeneration"}"#),
            ("olmo2", #"{"AutoTokenizer": [null, "tokenization_own.OwnTokenizer"]}"#),
        ]
    )
    func own(type: String, map: String) throws {
        let description = try TinyConfiguration(type, ["auto_map": map]).read()
        #expect(description.remarks == [Self.remark])
        #expect(try description.architecture == architecture(type))
    }

    @Test(
        "other classes are refused, since they may compute another model",
        arguments: [
            ("qwen2", "modeling_qwen.Qwen2ForCausalLM"), ("llama", "modeling_llama.LlamaBiModel"),
            ("llama", "modeling_own.LlamaForCausalLM"), ("llama", "LlamaForCausalLM"),
            ("llama", "modeling_llama.a.LlamaForCausalLM"), ("mistral", "modeling_llama.LlamaForCausalLM"),
        ]
    )
    func other(type: String, reference: String) throws {
        let map = #"{"AutoModelForCausalLM":"\#(reference)"}"#
        try TinyConfiguration(type, ["auto_map": map]).expectRefusal(
            "auto_map = \(map) is not supported, because it may change what the model computes; "
                + "delete the key if it does not"
        )
    }

    @Test(
        "probabilities of dropout are remarked upon in every family",
        arguments: ["llama", "gpt_neox", "gemma3_text"],
        ["attention_probs_dropout_prob", "hidden_dropout_prob", "resid_pdrop"]
    )
    func dropout(type: String, key: String) throws {
        let description = try TinyConfiguration(type, [key: "0.1"]).read()
        #expect(description.remarks == ["\(key) = 0.1 is not applied: training and scoring use no dropout"])
        #expect(try architecture(type, [key: "0", "custom_pipelines": "{}"]) == architecture(type))
    }

    @Test("a YaRN that is called finetuned is that of transformers")
    func finetuned() throws {
        let yarn = #"{"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64"#
        let model = try architecture("llama", ["rope_scaling": yarn + #", "finetuned": true}"#])
        #expect(try model == architecture("llama", ["rope_scaling": yarn + "}"]))
        try TinyConfiguration("llama", ["rope_scaling": yarn + #", "finetuned": false}"#])
            .expectRefusal("rope_scaling.finetuned = false is not supported; supported: true or absent")
    }
}
