internal import Collectives
internal import Configuration
internal import Formats
internal import Objectives
internal import Preferences
internal import SystemPackage
internal import TestSupport
internal import Testing

/// The settings of a run: reading a file, and refusals.
struct TrainingConfigurationTests {
    private func read(_ yaml: String, from directory: FilePath) throws -> TrainingConfiguration {
        let path = directory.appending("run.yaml")
        try AtomicFile.write(to: path) { try $0.append(yaml) }
        return try TrainingConfiguration(yaml: path)
    }

    /// The refusal of a file, without the path in front of it.
    private func refusal(_ yaml: String) throws -> String? {
        try Places.temporary { directory in
            let error = #expect(throws: FormatError.self) { try read(yaml, from: directory) }
            #expect(error.map { "\($0)" == "\(directory)/run.yaml: \($0.message)" } == true)
            return error?.message
        }
    }

    @Test("a file without settings is refused", arguments: ["", "\n\n", "# beta: 1"])
    func withoutSettings(text: String) throws {
        let expected = "expected settings, found none; add a setting, or write {} for the defaults"
        #expect(try refusal(text) == expected)
    }

    @Test("a file with an empty mapping gives TRL's defaults")
    func defaults() throws {
        let settings = try Places.temporary { try read("{}", from: $0) }
        #expect(settings == TrainingConfiguration())
        #expect(settings.objective.beta == 0.1 && settings.objective.lossType == ["sigmoid"])
        #expect(settings.objective.labelSmoothing == 0 && settings.learningRate == 1e-6)
        #expect(settings.lrSchedulerType == .linear && settings.adamBeta1 == 0.9 && settings.adamBeta2 == 0.999)
        #expect(settings.adamEpsilon == 1e-8 && settings.weightDecay == 0 && settings.maxGradNorm == 1)
        #expect(settings.warmupRatio == 0 && settings.maxSteps == -1)
    }

    /// Every setting, with a value other than its default.
    private static let differentValues = [
        "model: m", "data: d", "output: o", "beta: 0.25", "loss_type: [ipo, sft]", "loss_weights: [1, 0.5]",
        "f_divergence_type: alpha_divergence",
        "f_alpha_divergence_coef: 0.75", "use_weighting: true", "ld_alpha: 0.375", "simpo_gamma: 1.5",
        "cpo_alpha: 2",
        "discopop_tau: 0.5", "pairs: all", "learning_rate: 5.0e-7",
        "lr_scheduler_type: constant_with_warmup", "warmup_ratio: 0.125", "warmup_steps: 6", "max_steps: 7",
        "num_train_epochs: 2.5",
        "global_batch_size: 12", "max_grad_norm: 3", "weight_decay: 0.5", "adam_beta1: 0.75", "adam_beta2: 0.875",
        "adam_epsilon: 1e-6", "label_smoothing: 0.0625", "seed: \(UInt64.max)", "shuffle: false",
        "group_by_prompt: true",
        "logging_steps: 5", "report_to: tensorboard",
        "sharing: prompt", "row_tokens: 99", "threads: 3", "reference_cache: c",
        "gradient_checkpointing: true", "self_check: 2", "eval_data: e", "eval_steps: 4", "eval_on_start: true",
        "load_best_model_at_end: true", "metric_for_best_model: entropy", "greater_is_better: false",
        "early_stopping_patience: 6", "early_stopping_threshold: 0.5", "max_skipped: 3", "save_steps: 9",
        "save_total_limit: 2", "resume_from_checkpoint: auto", "balance: measured", "shards: 16",
        "collective: halving", "reduce_dtype: bfloat16", "ddp_bucket_cap_mb: 12.5", "overlap_comm: false",
        "rank_check_steps: 3", "rollback_on_spike: 3.5", "stall_timeout: 90", "save_dtype: float16",
        "dtype: bfloat16", "precision: bfloat16", "use_peft: true", "adapter: a", "lora_r: 4", "lora_alpha: 6.5",
        "lora_dropout: 0.05",
        "lora_target_modules: [q_proj, v_proj]", "modules_to_save: lm_head", "ensure_weight_tying: true",
        "use_rslora: true", "use_dora: true", "rank_pattern: {q_proj: 3}", "alpha_pattern: {v_proj: 1.5}",
    ]

