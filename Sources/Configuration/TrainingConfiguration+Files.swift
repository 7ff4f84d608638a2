internal import Formats
internal import Objectives
package import SystemPackage

extension TrainingConfiguration {
    /// The settings as YAML, which `--config` reads.
    package func yaml() throws -> String { try StrictYAML.encode(Flat(configuration: self)) }

    /// The settings with those of the objective, of evaluations, checkpoints and communication among them.
    struct Flat: Encodable {
        let configuration: TrainingConfiguration

        func encode(to encoder: any Encoder) throws {
            try configuration.encode(to: encoder)
            try configuration.objective.encode(to: encoder)
            try configuration.adapter.encode(to: encoder)
            try configuration.evaluation.encode(to: encoder)
            try configuration.saving.encode(to: encoder)
            try configuration.communication.encode(to: encoder)
        }
    }

    /// The settings that must be the same on every rank; paths and threads may differ between hosts.
    package var commonSettings: String {
        get throws {
            var common = self
            (common.model, common.data, common.output, common.referenceCache, common.threads) = ("", "", "", nil, 0)
            common.evaluation.evalData = common.evaluation.evalData.map { _ in "" }
            common.adapter.adapter = common.adapter.adapter.map { _ in "" }
            common.saving.resumeFromCheckpoint = common.saving.resumeFromCheckpoint.map { _ in "" }
            return try common.yaml()
        }
    }

    /// Checks on rank 0 that the reference cache can be written, before its long computation.
    package func checkReferenceCache(rank: Int) throws {
        guard rank == 0, let referenceCache else { return }
        try AtomicFile.checkWritable(FilePath(referenceCache))
    }

    /// The reference cache of held-out preferences: the path of the training data's cache with `.eval` before the
    /// extension, since a cache belongs to one dataset.
    package var heldOutReferenceCache: FilePath? {
        guard let path = referenceCache.map({ FilePath($0) }), let stem = path.stem else { return nil }
        let suffix = path.extension.map { ".\($0)" } ?? ""
        return path.removingLastComponent().appending("\(stem).eval\(suffix)")
    }
}
