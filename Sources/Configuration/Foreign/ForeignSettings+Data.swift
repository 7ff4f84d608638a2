// The table of settings, first part: the examples of a step, and how data is prepared.

extension ForeignSettings {
    static let batches: [ForeignSetting] = [
        .translated(
            "per_device_train_batch_size gradient_accumulation_steps",
            "use {global_batch_size}, the examples of a step over all ranks; {row_tokens} limits the memory"
        ),
        .refused(
            "per_gpu_train_batch_size train_batch_size batch_size micro_batch_size gradient_accumulation "
                + "auto_find_batch_size",
            "use {global_batch_size}, the examples of a step over all ranks; {row_tokens} limits the memory"
        ),
        .ignored(
            "per_device_eval_batch_size per_gpu_eval_batch_size eval_batch_size eval_accumulation_steps "
                + "precompute_ref_batch_size eval_packing",
            "remove it: {row_tokens} limits the memory of every pass"
        ),
        .ignored(
            "pad_token padding_value label_pad_token_id padding_free pad_to_multiple_of length_column_name "
                + "use_logits_to_keep use_num_logits_to_keep",
            "remove it: sequences are packed without padding, up to {row_tokens} tokens"
        ),
        .refused(
            "packing neat_packing group_by_length sortish_sampler",
            "remove it: sequences are packed without padding, up to {row_tokens} tokens"
        ),
        .translated("train_sampling_strategy", "use {shuffle}; the order of an epoch depends on {seed} alone"),
        .refused(
            "dataloader_drop_last",
            "remove it: the last step of an epoch takes the examples that are left"
        ),
        .refused("split_batches", "use {global_batch_size}, the examples of a step over all ranks"),
    ]

    static let data: [ForeignSetting] = [
        .prepared(
            "max_length max_seq_length max_seq_len max_sequence_length cutoff_len model_max_length",
            "truncate when the data is prepared: espalier-prepare --max-length"
        ),
        .prepared("max_prompt_length", "truncate when the data is prepared: espalier-prepare --max-prompt-length"),
        .prepared(
            "max_completion_length max_target_length max_response_length",
            "truncate when the data is prepared: espalier-prepare --max-length, which includes the prompt"
        ),
        .prepared("truncation_mode", "truncate when the data is prepared: espalier-prepare --truncation-mode"),
        .refused("tools", "prepare the data with espalier-prepare --tools"),
        .refused("chat_template_kwargs", "prepare the data with espalier-prepare --chat-template-kwargs"),
        .prepared("enable_thinking", "prepare the data with espalier-prepare --chat-template-kwargs"),
        .prepared(
            "chat_template template",
            "the model's own chat template is used: put it into the model directory, and prepare the data again"
        ),
        .prepared(
            "dataset_name dataset dataset_dir dataset_config dataset_split dataset_train_split dataset_mixer "
                + "dataset_mixture dataset_splits dataset_configs datasets max_samples",
            "prepare the dataset with espalier-prepare --data NAME, and use its output as {data}"
        ),
        .refused(
            "dataset_path dataset_config_name train_dataset train_data training_data train_file train_split",
            "prepare the dataset with espalier-prepare --data NAME, and use its output as {data}"
        ),
        .prepared(
            "eval_dataset dataset_test_split val_size test_split_size",
            "prepare the dataset with espalier-prepare --data NAME --split SPLIT, and use its output as {eval_data}"
        ),
        .refused(
            "eval_file validation_file validation_split test_file eval_split",
            "prepare the dataset with espalier-prepare --data NAME --split SPLIT, and use its output as {eval_data}"
        ),
        .ignored(
            "dataloader_num_workers dataloader_pin_memory dataloader_prefetch_factor dataloader_persistent_workers "
                + "dataloader_multiprocessing_context dataloader_in_order preprocessing_num_workers "
                + "preprocessing_batch_size dataset_num_proc remove_unused_columns dataset_kwargs streaming "
                + "dataset_streaming label_names skip_prepare_dataset buffer_size overwrite_cache tokenized_path "
                + "media_dir data_shared_file_system text_column",
            "remove it: espalier-prepare tokenizes the data once, and a run reads it at once"
        ),
        .refused(
            "mix_strategy interleave_probs",
            "prepare the sources with espalier-prepare --data A B --weights 1 0.5",
            neutral: ["\"concat\""]
        ),
        .refused(
            "default_system system_prompt tool_format train_on_prompt mask_history preserve_thinking truncation_side",
            "not supported; write it into the data, or into the model's chat template, and remove it"
        ),
        .refused(
            "ignore_pad_token_for_loss auto_insert_empty_system_msg",
            "not supported; write it into the data, and remove it",
            neutral: ["true"]
        ),
        .translated("data_seed", "use {seed}"),
        .translated("disable_shuffling", "use {shuffle}"),
    ]
}
