// The table of settings, third part: the loss, the schedule of a run, the machine.

extension ForeignSettings {
    static let losses: [ForeignSetting] = [
        .translated("pref_loss", "use {loss_type}"),
        .refused("loss loss_fn dpo_loss", "use {loss_type}"),
        .translated("pref_beta", "use {beta}"),
        .refused("dpo_beta kl_coef", "use {beta}"),
        .translated("dpo_label_smoothing", "use {label_smoothing}"),
        .refused("label_smoothing_factor", "use {label_smoothing}"),
        .translated("rpo_alpha pref_ftx", "add sft to {loss_type}, with this weight in {loss_weights}"),
        .refused("sft_weight", "add sft to {loss_type}, with this weight in {loss_weights}"),
        .translated("pref_bco_weight", "add bco_pair to {loss_type}, with its weight in {loss_weights}"),
        .refused("gamma", "use {simpo_gamma}"),
        .refused(
            "gamma_beta_ratio",
            "use {simpo_gamma}, the margin itself: the ratio multiplied by {beta}"
        ),
        .refused(
            "desirable_weight undesirable_weight kto_chosen_weight kto_rejected_weight",
            "KTO is not supported: a loss compares the responses to a prompt; remove it",
            neutral: ["1", "1.0"]
        ),
        .refused("alpha", "AlphaPO is not supported; remove it, and use {loss_type} with simpo"),
        .translated("stage", "remove it: training is on preferences, with the loss of {loss_type}"),
        .ignored("generate_during_eval base_model_attribute_name", "not supported; remove it"),
    ]

    static let run: [ForeignSetting] = [
        .renamed("output_dir", "output"),
        .refused("out_dir save_dir", "use {output}"),
        .ignored("overwrite_output_dir", "remove it: a new run replaces the model in {output}"),
        .refused("epochs num_epochs n_epochs num_train_epoch", "use {num_train_epochs}", neutral: []),
        .refused("steps num_steps max_train_steps total_steps num_training_steps", "use {max_steps}", neutral: []),
        .translated(
            "eval_strategy evaluation_strategy",
            "remove it: {eval_data} turns evaluation on, at the end and every {eval_steps} steps"
        ),
        .ignored(
            "do_eval eval_delay prediction_loss_only eval_do_concat_batches eval_use_gather_object "
                + "include_for_metrics batch_eval_metrics eval_on_each_dataset compute_accuracy benchmarks",
            "remove it: {eval_data} turns evaluation on, at the end and every {eval_steps} steps"
        ),
        .ignored("do_train do_predict", "remove it: train trains, and evaluate evaluates"),
        .translated(
            "save_strategy",
            "remove it: {save_steps} sets the interval of checkpoints; the model is written at the end"
        ),
        .ignored("save_safetensors", "remove it: models are written as safetensors"),
        .ignored(
            "save_only_model save_on_each_node enable_jit_checkpoint restore_callback_states_from_checkpoint",
            "remove it: a checkpoint holds what a resumed run needs; without {save_steps} there is only the model"
        ),
        .refused("resume", "use {resume_from_checkpoint}"),
        .refused("ignore_data_skip", "remove it: a resumed run continues after the examples of its checkpoint"),
        .translated("early_stopping_steps", "use {early_stopping_patience}"),
        .refused("patience early_stopping", "use {early_stopping_patience}"),
        .ignored(
            "logging_strategy logging_first_step log_steps log_interval logging_interval",
            "use {logging_steps}, the interval of the lines in metrics.jsonl"
        ),
        .ignored(
            "run_name logging_dir log_level log_level_replica log_on_each_node logging_nan_inf_filter "
                + "disable_tqdm wandb_* trackio_* use_swanlab swanlab_* project include_tokens_per_second "
                + "include_num_input_tokens_seen include_effective_tokens_per_second plot_loss print_param_status "
                + "debug skip_memory_metrics callbacks enable_torch_profiler profiler_* profile_modules",
            "remove it: metrics are written to metrics.jsonl in {output}, under TRL's names"
        ),
        .ignored(
            "push_to_hub push_to_hub_* hub_* hf_hub_token ms_hub_token om_hub_token overwrite_hub_revision "
                + "export_*",
            "remove it: after the run, upload the directory {output} with: hf upload ORG/NAME DIR"
        ),
    ]

    static let machine: [ForeignSetting] = [
        .translated("num_processes", "remove it: mpirun starts the ranks, or espalier launch on several hosts"),
        .ignored(
            "deepspeed fsdp fsdp_config fsdp_transformer_layer_cls_to_wrap parallelism_config ddp_backend "
                + "ddp_find_unused_parameters ddp_broadcast_buffers ddp_static_graph ignore_bias_buffers "
                + "average_tokens_across_devices local_rank nproc_per_node num_machines nnodes world_size np "
                + "ray_* master_addr master_port use_hyper_parallel hyper_parallel_args use_mca use_kt kt_* "
                + "offload_folder low_cpu_mem_usage",
            "remove it: mpirun starts the ranks, or espalier launch on several hosts"
        ),
        .refused(
            "accelerator_config",
            "use {global_batch_size}, the examples of a step over all ranks; mpirun starts the ranks"
        ),
        .ignored("ddp_timeout", "use {stall_timeout}"),
        .ignored(
            "use_cpu no_cuda use_mps_device use_ipex device device_map gpus num_gpus n_gpu",
            "remove it: runs on CPUs"
        ),
        .ignored("num_threads num_workers omp_num_threads cpu_threads", "use {threads}"),
        .ignored(
            "full_determinism",
            "remove it: runs on the same ranks and threads are identical bit by bit, with {shards} on others too"
        ),
    ]

    /// What only LLaMA-Factory has, and other stages and kinds of models need.
    static let llamaFactory: [ForeignSetting] = [
        .refused(
            "resize_vocab split_special_tokens add_tokens add_special_tokens new_special_tokens_config rope_scaling "
                + "shift_attn mixture_of_depths train_from_scratch block_diag_attn",
            "not supported: a model is trained with its own tokenizer and architecture; remove it"
        ),
        .ignored("init_special_tokens", "remove it: a model is trained with its own tokenizer"),
        .refused(
            "use_dft_loss use_asft_loss use_eaft_loss",
            "not supported: training is on preferences, with the loss of {loss_type}; remove it"
        ),
        .ignored(
            "asft_alpha eaft_alpha ppo_* reward_model* predict_with_generate generation_* do_sample temperature "
                + "top_p top_k num_beams eval_num_beams max_new_tokens repetition_penalty length_penalty "
                + "skip_special_tokens infer_backend vllm_* sglang_*",
            "remove it: training is on preferences, with the loss of {loss_type}"
        ),
        .ignored(
            "image_* crop_to_patches video_* use_audio_in_video audio_*",
            "remove it: models read text"
        ),
    ]
}
