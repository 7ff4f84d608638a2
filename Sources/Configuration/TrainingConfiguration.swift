internal import Formats
package import Objectives
package import Preferences
package import SystemPackage

/// The settings of a run, under TRL's and Hugging Face's names.
package struct TrainingConfiguration: Codable, Sendable, Equatable {
    /// A Hugging Face model directory.
    package var model = ""
    /// Prepared preferences.
    package var data = ""
    /// The directory that the trained model is written to.
    package var output = ""
    /// The objective; its keys are on the top level of a file.
    package var objective = ObjectiveSettings()
    /// Which responses of an example are compared.
    package var pairs = Pairing.bestVersusRest
    /// AdamW's peak learning rate, above 0.
    package var learningRate = 1e-6
    /// The shape of the learning rate over the run.
    package var lrSchedulerType = LearningRateSchedule.Kind.linear
    /// The fraction of steps over which the rate rises, in `[0, 1]`.
    package var warmupRatio = 0.0
    /// Optimizer steps over which the rate rises, a whole number, or below 1 a fraction of the steps; above 0 it
    /// replaces `warmupRatio`.
    package var warmupSteps = 0.0
    /// Optimizer steps, or -1 for those of `numTrainEpochs`.
    package var maxSteps = -1
    /// The number of epochs, above 0.
    package var numTrainEpochs = 1.0
    /// Examples per optimizer step over all ranks, 1 to 2³⁰.
    package var globalBatchSize = 8
    /// The norm to which gradients are clipped; 0 for no clipping.
    package var maxGradNorm = 1.0
    /// Decoupled weight decay, at least 0; norms and biases have none.
    package var weightDecay = 0.0
    /// AdamW's first decay rate, in `[0, 1)`.
    package var adamBeta1 = 0.9
    /// AdamW's second decay rate, in `[0, 1)`.
    package var adamBeta2 = 0.999
    /// AdamW's epsilon, above 0.
    package var adamEpsilon = 1e-8
    /// The seed of the order of the data.
    package var seed: UInt64 = 42
    /// Whether epochs are shuffled.
    package var shuffle = true
    /// Whether examples whose prompts extend one another are in the same step.
    package var groupByPrompt = false
    /// Steps between two lines of metrics, at least 1.
    package var loggingSteps = 1
    /// The trackers that metrics are written for in addition to `metrics.jsonl`: `tensorboard`, or none.
    package var reportTo: [String] = []
    /// Which common tokens are computed only once.
    package var sharing = Sharing.any
    /// The most tokens in a packed sequence, at least 1.
    package var rowTokens = 2048
    /// Threads of a rank; 0 for the available processors, divided by the ranks of the host.
    package var threads = 0
    /// Whether to recompute activations in the backward pass, from the layers' inputs.
    package var gradientCheckpointing = false
    /// The file that caches the reference model's log-probabilities; nil for none.
    package var referenceCache: String?
    /// How a step's work is divided over ranks.
    package var balance = Balance.planned
    /// Examples of the self-check before the first step, at least 0.
    package var selfCheck = 1
    /// Consecutive steps that may be skipped because loss or gradient is not finite, at least 0.
    package var maxSkipped = 0
    /// The type in which the model's weights are stored.
    package var dtype = WeightDType.auto
    /// The number format of the operands of products with weights.
    package var precision = ProductPrecision.float32
    /// The adapter that is trained; keys on the top level of a file.
    package var adapter = AdapterSettings()
    /// Evaluations on held-out preferences; keys on the top level of a file.
    package var evaluation = EvaluationSettings()
    /// Checkpoints; keys on the top level of a file.
    package var saving = SavingSettings()
    /// How ranks share a step; keys on the top level of a file.
    package var communication = CommunicationSettings()

    package enum CodingKeys: String, CodingKey, CaseIterable {
        case model, data, output, pairs, seed, shuffle, sharing, threads, balance, dtype, precision
        case learningRate = "learning_rate"
        case lrSchedulerType = "lr_scheduler_type"
        case warmupRatio = "warmup_ratio"
        case warmupSteps = "warmup_steps"
        case maxSteps = "max_steps"
        case numTrainEpochs = "num_train_epochs"
        case globalBatchSize = "global_batch_size"
        case maxGradNorm = "max_grad_norm"
        case weightDecay = "weight_decay"
        case adamBeta1 = "adam_beta1"
        case adamBeta2 = "adam_beta2"
        case adamEpsilon = "adam_epsilon"
        case loggingSteps = "logging_steps"
        case reportTo = "report_to"
        case rowTokens = "row_tokens"
        case groupByPrompt = "group_by_prompt"
        case gradientCheckpointing = "gradient_checkpointing"
        case referenceCache = "reference_cache"
        case selfCheck = "self_check"
        case maxSkipped = "max_skipped"
    }

    /// The defaults: TRL's for objective, optimizer and schedule; one pass over the data, every step logged.
    package init() {}

    /// All keys of a file.
    package static let knownKeys =
        CodingKeys.allCases.map(\.rawValue) + ObjectiveSettings.CodingKeys.allCases.map(\.rawValue)
        + AdapterSettings.CodingKeys.allCases.map(\.rawValue)
        + EvaluationSettings.CodingKeys.allCases.map(\.rawValue) + SavingSettings.CodingKeys.allCases.map(\.rawValue)
        + CommunicationSettings.CodingKeys.allCases.map(\.rawValue)

    /// Reads the settings of a YAML file over the defaults; unknown keys are errors.
    package init(yaml path: FilePath) throws {
        try Self.requireContent(path)
        self = try StrictYAML.decode(
            TrainingConfiguration.self,
            knownKeys: Self.knownKeys,
            from: path,
            hint: ForeignSettings.hint
        )
    }

    /// Refuses a file of blank lines and comments only, which may have been cut.
    private static func requireContent(_ path: FilePath) throws {
        let text = try MappedFile(path).withBytes { String(decoding: $0, as: UTF8.self) }
        let hasContent = text.split(whereSeparator: \.isNewline).contains { line in
            line.first { !$0.isWhitespace }.map { $0 != "#" } ?? false
        }
        guard !hasContent else { return }
        throw FormatError(path, "expected settings, found none; add a setting, or write {} for the defaults")
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        try values.read(.model, into: &model)
        try values.read(.data, into: &data)
        try values.read(.output, into: &output)
        objective = try ObjectiveSettings(from: decoder)
        try values.choose(.pairs, into: &pairs)
        try values.read(.learningRate, into: &learningRate)
        try values.choose(.lrSchedulerType, into: &lrSchedulerType)
        try values.read(.warmupRatio, into: &warmupRatio)
        try values.read(.warmupSteps, into: &warmupSteps)
        try values.read(.maxSteps, into: &maxSteps)
        try values.read(.numTrainEpochs, into: &numTrainEpochs)
        try values.read(.globalBatchSize, into: &globalBatchSize)
        try values.read(.maxGradNorm, into: &maxGradNorm)
        try values.read(.weightDecay, into: &weightDecay)
        try values.read(.adamBeta1, into: &adamBeta1)
        try values.read(.adamBeta2, into: &adamBeta2)
        try values.read(.adamEpsilon, into: &adamEpsilon)
        try values.read(.seed, into: &seed)
        try values.read(.shuffle, into: &shuffle)
        try values.read(.groupByPrompt, into: &groupByPrompt)
        try values.read(.loggingSteps, into: &loggingSteps)
        try Trackers.names(in: values, .reportTo).map { reportTo = $0 }
        try values.choose(.sharing, into: &sharing)
        try values.read(.rowTokens, into: &rowTokens)
        try values.read(.threads, into: &threads)
        try values.read(.gradientCheckpointing, into: &gradientCheckpointing)
        try values.choose(.balance, into: &balance)
        try values.choose(.dtype, into: &dtype)
        try values.choose(.precision, into: &precision)
        referenceCache = try values.decodeIfPresent(String.self, forKey: .referenceCache)
        try values.read(.selfCheck, into: &selfCheck)
        try values.read(.maxSkipped, into: &maxSkipped)
        adapter = try AdapterSettings(from: decoder)
        evaluation = try EvaluationSettings(from: decoder)
        saving = try SavingSettings(from: decoder)
        communication = try CommunicationSettings(from: decoder)
    }

    /// Checks that model and data are given, and every field's range.
    ///
    /// - Throws: `TrainingError.required` for all missing fields together, `TrainingError.invalid` for the first invalid
    ///   one.
    package func validate() throws {
        try require([.model, .data])
        try validateRanges()
    }

    /// Checks that the fields of these paths are given.
    ///
    /// - Throws: `TrainingError.required` that names all missing ones.
    package func require(_ keys: [CodingKeys]) throws {
        let paths: [CodingKeys: String] = [.model: model, .data: data, .output: output]
        let missing = keys.filter { paths[$0]?.isEmpty == true }
        guard missing.isEmpty else { throw TrainingError.required(keys: missing.map(\.rawValue)) }
    }

    /// Checks the range of every field but model, data and output.
    package func validateRanges() throws {
        func positive(_ value: Double) -> Bool { value.isFinite && value > 0 }
        try check(.learningRate, positive(learningRate), "a finite number above 0", learningRate)
        try check(.warmupRatio, (0...1).contains(warmupRatio), "from 0 to 1", warmupRatio)
        let isWhole = (1...0x1p40).contains(warmupSteps) && warmupSteps == warmupSteps.rounded()
        let isWarmup = (0..<1).contains(warmupSteps) || isWhole
        let expected = "a whole number of steps, or a fraction of the run below 1"
        try check(.warmupSteps, isWarmup, expected, warmupSteps)
        try check(.maxSteps, maxSteps == -1 || (1...1 << 40).contains(maxSteps), "from 1 to 2^40, or -1", maxSteps)
        let epochs = numTrainEpochs
        try check(.numTrainEpochs, epochs > 0 && epochs <= 1e6, "above 0, at most 1000000", epochs)
        try check(.globalBatchSize, (1...1 << 30).contains(globalBatchSize), "from 1 to 2^30", globalBatchSize)
        try check(.maxGradNorm, maxGradNorm.isFinite && maxGradNorm >= 0, "at least 0", maxGradNorm)
        let clips = maxGradNorm == 0 || Float(maxGradNorm) > 0
        let expectedNorm = "0 for no clipping, or above 0 in float32, or the run would learn nothing"
        try check(.maxGradNorm, clips, expectedNorm, maxGradNorm)
        try check(.weightDecay, weightDecay.isFinite && weightDecay >= 0, "at least 0", weightDecay)
        try check(.adamBeta1, (0..<1).contains(adamBeta1), "at least 0, below 1", adamBeta1)
        try check(.adamBeta2, (0..<1).contains(adamBeta2), "at least 0, below 1", adamBeta2)
        try check(.adamEpsilon, positive(adamEpsilon), "a finite number above 0", adamEpsilon)
        try check(.loggingSteps, loggingSteps > 0, "at least 1", loggingSteps)
        try Trackers.check(reportTo)
        try check(.rowTokens, (1...1 << 24).contains(rowTokens), "from 1 to 2^24", rowTokens)
        try check(.threads, (0...1024).contains(threads), "from 0 to 1024", threads)
        try check(.selfCheck, selfCheck >= 0, "at least 0", selfCheck)
        try check(.maxSkipped, maxSkipped >= 0, "at least 0", maxSkipped)
        try adapter.validate()
        try evaluation.validate()
        try saving.validate()
        try communication.validate()
        try refuseForeignValues()
        _ = try Objective(objective)
    }

    /// Refuses values of other trainers, with their counterpart.
    private func refuseForeignValues() throws {
        func refuse(_ key: String, _ value: String, _ expected: String) throws {
            guard let remedy = ForeignSettings.remedy(for: value, of: key, in: .file) else { return }
            throw TrainingError.invalid(key: key, expected: expected, found: "\(value); \(remedy)")
        }
        let losses = "one of \(ObjectiveSettings.lossNames.joined(separator: ", "))"
        for name in objective.lossType where !ObjectiveSettings.lossNames.contains(name) {
            try refuse(ObjectiveSettings.CodingKeys.lossType.rawValue, name, losses)
        }
        let key = SavingSettings.CodingKeys.resumeFromCheckpoint.rawValue
        try saving.resumeFromCheckpoint.map { try refuse(key, $0, "auto or a checkpoint's directory") }
    }

    private func check(_ key: CodingKeys, _ isValid: Bool, _ expected: String, _ found: some Any) throws {
        guard isValid else { throw TrainingError.invalid(key: key.rawValue, expected: expected, found: "\(found)") }
    }
}
