extension ForeignSettings {
    /// Names, separated by spaces, and their remedy, in which `{key}` is a setting of this program.
    static let table: [(names: String, remedy: String)] = batches + data + model + numbers + losses + run + machine

    private static let batches: [(names: String, remedy: String)] = [
        (
            "per_device_train_batch_size per_gpu_train_batch_size train_batch_size batch_size micro_batch_size "
                + "gradient_accumulation_steps gradient_accumulation auto_find_batch_size",
            "use {global_batch_size}, the examples of a step over all ranks; {row_tokens} limits the memory"
        ),
        (
            "per_device_eval_batch_size per_gpu_eval_batch_size eval_batch_size eval_accumulation_steps "
                + "precompute_ref_batch_size eval_packing",
            "remove it: {row_tokens} limits the memory of every pass"
        ),
        (
            "pad_token padding_value label_pad_token_id padding_free pad_to_multiple_of packing group_by_length "
                + "length_column_name use_logits_to_keep use_num_logits_to_keep",
            "remove it: sequences are packed without padding, up to {row_tokens} tokens"
        ),
    ]

    private static let data: [(names: String, remedy: String)] = [
        (
            "max_length max_seq_length max_seq_len max_sequence_length cutoff_len model_max_length",
            "truncate when the data is prepared: espalier-prepare --max-length"
        ),
        ("max_prompt_length", "truncate when the data is prepared: espalier-prepare --max-prompt-length"),
        (
            "max_completion_length max_target_length max_response_length",
            "truncate when the data is prepared: espalier-prepare --max-length, which includes the prompt"
        ),
        ("truncation_mode", "truncate when the data is prepared: espalier-prepare --truncation-mode"),
        ("tools", "prepare the data with espalier-prepare --tools"),
        ("chat_template_kwargs", "prepare the data with espalier-prepare --chat-template-kwargs"),
        (
            "chat_template template",
            "the model's own chat template is used: put it into the model directory, and prepare the data again"
        ),
        (
            "dataset_name dataset dataset_path dataset_config dataset_config_name dataset_split dataset_train_split "
                + "train_dataset train_data training_data train_file train_split dataset_mixer datasets",
            "prepare the dataset with espalier-prepare --data NAME, and use its output as {data}"
        ),
        (
            "eval_dataset dataset_test_split eval_file validation_file validation_split test_file eval_split",
            "prepare the dataset with espalier-prepare --data NAME --split SPLIT, and use its output as {eval_data}"
        ),
        (
            "dataloader_num_workers dataloader_pin_memory dataloader_drop_last dataloader_prefetch_factor "
                + "dataloader_persistent_workers preprocessing_num_workers dataset_num_proc remove_unused_columns "
                + "dataset_kwargs streaming dataset_streaming split_batches label_names skip_prepare_dataset",
            "remove it: espalier-prepare tokenizes the data once, and a run reads it at once"
        ),
        ("data_seed", "use {seed}"),
    ]

    private static let model: [(names: String, remedy: String)] = [
        (
            "model_name_or_path model_name model_path model_id base_model pretrained_model_name_or_path",
            "use {model} with a local directory; hf download ORG/NAME --local-dir DIR fetches a model"
        ),
        (
            "model_revision revision cache_dir tokenizer_name tokenizer_name_or_path use_fast_tokenizer "
                + "model_init_kwargs",
            "remove it: {model} is a local directory with its tokenizer"
        ),
        ("trust_remote_code", "remove it: code of a model is never executed"),
        (
            "ref_model ref_model_name_or_path ref_model_init_kwargs precompute_ref_log_probs",
            "remove it: the reference is the initial model, computed in advance; {reference_cache} keeps the result"
        ),
        ("reference_free", "use {loss_type} with a loss that needs no reference: simpo, cpo, orpo or sft"),
        (
            "sync_ref_model ref_model_mixup_alpha ref_model_sync_steps",
            "not supported: the reference stays the initial model; remove it"
        ),
        ("disable_dropout", "remove it: dropout is never applied"),
        ("is_encoder_decoder", "not supported: models are decoders; remove it"),
    ]

