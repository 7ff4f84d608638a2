internal import Formats
internal import Objectives
internal import SystemPackage

extension TrainingConfiguration {
    /// The settings as a file that `--config` reads.
    func yaml() throws -> String { try StrictYAML.encode(Flat(configuration: self)) }

    /// The settings with those of the objective among them.
    private struct Flat: Encodable {
        let configuration: TrainingConfiguration

        func encode(to encoder: any Encoder) throws {
            try configuration.encode(to: encoder)
            try configuration.objective.encode(to: encoder)
        }
    }

    /// What must be the same on every rank: paths and threads may differ from host to host.
    var commonSettings: String {
        get throws {
            var common = self
            (common.model, common.data, common.output, common.referenceCache, common.threads) = ("", "", "", nil, 0)
            return try common.yaml()
        }
    }

    /// Makes sure, on rank 0, that the reference cache can be written, before it has been computed for hours.
    func checkReferenceCache(rank: Int) throws {
        guard rank == 0, let referenceCache else { return }
        try AtomicFile.checkWritable(FilePath(referenceCache))
    }
}
