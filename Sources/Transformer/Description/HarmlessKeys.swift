internal import Formats

/// Keys of `config.json` that do not change the log-probabilities of a decoder, with any value or with some values.
///
/// `transformers` writes attributes of its base class and of generation into every full dump of a configuration, and
/// tools add their own keys; the remaining keys describe what a family computes.
enum HarmlessKeys {
    /// Whether an unread key with this value has no effect.
    static func changesNothing(_ key: String, _ value: JSONValue, in architecture: Architecture) -> Bool {
        if always.contains(key) || generation.contains(key) { return true }
        if let neutral = onlyWith[key] { return neutral.contains(value) }
        switch key {
        case "layer_types":
            let names = (0..<architecture.layerCount).map {
                architecture.kind(ofLayer: $0).isWindowed ? "sliding_attention" : "full_attention"
            }
            return value == .array(names.map { .string($0) })
        default: return false
        }
    }

    /// Names, token ids, labels, storage and bookkeeping.
    private static let always: Set<String> = [
        "_name_or_path", "_commit_hash", "architectures", "model_name", "transformers_version",
        "transformers.js_config", "bos_token_id", "eos_token_id", "pad_token_id", "sep_token_id", "cls_token_id",
        "decoder_start_token_id", "bos_token", "eos_token", "pad_token", "unk_token", "tokenizer_class", "prefix",
        "model_max_length", "max_sequence_length", "initializer_range", "torch_dtype", "dtype", "use_cache",
        "is_llama_config", "return_dict", "return_dict_in_generate", "output_attentions", "output_hidden_states",
        "output_scores", "chunk_size_feed_forward", "id2label", "label2id", "problem_type", "finetuning_task",
        "task_specific_params", "_attn_implementation", "_attn_implementation_autoset", "_attn_implementation_internal",
        "attn_implementation", "_flash_attn_2_enabled", "torchscript", "use_bfloat16", "tf_legacy_loss",
        "unsloth_fixed", "unsloth_version", "unsloth_training", "num_labels", "gradient_checkpointing", "name_or_path",
        "cache_implementation", "custom_pipelines", "experts_implementation", "_experts_implementation",
    ]

    /// Settings of generation, which full dumps of transformers 4 contain; training and scoring generate no text.
    private static let generation: Set<String> = [
        "max_length", "min_length", "do_sample", "early_stopping", "num_beams", "num_beam_groups", "diversity_penalty",
        "temperature", "top_k", "top_p", "typical_p", "repetition_penalty", "length_penalty", "no_repeat_ngram_size",
        "encoder_no_repeat_ngram_size", "bad_words_ids", "num_return_sequences", "forced_bos_token_id",
        "forced_eos_token_id", "remove_invalid_values", "exponential_decay_length_penalty", "suppress_tokens",
        "begin_suppress_tokens",
    ]

    /// Flags of every model that are true by default, and false with null: harmless if absent only.
    static let falseIfNull: Set<String> = ["is_causal"]

    /// Features of other classes of models, harmless if disabled.
    private static let onlyWith: [String: [JSONValue]] = [
        "is_decoder": [.flag(false), .flag(true)],
        "is_encoder_decoder": [.flag(false)],
        "add_cross_attention": [.flag(false)],
        "cross_attention_hidden_size": [],
        "tie_encoder_decoder": [.flag(false)],
        "pruned_heads": [.object([:])],
        "use_sliding_window": [.flag(false)],
        "is_causal": [.flag(true)],
        "pretraining_tp": [.number("1")],
        "use_mrope": [.flag(false)],
        "attention_bias": [.flag(false)],
        "mlp_bias": [.flag(false)],
        "use_qk_norm": [.flag(false)],
    ]
}
