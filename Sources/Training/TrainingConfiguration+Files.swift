package import Formats
internal import Objectives
package import Preferences
internal import SystemPackage

extension TrainingConfiguration {
    /// The settings as a file that `--config` reads.
    package func yaml() throws -> String { try StrictYAML.encode(Flat(configuration: self)) }

    /// The settings with those of the objective, of evaluations, checkpoints and communication among them.
    struct Flat: Encodable {
        let configuration: TrainingConfiguration

        func encode(to encoder: any Encoder) throws {
            try configuration.encode(to: encoder)
            try configuration.objective.encode(to: encoder)
            try configuration.evaluation.encode(to: encoder)
            try configuration.saving.encode(to: encoder)
            try configuration.communication.encode(to: encoder)
        }
    }

    /// What must be the same on every rank: paths and threads may differ from host to host.
    var commonSettings: String {
        get throws {
            var common = self
            (common.model, common.data, common.output, common.referenceCache, common.threads) = ("", "", "", nil, 0)
            common.evaluation.evalData = common.evaluation.evalData.map { _ in "" }
            common.saving.resumeFromCheckpoint = common.saving.resumeFromCheckpoint.map { _ in "" }
            return try common.yaml()
        }
    }

    /// Makes sure, on rank 0, that the reference cache can be written, before it has been computed for hours.
    func checkReferenceCache(rank: Int) throws {
        guard rank == 0, let referenceCache else { return }
        try AtomicFile.checkWritable(FilePath(referenceCache))
    }

    /// Where the reference model's log-probabilities of held-out preferences are kept: beside those of the training data,
    /// with `.eval` before the extension, since a cache is of one dataset.
    var heldOutReferenceCache: FilePath? {
        guard let path = referenceCache.map({ FilePath($0) }), let stem = path.stem else { return nil }
        let suffix = path.extension.map { ".\($0)" } ?? ""
        return path.removingLastComponent().appending("\(stem).eval\(suffix)")
    }

    /// The held-out preferences, checked against the model; nil where none are named.
    ///
    /// There may be fewer rows than ranks: those without take part in an evaluation with nothing.
    package func heldOutData(for model: ModelConfiguration) throws -> PreferenceDataset? {
        guard let path = evaluation.evalData.map({ FilePath($0) }) else { return nil }
        let dataset = try PreferenceDataset(path: path)
        try dataset.validate(from: path, for: model, in: FilePath(self.model), ranks: 1)
        return dataset
    }
}