    private static let numbers: [(names: String, remedy: String)] = [
        (
            "bf16 fp16 tf32 bf16_full_eval fp16_full_eval half_precision_backend mixed_precision pure_bf16",
            "use {precision} with auto or bfloat16 for products in bfloat16; {dtype} is the type of weights in memory"
        ),
        (
            "load_in_4bit load_in_8bit quantization_bit quantization_config bnb_4bit_quant_type "
                + "bnb_4bit_compute_dtype bnb_4bit_use_double_quant use_bnb_nested_quant",
            "not supported: weights are not quantized; remove it, or set {dtype} to bfloat16 for weights in 16 bits"
        ),
        (
            "freeze_layers freeze_trainable_layers",
            "not supported: a model is trained as a whole, or by an adapter with {use_peft}; remove it"
        ),
        (
            "ref_adapter_name force_use_ref_model",
            "remove it: the reference of a new adapter is the model without it, that of {adapter} its start"
        ),
        (
            "lora_target_parameters target_parameters trainable_token_indices lora_exclude_modules exclude_modules",
            "not supported: adapters are of the linear layers in {lora_target_modules}; remove it"
        ),
        ("lora_bias", "not supported: biases are not trained with an adapter; remove it"),
        ("init_lora_weights", "remove it: A starts with random numbers, B with zeros"),
        ("target_modules", "use {lora_target_modules}"),
        ("r", "use {lora_r}"),
        ("torch_dtype model_dtype", "use {dtype}"),
        ("use_lora lora peft_config finetuning_type", "use {use_peft}, with {lora_r} and {lora_alpha}"),
        ("lora_rank", "use {lora_r}"),
        ("lora_target", "use {lora_target_modules}"),
        ("lora_modules_to_save", "use {modules_to_save}"),
        ("lora_rank_pattern", "use {rank_pattern}"),
        ("lora_alpha_pattern", "use {alpha_pattern}"),
        ("adapter_name_or_path model_adapter_name peft_model_id", "use {adapter} with a directory"),
        ("lora_task_type", "remove it: models are causal language models"),
        (
            "attn_implementation flash_attn use_flash_attention_2 use_liger_kernel use_liger_loss use_unsloth "
                + "liger_kernel_config torch_compile torch_compile_backend torch_compile_mode jit_mode_eval",
            "remove it: attention and products have kernels of their own"
        ),
        (
            "gradient_checkpointing_kwargs use_reentrant_gc activation_offloading",
            "use {gradient_checkpointing} alone"
        ),
        (
            "optim optimizer optim_args optim_target_modules adafactor",
            "remove it: the optimizer is AdamW, with {learning_rate}, {weight_decay}, {adam_beta1}, {adam_beta2} and "
                + "{adam_epsilon}"
        ),
        ("beta1 adam_beta_1", "use {adam_beta1}"),
        ("beta2 adam_beta_2", "use {adam_beta2}"),
        ("eps epsilon adam_eps", "use {adam_epsilon}"),
        ("wd", "use {weight_decay}"),
        ("lr", "use {learning_rate}"),
        ("lr_scheduler scheduler lr_schedule", "use {lr_scheduler_type}"),
        ("lr_scheduler_kwargs", "not supported; remove it"),
        ("max_gradient_norm gradient_clip_val gradient_clipping clip_grad clip_grad_norm", "use {max_grad_norm}"),
    ]

    private static let losses: [(names: String, remedy: String)] = [
        ("loss loss_fn dpo_loss pref_loss", "use {loss_type}"),
        ("pref_beta dpo_beta kl_coef", "use {beta}"),
        ("label_smoothing_factor dpo_label_smoothing", "use {label_smoothing}"),
        ("rpo_alpha pref_ftx sft_weight", "add sft to {loss_type}, with this weight in {loss_weights}"),
        ("gamma", "use {simpo_gamma}"),
        (
            "gamma_beta_ratio",
            "use {simpo_gamma}, the margin itself: the ratio multiplied by {beta}"
        ),
        (
            "desirable_weight undesirable_weight kto_chosen_weight kto_rejected_weight",
            "KTO is not supported: a loss compares the responses to a prompt; remove it"
        ),
        (
            "generate_during_eval neftune_noise_alpha base_model_attribute_name",
            "not supported; remove it"
        ),
    ]

    private static let run: [(names: String, remedy: String)] = [
        ("output_dir out_dir save_dir", "use {output}"),
        ("overwrite_output_dir", "remove it: a new run replaces the model in {output}"),
        ("epochs num_epochs n_epochs num_train_epoch", "use {num_train_epochs}"),
        ("steps num_steps max_train_steps total_steps num_training_steps", "use {max_steps}"),
        (
            "eval_strategy evaluation_strategy do_eval eval_delay",
            "remove it: {eval_data} turns evaluation on, at the end and every {eval_steps} steps"
        ),
        ("do_train do_predict", "remove it: train trains, and evaluate evaluates"),
        (
            "save_strategy",
            "remove it: {save_steps} sets the interval of checkpoints; the model is written at the end"
        ),
        ("save_safetensors", "remove it: models are written as safetensors"),
        (
            "save_only_model save_on_each_node",
            "remove it: a checkpoint holds what a resumed run needs; without {save_steps} there is only the model"
        ),
        ("resume", "use {resume_from_checkpoint}"),
        ("ignore_data_skip", "remove it: a resumed run continues after the examples of its checkpoint"),
        ("patience early_stopping", "use {early_stopping_patience}"),
        (
            "logging_strategy logging_first_step log_steps log_interval logging_interval",
            "use {logging_steps}, the interval of the lines in metrics.jsonl"
        ),
        (
            "run_name logging_dir log_level log_level_replica disable_tqdm wandb_project wandb_run_name "
                + "trackio_space_id project include_tokens_per_second include_num_input_tokens_seen",
            "remove it: metrics are written to metrics.jsonl in {output}, under TRL's names"
        ),
        (
            "push_to_hub push_to_hub_model_id push_to_hub_organization push_to_hub_token hub_model_id hub_token "
                + "hub_strategy hub_private_repo hub_revision hub_always_push",
            "remove it: after the run, upload the directory {output} with: hf upload ORG/NAME DIR"
        ),
    ]

    private static let machine: [(names: String, remedy: String)] = [
        (
            "deepspeed fsdp fsdp_config fsdp_transformer_layer_cls_to_wrap accelerator_config parallelism_config "
                + "ddp_backend ddp_find_unused_parameters ddp_broadcast_buffers local_rank nproc_per_node "
                + "num_processes num_machines nnodes world_size np",
            "remove it: mpirun starts the ranks, or espalier launch on several hosts"
        ),
        ("ddp_timeout", "use {stall_timeout}"),
        (
            "use_cpu no_cuda use_mps_device use_ipex device device_map gpus num_gpus n_gpu",
            "remove it: runs on CPUs"
        ),
        ("num_threads num_workers omp_num_threads cpu_threads", "use {threads}"),
        (
            "full_determinism",
            "remove it: runs on the same ranks and threads are identical bit by bit, with {shards} on others too"
        ),
    ]
}
