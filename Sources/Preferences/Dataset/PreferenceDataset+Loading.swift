internal import Formats
package import SystemPackage

extension PreferenceDataset {
    /// Reads a file that `espalier-prepare` wrote.
    ///
    /// - Throws: `FormatError`, with the file's path.
    package static func read(path: FilePath) throws -> PreferenceDataset {
        try requireFile(path)
        let file = try SafetensorsFile(path, .preferences)
        try checkFormat(file)
        func offsets(_ name: String) throws -> [Int] { try file.int64s(name).map { Int($0) } }
        func optional(_ name: String) throws -> [Int32]? { file.tensors[name] == nil ? nil : try file.int32s(name) }
        do {
            var dataset = try PreferenceDataset(
                promptIDs: file.int32s("prompt_ids"),
                promptOffsets: offsets("prompt_offsets"),
                responseIDs: file.int32s("response_ids"),
                responseOffsets: offsets("response_offsets"),
                exampleOffsets: offsets("row_offsets"),
                responseRanks: optional("response_ranks"),
                responseSkips: optional("response_skips"),
                metadata: file.metadata
            )
            dataset.unreadTensors = Set(file.tensors.keys).subtracting(tensorNames).sorted()
            return dataset
        } catch let error as DatasetError {
            throw FormatError(path, error.description)
        }
    }

    /// Refuses a path without a file, such as the name or the directory of a dataset.
    private static func requireFile(_ path: FilePath) throws {
        guard let found = fault(of: path) else { return }
        throw FormatError(
            path,
            "expected preferences that espalier-prepare wrote, found \(found); prepare them: "
                + "espalier-prepare --model MODEL --data SOURCE --output FILE"
        )
    }

    private static func fault(of path: FilePath) -> String? {
        do {
            return try path.stat().type == .directory ? "a directory" : nil
        } catch {
            // Other errors are reported when the file is opened.
            return error == Errno.noSuchFileOrDirectory ? "no such file" : nil
        }
    }

    /// Checks format and version; version 2 adds optional ranks and skips.
    private static func checkFormat(_ file: SafetensorsFile) throws {
        let found: String
        switch (file.metadata["format"], file.metadata["format_version"]) {
        case ("espalier-preferences", "1"), ("espalier-preferences", "2"): return
        case ("espalier-preferences", let version?): found = "version \(version)"
        case ("espalier-preferences", nil): found = "no version"
        case (let format?, _): found = "the format \(format)"
        case (nil, _): found = "no format in the metadata"
        }
        throw FormatError(
            file.path,
            "expected prepared preferences of format version 1 or 2, found \(found); "
                + "prepare the data with espalier-prepare"
        )
    }

    /// The tensors of a prepared file; `source_rows` only serves people.
    private static let tensorNames = [
        "prompt_ids", "prompt_offsets", "response_ids", "response_offsets", "row_offsets", "source_rows",
        "response_ranks", "response_skips",
    ]
}
