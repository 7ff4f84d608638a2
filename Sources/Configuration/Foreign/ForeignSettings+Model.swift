// The table of settings, second part: the model, its adapter and its numbers.

extension ForeignSettings {
    static let model: [ForeignSetting] = [
        .renamed(
            "model_name_or_path",
            "model",
            "use {model} with a local directory; hf download ORG/NAME --local-dir DIR fetches a model"
        ),
        .refused(
            "model_name model_path model_id base_model pretrained_model_name_or_path",
            "use {model} with a local directory; hf download ORG/NAME --local-dir DIR fetches a model"
        ),
        .refused(
            "model_revision revision base_model_revision model_code_revision model_init_kwargs tokenizer_name "
                + "tokenizer_name_or_path",
            "remove it: {model} is a local directory with its tokenizer",
            neutral: ["\"main\"", "{}"]
        ),
        .ignored("cache_dir use_fast_tokenizer", "remove it: {model} is a local directory with its tokenizer"),
        .ignored("trust_remote_code", "remove it: code of a model is never executed"),
        .translated(
            "ref_model ref_model_name_or_path",
            "remove it: the reference is the initial model, computed in advance; {reference_cache} keeps the result"
        ),
        .refused(
            "ref_model_init_kwargs ref_model_adapters ref_model_quantization_bit",
            "remove it: the reference is the initial model, computed in advance; {reference_cache} keeps the result"
        ),
        .ignored(
            "precompute_ref_log_probs",
            "remove it: the reference is the initial model, computed in advance; {reference_cache} keeps the result"
        ),
        .refused("reference_free", "use {loss_type} with a loss that needs no reference: simpo, cpo, orpo or sft"),
        .refused("sync_ref_model", "not supported: the reference stays the initial model; remove it"),
        .ignored(
            "ref_model_mixup_alpha ref_model_sync_steps",
            "not supported: the reference stays the initial model; remove it"
        ),
        .refused("disable_dropout", "remove it: dropout is never applied", neutral: ["true"]),
        .refused("is_encoder_decoder", "not supported: models are decoders; remove it"),
        .refused("router_aux_loss_coef moe_aux_loss_coef", "not supported: models have no experts; remove it"),
    ]

    static let adapters: [ForeignSetting] = [
        .refused(
            "freeze_layers freeze_language_model use_llama_pro",
            "not supported: a model is trained as a whole, or by an adapter with {use_peft}; remove it"
        ),
        .ignored(
            "freeze_*",
            "not supported: a model is trained as a whole, or by an adapter with {use_peft}; remove it"
        ),
        .refused(
            "ref_adapter_name force_use_ref_model",
            "remove it: the reference of a new adapter is the model without it, that of {adapter} its start"
        ),
        .refused(
            "lora_target_parameters target_parameters trainable_token_indices lora_exclude_modules exclude_modules",
            "not supported: adapters are of the linear layers in {lora_target_modules}; remove it"
        ),
        .refused("lora_bias", "not supported: biases are not trained with an adapter; remove it"),
        .refused(
            "init_lora_weights pissa_init",
            "remove it: A starts with random numbers, B with zeros",
            neutral: ["true", "false"]
        ),
        .ignored("pissa_iter pissa_convert", "remove it: A starts with random numbers, B with zeros"),
        .refused("loraplus_lr_ratio", "not supported: all matrices have the same {learning_rate}; remove it"),
        .ignored("loraplus_lr_embedding", "not supported: all matrices have the same {learning_rate}; remove it"),
        .refused("target_modules", "use {lora_target_modules}"),
        .refused("r", "use {lora_r}"),
        .renamed("torch_dtype", "dtype"),
        .refused("model_dtype", "use {dtype}"),
        .translated("finetuning_type", "use {use_peft}, with {lora_r} and {lora_alpha}"),
        .refused("use_lora lora peft_config", "use {use_peft}, with {lora_r} and {lora_alpha}"),
        .translated("lora_rank", "use {lora_r}"),
        .translated("lora_target", "use {lora_target_modules}"),
        .translated("lora_modules_to_save additional_target", "use {modules_to_save}"),
        .refused("lora_rank_pattern", "use {rank_pattern}"),
        .refused("lora_alpha_pattern", "use {alpha_pattern}"),
        .refused(
            "adapter_name_or_path model_adapter_name peft_model_id adapter_folder create_new_adapter",
            "use {adapter} with a directory; its start is then the reference, or that of a model from espalier merge"
        ),
        .refused(
            "lora_task_type",
            "remove it: models are causal language models",
            neutral: ["\"causal_lm\""]
        ),
        .ignored("oft_* module_dropout", "not supported: adapters are LoRA's or DoRA's; remove it"),
    ]

    static let numbers: [ForeignSetting] = [
        .translated(
            "bf16 fp16 pure_bf16",
            "use {precision} with auto or bfloat16 for products in bfloat16; {dtype} is the type of weights in memory"
        ),
        .ignored(
            "tf32 bf16_full_eval fp16_full_eval half_precision_backend mixed_precision upcast_layernorm "
                + "upcast_lmhead_output infer_dtype compute_dtype",
            "use {precision} with auto or bfloat16 for products in bfloat16; {dtype} is the type of weights in memory"
        ),
        .refused(
            "load_in_4bit load_in_8bit quantization_bit quantization_config fp8",
            "not supported: weights are not quantized; remove it, or set {dtype} to bfloat16 for weights in 16 bits"
        ),
        .ignored(
            "bnb_4bit_* use_bnb_nested_quant quantization_* double_quantization fp8_*",
            "not supported: weights are not quantized; remove it, or set {dtype} to bfloat16 for weights in 16 bits"
        ),
        .ignored(
            "attn_implementation flash_attn use_flash_attention_2 use_liger_kernel use_liger_loss use_unsloth "
                + "use_unsloth_gc enable_liger_kernel liger_kernel_config torch_compile torch_compile_backend "
                + "torch_compile_mode jit_mode_eval use_cache use_kv_cache use_v1_kernels torch_empty_cache_steps",
            "remove it: attention and products have kernels of their own"
        ),
        .ignored(
            "gradient_checkpointing_kwargs use_reentrant_gc activation_offloading activation_checkpointing "
                + "activation_checkpointing_kwargs disable_gradient_checkpointing",
            "use {gradient_checkpointing} alone"
        ),
        .translated("optim", adamW),
        .refused("optimizer optim_args optim_target_modules adafactor use_adam_mini use_muon", adamW),
        .refused("use_galore use_apollo use_badam", adamW),
        .ignored("galore_* apollo_* badam_*", adamW),
        .refused("beta1 adam_beta_1", "use {adam_beta1}"),
        .refused("beta2 adam_beta_2", "use {adam_beta2}"),
        .refused("eps epsilon adam_eps", "use {adam_epsilon}"),
        .refused("wd", "use {weight_decay}"),
        .refused("lr", "use {learning_rate}"),
        .refused("lr_scheduler scheduler lr_schedule", "use {lr_scheduler_type}"),
        .refused("lr_scheduler_kwargs", "not supported; remove it"),
        .refused(
            "max_gradient_norm gradient_clip_val gradient_clipping clip_grad clip_grad_norm",
            "use {max_grad_norm}",
            neutral: []
        ),
        .refused("neftune_noise_alpha", "not supported; remove it"),
    ]

    private static let adamW =
        "remove it: the optimizer is AdamW, with {learning_rate}, {weight_decay}, {adam_beta1}, {adam_beta2} and "
        + "{adam_epsilon}"
}
