internal import Formats

/// What a run saves and when, and which checkpoint it resumes from, under Hugging Face's names.
package struct SavingSettings: Codable, Sendable, Equatable {
    /// Steps between two checkpoints, at least 1; nil for checkpoints only when the run is stopped.
    package var saveSteps: Int?
    /// The most checkpoints that are kept, at least 1; nil for all.
    package var saveTotalLimit: Int?
    /// The checkpoint to resume from, or `auto` for the newest complete one of the output directory's run; nil for a
    /// new run.
    package var resumeFromCheckpoint: String?
    /// The factor, above 1, by which loss or gradient norm may exceed its running median before the run rolls back to
    /// the newest checkpoint; nil for never.
    package var rollbackOnSpike: Double?
    /// Seconds without any progress after which the job ends, at least 1; 0 for never.
    package var stallTimeout = 1800.0
    /// The type of the output's trained tensors; checkpoints have float32.
    package var saveDType = SaveDType.auto

    package enum CodingKeys: String, CodingKey, CaseIterable {
        case saveSteps = "save_steps"
        case saveTotalLimit = "save_total_limit"
        case resumeFromCheckpoint = "resume_from_checkpoint"
        case rollbackOnSpike = "rollback_on_spike"
        case stallTimeout = "stall_timeout"
        case saveDType = "save_dtype"
    }

    /// The value that selects the newest checkpoint.
    package static let newest = "auto"

    /// No checkpoints, and a new run.
    package init() {}

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        saveSteps = try values.decodeIfPresent(Int.self, forKey: .saveSteps)
        saveTotalLimit = try values.decodeIfPresent(Int.self, forKey: .saveTotalLimit)
        resumeFromCheckpoint = try values.decodeIfPresent(String.self, forKey: .resumeFromCheckpoint)
        rollbackOnSpike = try values.decodeIfPresent(Double.self, forKey: .rollbackOnSpike)
        try values.read(.stallTimeout, into: &stallTimeout)
        try values.choose(.saveDType, into: &saveDType)
    }

    /// Whether a checkpoint is due after this step, counted from 1; the last step writes the model instead.
    package func isDue(step: Int) -> Bool { saveSteps.map { step % $0 == 0 } ?? false }

    /// Checks ranges.
    ///
    /// - Throws: `TrainingError` for the first invalid setting.
    package func validate() throws {
        func check(_ key: CodingKeys, _ isValid: Bool, _ expected: String, _ found: some Any) throws {
            guard isValid else { throw TrainingError.invalid(key: key.rawValue, expected: expected, found: "\(found)") }
        }
        try check(.saveSteps, saveSteps ?? 1 > 0, "at least 1, or omitted for no checkpoints", saveSteps ?? 0)
        try check(.saveTotalLimit, saveTotalLimit ?? 1 > 0, "at least 1, or omitted for no limit", saveTotalLimit ?? 0)
        try check(.resumeFromCheckpoint, resumeFromCheckpoint != "", "auto or a checkpoint's directory", "nothing")
        let factor = rollbackOnSpike ?? 2
        try check(.rollbackOnSpike, factor > 1 && factor.isFinite, "a finite number above 1", factor)
        let isTimeout = stallTimeout == 0 || (1...1e9).contains(stallTimeout)
        try check(.stallTimeout, isTimeout, "0, or from 1 to 1e9", stallTimeout)
        guard rollbackOnSpike == nil || saveSteps != nil else {
            throw TrainingError.missing(key: CodingKeys.saveSteps.rawValue, for: CodingKeys.rollbackOnSpike.rawValue)
        }
    }
}
