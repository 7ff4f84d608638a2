internal import Formats
package import SystemPackage

extension PreferenceDataset {
    /// Reads a file that `espalier-prepare` wrote.
    ///
    /// - Throws: `FormatError` or `DatasetError`, with the file's path.
    package init(path: FilePath) throws {
        let file = try SafetensorsFile(path)
        let (format, version) = (file.metadata["format"], file.metadata["format_version"])
        guard format == "espalier-preferences", version == "1" else {
            throw FormatError(
                path,
                "expected prepared preferences of format version 1, found \(format ?? "no format") "
                    + "version \(version ?? "none"); prepare the data with espalier-prepare"
            )
        }
        func offsets(_ name: String) throws -> [Int] { try file.int64s(name).map { Int($0) } }
        do {
            try self.init(
                promptIDs: file.int32s("prompt_ids"),
                promptOffsets: offsets("prompt_offsets"),
                responseIDs: file.int32s("response_ids"),
                responseOffsets: offsets("response_offsets"),
                rowOffsets: offsets("row_offsets"),
                metadata: file.metadata
            )
        } catch let error as DatasetError {
            throw FormatError(path, error.description)
        }
    }
}
