internal import Formats
internal import Foundation

extension TrainingConfiguration {
    /// A setting whose value differs between two runs.
    package struct Difference: Equatable, CustomStringConvertible {
        /// The setting's key in a file.
        package let key: String
        /// The checkpoint's value as JSON; `none` if it has none.
        package let checkpoint: String
        /// The value of the resuming run as JSON; `none` if it has none.
        package let present: String

        package var description: String { "\(key): \(checkpoint), this run has \(present)" }
    }

    /// The settings that a resumed run may change: paths, and those that affect only rounding, the log or fault tolerance.
    ///
    /// A type that rounds the weights under an adapter makes another model, which digests compare.
    ///
    /// All others, including any added later, must be equal: they determine what is learned or how evaluations count.
    package static let resumableKeys: Set<String> = {
        let keys: [CodingKeys] = [
            .model, .data, .output, .referenceCache, .sharing, .rowTokens, .threads, .gradientCheckpointing,
            .selfCheck, .balance, .loggingSteps, .reportTo, .maxSkipped,
        ]
        // Rounding to fewer digits than float32 has changes the result beyond float32 rounding.
        let communication = CommunicationSettings.CodingKeys.allCases.filter { $0 != .reduceDType }
        let saving = SavingSettings.CodingKeys.allCases
        return Set(keys.map(\.rawValue) + communication.map(\.rawValue) + saving.map(\.rawValue))
    }()

    /// The settings that determine the number of steps.
    package static let lengthKeys: Set<String> = [CodingKeys.maxSteps.rawValue, CodingKeys.numTrainEpochs.rawValue]

    /// The first setting in alphabetical order, outside `resumableKeys`, that differs from a checkpoint's; nil if none
    /// does.
    ///
    /// Settings are compared as values, key by key; in lists the order matters. Of `eval_data` and `adapter` only the
    /// presence is compared: digests compare the content. The precision `auto` is that of the checkpoint.
    package func difference(from checkpoint: TrainingConfiguration) throws -> Difference? {
        let (own, other) = (try learnedValues, try checkpoint.learnedValues)
        for key in Set(own.keys).union(other.keys).sorted() where own[key] != other[key] {
            if key == CodingKeys.precision.rawValue, precision == .auto { continue }
            func text(_ value: JSONValue?) -> String { value?.line ?? "none" }
            return Difference(key: key, checkpoint: text(other[key]), present: text(own[key]))
        }
        return nil
    }

    /// The settings by their keys, without those of `resumableKeys`.
    private var learnedValues: [String: JSONValue] {
        get throws {
            var settings = self
            settings.adapter = adapter.completed
            settings.adapter.adapter = adapter.adapter.map { _ in "given" }
            // Only a model that is itself trained computes with other numbers in another type.
            settings.dtype = dtype == .bfloat16 && !adapter.isUsed ? .bfloat16 : .auto
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
