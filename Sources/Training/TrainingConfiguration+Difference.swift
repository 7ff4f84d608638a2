internal import Formats
internal import Foundation

extension TrainingConfiguration {
    /// A setting that two runs have with different values.
    package struct Difference: Equatable, CustomStringConvertible {
        /// The setting's key in a file.
        package let key: String
        /// The checkpoint's value as JSON; `none` where it has none.
        package let checkpoint: String
        /// The value of the run that resumes, as JSON; `none` where it has none.
        package let present: String

        package var description: String { "\(key): \(checkpoint), this run has \(present)" }
    }

    /// The settings that a resumed run may change: places, and what affects no more than rounding, the log or the run's
    /// own safety.
    ///
    /// Every other setting decides what is learned or how evaluations count, also one that is added later.
    package static let resumableKeys: Set<String> = {
        let keys: [CodingKeys] = [
            .model, .data, .output, .referenceCache, .sharing, .rowTokens, .threads, .gradientCheckpointing,
            .selfCheck, .balance, .loggingSteps, .maxSkipped,
        ]
        // Rounding to fewer digits than float32 has is more than rounding.
        let communication = CommunicationSettings.CodingKeys.allCases.filter { $0 != .reduceDType }
        let saving = SavingSettings.CodingKeys.allCases
        return Set(keys.map(\.rawValue) + communication.map(\.rawValue) + saving.map(\.rawValue))
    }()

    /// The first setting by name, outside `resumableKeys`, in which a checkpoint's run differs from this one; nil where
    /// none does.
    ///
    /// Settings are compared as values, each by its key; in lists the order counts. Of `eval_data` only counts whether
    /// it is given: its digest is compared with the data.
    package func difference(from checkpoint: TrainingConfiguration) throws -> Difference? {
        let (own, other) = (try learnedValues, try checkpoint.learnedValues)
        for key in Set(own.keys).union(other.keys).sorted() where own[key] != other[key] {
            func text(_ value: JSONValue?) -> String { value?.line ?? "none" }
            return Difference(key: key, checkpoint: text(other[key]), present: text(own[key]))
        }
        return nil
    }

    /// The settings by their keys, without those of `resumableKeys`.
    private var learnedValues: [String: JSONValue] {
        get throws {
            var settings = self
            settings.evaluation.evalData = evaluation.evalData.map { _ in "given" }
            let encoder = JSONEncoder()
            encoder.nonConformingFloatEncodingStrategy = .convertToString(
                positiveInfinity: "inf",
                negativeInfinity: "-inf",
                nan: "nan"
            )
            let json = try encoder.encode(Flat(configuration: settings))
            let values = try json.withUnsafeBytes { try StrictJSON.value(of: $0).object ?? [:] }
            return values.filter { !Self.resumableKeys.contains($0.key) }
        }
    }
}