    @Test("every key of a file overrides only its own default")
    func overrides() throws {
        var expected = TrainingConfiguration()
        expected.model = "m"
        expected.data = "d"
        expected.output = "o"
        expected.objective.beta = 0.25
        expected.objective.lossType = ["ipo", "sft"]
        expected.objective.lossWeights = [1, 0.5]
        expected.objective.fDivergenceType = .alpha
        expected.objective.fAlphaDivergenceCoef = 0.75
        expected.objective.useWeighting = true
        expected.objective.ldAlpha = 0.375
        expected.objective.simpoGamma = 1.5
        expected.objective.cpoAlpha = 2
        expected.objective.discopopTau = 0.5
        expected.pairs = .all
        expected.learningRate = 5e-7
        expected.lrSchedulerType = .constantWithWarmup
        expected.warmupRatio = 0.125
        expected.warmupSteps = 6
        expected.maxSteps = 7
        expected.numTrainEpochs = 2.5
        expected.globalBatchSize = 12
        expected.maxGradNorm = 3
        expected.weightDecay = 0.5
        expected.adamBeta1 = 0.75
        expected.adamBeta2 = 0.875
        expected.adamEpsilon = 1e-6
        expected.objective.labelSmoothing = 0.0625
        expected.seed = .max
        expected.shuffle = false
        expected.groupByPrompt = true
        expected.loggingSteps = 5
        expected.reportTo = ["tensorboard"]
        expected.sharing = .prompt
        expected.rowTokens = 99
        expected.threads = 3
        expected.gradientCheckpointing = true
        expected.referenceCache = "c"
        expected.selfCheck = 2
        expected.maxSkipped = 3
        expected.saving.saveSteps = 9
        expected.saving.saveTotalLimit = 2
        expected.saving.resumeFromCheckpoint = "auto"
        expected.saving.rollbackOnSpike = 3.5
        expected.saving.stallTimeout = 90
        expected.saving.saveDType = .float16
        expected.evaluation.evalData = "e"
        expected.evaluation.evalSteps = 4
        expected.evaluation.evalOnStart = true
        expected.evaluation.loadBestModelAtEnd = true
        expected.evaluation.metricForBestModel = "entropy"
        expected.evaluation.greaterIsBetter = false
        expected.evaluation.earlyStoppingPatience = 6
        expected.evaluation.earlyStoppingThreshold = 0.5
        expected.balance = .measured
        expected.precision = .bfloat16
        expected.communication.shards = 16
        expected.communication.collective = .halving
        expected.communication.reduceDType = .bfloat16
        expected.communication.bucketMiB = 12.5
        expected.communication.overlaps = false
        expected.communication.rankCheckSteps = 3
        expected.dtype = .bfloat16
        expected.adapter.usePEFT = true
        expected.adapter.adapter = "a"
        expected.adapter.rank = 4
        expected.adapter.alpha = 6.5
        expected.adapter.dropout = 0.05
        expected.adapter.targetModules = ["q_proj", "v_proj"]
        expected.adapter.modulesToSave = ["lm_head"]
        expected.adapter.ensureWeightTying = true
        expected.adapter.useRslora = true
        expected.adapter.useDora = true
        expected.adapter.rankPattern = ["q_proj": 3]
        expected.adapter.alphaPattern = ["v_proj": 1.5]
        try Places.temporary { directory in
            let all = try read(Self.differentValues.joined(separator: "\n"), from: directory)
            #expect(all == expected)
            #expect(try read(all.yaml(), from: directory) == expected)
            for line in Self.differentValues {
                let one = try read(line, from: directory)
                #expect(one != TrainingConfiguration(), "\(line)")
            }
        }
        #expect(Self.differentValues.count == TrainingConfiguration.knownKeys.count)
    }

    @Test("the type of weights may change where all have the same numbers: of a model under an adapter, and float32")
    func resumableType() throws {
        func configuration(_ dtype: WeightDType, usesAdapter: Bool) -> TrainingConfiguration {
            var configuration = TrainingConfiguration()
            configuration.dtype = dtype
            configuration.adapter.usePEFT = usesAdapter ? true : nil
            return configuration
        }
        for first in WeightDType.allCases {
            for second in WeightDType.allCases {
                let (a, b) = (configuration(first, usesAdapter: true), configuration(second, usesAdapter: true))
                #expect(try b.difference(from: a) == nil)
                let (c, d) = (configuration(first, usesAdapter: false), configuration(second, usesAdapter: false))
                let isSame = (first == .bfloat16) == (second == .bfloat16)
                #expect(try d.difference(from: c)?.key == (isSame ? nil : "dtype"))
            }
        }
    }

