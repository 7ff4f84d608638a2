package import SystemPackage

/// The files of a model's weights and the tensors in each: one file, or shards with an index.
package struct WeightLayout: Sendable, Equatable {
    /// A file with its tensors.
    package struct File: Sendable, Equatable {
        package let name: String
        /// The names of its tensors, sorted.
        package let tensors: [String]
    }

    /// The files, sorted by name.
    package let files: [File]
    /// The content of the index; nil for one file.
    private let index: [String: JSONValue]?

    /// The layout of a model in one file.
    package init(tensors: some Sequence<String>, in name: String = WeightFiles.single) {
        files = [File(name: name, tensors: tensors.sorted())]
        index = nil
    }

    /// The layout of shards.
    ///
    /// - Parameters:
    ///   - index: The content of the index.
    ///   - map: Its `weight_map`, from the names of tensors to those of files.
    init(index: [String: JSONValue], map: [String: String]) {
        let tensors = Dictionary(grouping: map.keys) { map[$0] ?? "" }
        files = tensors.map { File(name: $0, tensors: $1.sorted()) }.sorted { $0.name < $1.name }
        self.index = index
    }

    /// Whether the weights are in shards with an index.
    package var isSharded: Bool { index != nil }

    /// The index of shards that hold `byteCount` bytes of tensors, otherwise as it was read; nil for one file.
    func indexText(byteCount: Int) -> String? {
        guard var index else { return nil }
        var metadata = index["metadata"]?.object ?? [:]
        metadata["total_size"] = .number("\(byteCount)")
        index["metadata"] = .object(metadata)
        return JSONValue.object(index).page() + "\n"
    }

    /// An upper bound of the bytes on disk of everything but the tensors: headers, index, and partly filled blocks.
    package var overhead: Int {
        let (header, block) = (1 << 20, 1 << 12)
        return header + (indexText(byteCount: .max)?.utf8.count ?? 0) + (isSharded ? (files.count + 1) * block : 0)
    }

    /// Writes the tensors to the files of this layout, in place of the weights in `directory`.
    ///
    /// - Parameter entries: Every tensor of the layout, once.
    /// - Throws: `FormatError`, or an error of an entry; the former weights are then unchanged. See
    ///   `WeightFiles.replace` for the exception.
    package func write(_ entries: [SafetensorsEntry], metadata: [String: String], to directory: FilePath) throws {
        let known = Dictionary(uniqueKeysWithValues: entries.map { ($0.name, $0) })
        let shards = try files.map { file in
            let tensors = file.tensors.map { name in
                guard let entry = known[name] else { preconditionFailure("tensor \(name) is written") }
                return entry
            }
            return try WeightFiles.File(tensors, metadata: metadata, name: file.name)
        }
        precondition(files.reduce(0) { $0 + $1.tensors.count } == known.count, "every tensor has a file")
        let index = indexText(byteCount: entries.reduce(0) { $0 + $1.byteCount })
        try WeightFiles.replace(in: directory, by: shards, index: index)
    }
}
