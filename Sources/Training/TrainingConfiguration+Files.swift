internal import Formats
internal import SystemPackage

extension TrainingConfiguration {
    /// The settings as a file that `--config` reads.
    func yaml() throws -> String { try StrictYAML.encode(self) }

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