    @Test("the precision auto is that of the checkpoint")
    func resumablePrecision() throws {
        var (checkpoint, present) = (TrainingConfiguration(), TrainingConfiguration())
        for precision in [ProductPrecision.float32, .bfloat16] {
            (checkpoint.precision, present.precision) = (precision, .auto)
            #expect(try present.difference(from: checkpoint) == nil)
        }
        (checkpoint.precision, present.precision) = (.float32, .bfloat16)
        #expect(try present.difference(from: checkpoint)?.key == "precision")
    }

    @Test("a resumed run may change the listed settings and no others", arguments: differentValues)
    func resumable(line: String) throws {
        try Places.temporary { directory in
            let (checkpoint, present) = (TrainingConfiguration(), try read(line, from: directory))
            let key = try #require(line.split(separator: ":").first.map(String.init))
            let difference = try present.difference(from: checkpoint)
            let mayChange = [
                "model", "data", "output", "reference_cache", "sharing", "row_tokens", "threads", "balance",
                "gradient_checkpointing", "self_check", "logging_steps", "report_to", "max_skipped", "save_steps",
                "save_total_limit", "resume_from_checkpoint", "rollback_on_spike", "stall_timeout", "save_dtype",
                "shards",
                "collective", "ddp_bucket_cap_mb", "overlap_comm", "rank_check_steps",
            ]
            // Any setting of an adapter starts one, and the first difference is reported.
            let first = key == "use_rslora" ? "use_peft" : key
            #expect(difference?.key == (mayChange.contains(key) ? nil : first))
            #expect(try present.difference(from: present) == nil)
            #expect(try checkpoint.difference(from: present)?.key == difference?.key)
        }
    }

    @Test("a difference names the setting, the checkpoint's value and the present one; in lists the order matters")
    func differences() throws {
        var (checkpoint, present) = (TrainingConfiguration(), TrainingConfiguration())
        (checkpoint.objective.lossType, checkpoint.objective.lossWeights) = (["ipo", "sft"], [1, 0.25])
        present.objective = checkpoint.objective
        present.objective.lossWeights = [0.25, 1]
        func text() throws -> String? { try present.difference(from: checkpoint).map { "\($0)" } }
        #expect(try text() == "loss_weights: [1,0.25], this run has [0.25,1]")
        present.objective.lossWeights = nil
        #expect(try text() == "loss_weights: [1,0.25], this run has none")
        present.objective = checkpoint.objective
        present.objective.lossType = ["sft", "ipo"]
        #expect(try text() == #"loss_type: ["ipo","sft"], this run has ["sft","ipo"]"#)
        // Two settings with swapped values both differ.
        present.objective = checkpoint.objective
        (checkpoint.adamBeta1, checkpoint.adamBeta2) = (0.5, 0.75)
        (present.adamBeta1, present.adamBeta2) = (0.75, 0.5)
        #expect(try text() == "adam_beta1: 0.5, this run has 0.75")
        // Held-out data may be at another path.
        present = checkpoint
        (checkpoint.evaluation.evalData, present.evaluation.evalData) = ("a", "b")
        #expect(try text() == nil)
        present.evaluation.evalData = nil
        #expect(try text() == #"eval_data: "given", this run has none"#)
    }

    @Test("the example for clusters names every setting with its default")
    func example() throws {
        var settings = try TrainingConfiguration(yaml: Places.repository.appending("cluster-configs/train.yaml"))
        try settings.validate()
        #expect(!settings.model.isEmpty && !settings.data.isEmpty && !settings.output.isEmpty)
        #expect(settings.referenceCache != nil)
        (settings.model, settings.data, settings.output, settings.referenceCache) = ("", "", "", nil)
        // Settings without a default have their meaning instead.
        let evaluation = settings.evaluation
        #expect(evaluation.evalData != nil && evaluation.evalSteps != nil && evaluation.earlyStoppingPatience != nil)
        #expect(evaluation.greaterIsBetter != nil)
        (settings.evaluation.evalData, settings.evaluation.evalSteps) = (nil, nil)
        (settings.evaluation.greaterIsBetter, settings.evaluation.earlyStoppingPatience) = (nil, nil)
        let saving = settings.saving
        #expect(saving.saveSteps != nil && saving.saveTotalLimit != nil && saving.resumeFromCheckpoint == "auto")
        #expect(saving.stallTimeout == SavingSettings().stallTimeout && saving.saveDType == SavingSettings().saveDType)
        settings.saving = SavingSettings()
        #expect(settings == TrainingConfiguration())
    }

