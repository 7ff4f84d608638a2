internal import Formats
internal import Objectives
package import SystemPackage

extension TrainingConfiguration {
    /// The settings as YAML, which `--config` reads.
    package func yaml() throws -> String { try StrictYAML.encode(Flat(configuration: self)) }

    /// The settings with those of the objective, of evaluations, checkpoints and communication among them.
    private struct Flat: Encodable {
        let configuration: TrainingConfiguration

        func encode(to encoder: any Encoder) throws {
            try configuration.encode(to: encoder)
            try configuration.objective.encode(to: encoder)
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
            common.saving.resumeFromCheckpoint = common.saving.resumeFromCheckpoint.map { _ in "" }
            return try common.yaml()
        }
    }

    /// The settings that a run must keep where it goes on: those that decide what it learns and how its evaluations count.
    ///
    /// Left out are places and whatever changes no more than rounding, the log, or the run's own safety.
    private var lasting: TrainingConfiguration {
        var lasting = self
        (lasting.model, lasting.data, lasting.output, lasting.referenceCache) = ("", "", "", nil)
        lasting.evaluation.evalData = lasting.evaluation.evalData.map { _ in "" }
        let free = TrainingConfiguration()
        (lasting.sharing, lasting.rowTokens, lasting.threads) = (free.sharing, free.rowTokens, free.threads)
        (lasting.gradientCheckpointing, lasting.selfCheck) = (free.gradientCheckpointing, free.selfCheck)
        lasting.balance = free.balance
        (lasting.loggingSteps, lasting.maxSkipped, lasting.saving) = (free.loggingSteps, free.maxSkipped, free.saving)
        lasting.communication = free.communication
        // Rounding to fewer digits than float32 has is more than rounding.
        lasting.communication.reduceDType = communication.reduceDType
        return lasting
    }

    /// The first setting by which another run learned something else, as its file has it; nil where there is none.
    package func difference(from other: TrainingConfiguration) throws -> String? {
        func lines(_ settings: TrainingConfiguration) throws -> [Substring] {
            try settings.lasting.yaml().split(separator: "\n")
        }
        let (own, others) = (try lines(self), try lines(other))
        if let odd = others.first(where: { !own.contains($0) }) { return String(odd) }
        return own.first(where: { !others.contains($0) }).map { "no \($0)" }
    }

    /// Makes sure, on rank 0, that the reference cache can be written, before it has been computed for hours.
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
