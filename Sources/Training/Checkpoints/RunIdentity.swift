internal import Configuration
internal import Preferences
internal import SystemPackage

/// Identifies the model and data of a run, which resumes no checkpoint of others.
struct RunIdentity: Codable, Sendable, Equatable {
    let modelDigest: String
    let dataDigest: String
    /// Nil without held-out data.
    let heldOutDigest: String?

    private enum CodingKeys: String, CodingKey {
        case modelDigest = "model_digest"
        case dataDigest = "data_digest"
        case heldOutDigest = "held_out_digest"
    }

    init(modelDigest: String, dataDigest: String, heldOutDigest: String?) {
        (self.modelDigest, self.dataDigest, self.heldOutDigest) = (modelDigest, dataDigest, heldOutDigest)
    }

    /// The identity of a run with these inputs.
    init(_ inputs: Inputs) {
        self.init(
            modelDigest: inputs.policy.digest,
            dataDigest: inputs.dataset.digest,
            heldOutDigest: inputs.heldOut?.dataset.digest
        )
    }

    /// The first input that another run with this identity does not share; nil if they share all.
    private func difference(from other: RunIdentity, _ configuration: TrainingConfiguration) -> String? {
        if other.modelDigest != modelDigest {
            return configuration.adapter.isUsed ? "another --model, --adapter or --dtype" : "another --model or --dtype"
        }
        if other.dataDigest != dataDigest { return "other --data" }
        return other.heldOutDigest == heldOutDigest ? nil : "other --eval-data"
    }

    /// Why a run with this identity and `configuration` does not continue another; nil if it does.
    ///
    /// - Parameters:
    ///   - other: The identity of the other run.
    ///   - settings: Its settings.
    ///   - path: The checkpoint, or the output directory of a finished run.
    func refusal(
        of other: RunIdentity,
        _ settings: TrainingConfiguration,
        for configuration: TrainingConfiguration,
        at path: FilePath,
        isFinished: Bool
    ) throws -> TrainingError? {
        if let form = ModelDigest.otherForm(of: other.modelDigest) {
            return .otherVersion(path: path.string, found: form, expected: ModelDigest.form)
        }
        if let what = difference(from: other, configuration) {
            return .foreignCheckpoint(path: path.string, what: what)
        }
        guard let difference = try configuration.difference(from: settings) else { return nil }
        guard TrainingConfiguration.lengthKeys.contains(difference.key) else {
            return .foreignCheckpoint(path: path.string, what: "\(difference)")
        }
        let (made, asked) = Self.lengths(settings, configuration, difference)
        return .otherLength(path: path.string, made: made, asked: asked, isFinished: isFinished)
    }

    /// The number of steps of both runs by the settings that determine it; of one setting, the second only by its value.
    private static func lengths(
        _ made: TrainingConfiguration,
        _ asked: TrainingConfiguration,
        _ difference: TrainingConfiguration.Difference
    ) -> (made: String, asked: String) {
        let isSameSetting = (made.maxSteps > 0) == (asked.maxSteps > 0)
        guard isSameSetting else { return (made.length, asked.length) }
        return ("\(difference.key): \(difference.checkpoint)", difference.present)
    }
}