    @Test(
        "an unknown key or a value of the wrong type is refused in one line",
        arguments: [
            ("learning_rat: 1", "line 1: unknown key learning_rat; did you mean learning_rate?"),
            ("beta: 1\nlearningRate: 1", "line 2: unknown key learningRate; did you mean learning_rate?"),
            ("per_host_batch: 8", "line 1: unknown key per_host_batch"),
            ("sharing: tree", "sharing: expected one of none, prompt, prefix, any, found tree"),
            (
                "lr_scheduler_type: cosin",
                "lr_scheduler_type: expected one of linear, cosine, constant, constant_with_warmup, found cosin"
            ),
            ("sharing: [none]", "sharing: expected one value, found a list"),
            ("learning_rate: fast", "learning_rate: expected a number, found fast"),
            ("max_steps: 1.5", "max_steps: expected a whole number, found 1.5"),
            ("seed: -1", "seed: expected a whole number, at least 0, found -1"),
            ("shuffle: maybe", "shuffle: expected true or false, found maybe"),
            ("loss_type: {}", "loss_type: expected one value, found a mapping"),
            ("loss_weights: [1, x]", "loss_weights[1]: expected a number, found x"),
            ("loss_weights: 1", "loss_weights: expected a list, found 1"),
            (
                "f_divergence_type: kl",
                "f_divergence_type: expected one of reverse_kl, forward_kl, js_divergence, alpha_divergence, found kl"
            ),
            ("pairs: best", "pairs: expected one of all, best-vs-rest, best-vs-worst, found best"),
            ("lossweights: [1]", "line 1: unknown key lossweights; did you mean loss_weights?"),
            ("eval_step: 5", "line 1: unknown key eval_step; did you mean eval_steps?"),
            ("eval_steps: 0.1", "eval_steps: expected a whole number, found 0.1"),
            ("resume: auto", "line 1: unknown key resume; use resume_from_checkpoint"),
            ("save_step: 5", "line 1: unknown key save_step; did you mean save_steps?"),
        ]
    )
    func refusals(yaml: String, message: String) throws {
        #expect(try refusal(yaml) == message)
    }

    /// A change that puts one setting out of range, and its error message.
    struct Mistake: Sendable, CustomTestStringConvertible {
        let message: String
        let change: @Sendable (inout TrainingConfiguration) -> Void

        init(_ message: String, _ change: @escaping @Sendable (inout TrainingConfiguration) -> Void) {
            self.message = message
            self.change = change
        }

        var testDescription: String { message }
    }

    private static let mistakes = [
        Mistake("model must be given; add --model, or the key to the file of --config") { $0.model = "" },
        Mistake("data must be given; add --data, or the key to the file of --config") { $0.data = "" },
        Mistake("learning_rate must be a finite number above 0, found 0.0") { $0.learningRate = 0 },
        Mistake("learning_rate must be a finite number above 0, found inf") { $0.learningRate = .infinity },
        Mistake("learning_rate must be a finite number above 0, found nan") { $0.learningRate = .nan },
        Mistake(
            "max_grad_norm must be 0 for no clipping, or above 0 in float32, or the run would learn nothing, found 1e-300"
        ) { $0.maxGradNorm = 1e-300 },
        Mistake("warmup_ratio must be from 0 to 1, found 1.5") { $0.warmupRatio = 1.5 },
        Mistake("warmup_ratio must be from 0 to 1, found nan") { $0.warmupRatio = .nan },
        Mistake("warmup_steps must be a whole number of steps, or a fraction of the run below 1, found -1.0") {
            $0.warmupSteps = -1
        },
        Mistake("warmup_steps must be a whole number of steps, or a fraction of the run below 1, found 1.5") {
            $0.warmupSteps = 1.5
        },
        Mistake("warmup_steps must be a whole number of steps, or a fraction of the run below 1, found nan") {
            $0.warmupSteps = .nan
        },
        Mistake("max_steps must be from 1 to 2^40, or -1, found 0") { $0.maxSteps = 0 },
        Mistake("max_steps must be from 1 to 2^40, or -1, found -2") { $0.maxSteps = -2 },
        Mistake("num_train_epochs must be above 0, at most 1000000, found -1.0") { $0.numTrainEpochs = -1 },
        Mistake("global_batch_size must be from 1 to 2^30, found 0") { $0.globalBatchSize = 0 },
        Mistake("max_grad_norm must be at least 0, found -1.0") { $0.maxGradNorm = -1 },
        Mistake("max_grad_norm must be at least 0, found inf") { $0.maxGradNorm = .infinity },
        Mistake("weight_decay must be at least 0, found -0.5") { $0.weightDecay = -0.5 },
        Mistake("adam_beta1 must be at least 0, below 1, found 1.0") { $0.adamBeta1 = 1 },
        Mistake("adam_beta2 must be at least 0, below 1, found -0.1") { $0.adamBeta2 = -0.1 },
        Mistake("adam_epsilon must be a finite number above 0, found 0.0") { $0.adamEpsilon = 0 },
        Mistake("logging_steps must be at least 1, found 0") { $0.loggingSteps = 0 },
        Mistake("row_tokens must be from 1 to 2^24, found 0") { $0.rowTokens = 0 },
        Mistake("row_tokens must be from 1 to 2^24, found 16777217") { $0.rowTokens = 1 << 24 + 1 },
        Mistake("threads must be from 0 to 1024, found -1") { $0.threads = -1 },
        Mistake("threads must be from 0 to 1024, found 1025") { $0.threads = 1025 },
        Mistake("beta must be a finite number above 0, found 0.0") { $0.objective.beta = 0 },
        Mistake(
            "label_smoothing must be omitted with hinge, found 0.25; remove it, or use a loss with this setting: sigmoid, "
                + "exo_pair, robust, aot, aot_unpaired, simpo, cpo"
        ) {
            ($0.objective.lossType, $0.objective.labelSmoothing) = (["hinge"], 0.25)
        },
        Mistake("self_check must be at least 0, found -1") { $0.selfCheck = -1 },
        Mistake("max_skipped must be at least 0, found -1") { $0.maxSkipped = -1 },
        Mistake("shards must be a power of two up to 2^20, found 0") { $0.communication.shards = 0 },
        Mistake("shards must be a power of two up to 2^20, found 12") { $0.communication.shards = 12 },
        Mistake("ddp_bucket_cap_mb must be above 0, at most 1024, found 0.0") { $0.communication.bucketMiB = 0 },
        Mistake("ddp_bucket_cap_mb must be above 0, at most 1024, found nan") { $0.communication.bucketMiB = .nan },
        Mistake("rank_check_steps must be at least 0, found -1") { $0.communication.rankCheckSteps = -1 },
        Mistake("save_steps must be at least 1, or omitted for no checkpoints, found 0") { $0.saving.saveSteps = 0 },
        Mistake("save_total_limit must be at least 1, or omitted for no limit, found 0") {
            $0.saving.saveTotalLimit = 0
        },
        Mistake("resume_from_checkpoint must be auto or a checkpoint's directory, found nothing") {
            $0.saving.resumeFromCheckpoint = ""
        },
        Mistake("eval_data must be a file that espalier-prepare wrote, found nothing") { $0.evaluation.evalData = "" },
        Mistake("early_stopping_patience must be at least 1, found 0") {
            ($0.evaluation.evalData, $0.evaluation.earlyStoppingPatience) = ("e", 0)
        },
        Mistake("early_stopping_threshold must be at least 0, found -1.0") {
            ($0.evaluation.evalData, $0.evaluation.earlyStoppingPatience) = ("e", 1)
            $0.evaluation.earlyStoppingThreshold = -1
        },
    ]

    @Test("a setting out of range is refused by name, with what is expected and found", arguments: mistakes)
    func ranges(mistake: Mistake) throws {
        var settings = TrainingConfiguration()
        (settings.model, settings.data, settings.output) = ("m", "d", "o")
        try settings.validate()
        mistake.change(&settings)
        let error = #expect(throws: (any Error).self) { try settings.validate() }
        #expect(error.map { "\($0)" } == mistake.message)
    }

    @Test("the ends of every range are allowed")
    func ends() throws {
        var settings = TrainingConfiguration()
        (settings.model, settings.data, settings.output) = ("m", "d", "o")
        (settings.warmupRatio, settings.maxSteps, settings.maxGradNorm) = (1, 1, 0)
        (settings.adamBeta1, settings.adamBeta2, settings.rowTokens, settings.threads) = (0, 0, 1 << 24, 1024)
        (settings.globalBatchSize, settings.loggingSteps) = (1, 1)
        try settings.validate()
    }
}
