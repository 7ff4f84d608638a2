internal import Foundation
package import SystemPackage

/// The files that hold the weights of a model directory, which are replaced as a whole.
package enum WeightFiles {
    /// The file of a model without shards.
    package static let single = "model.safetensors"
    /// The index of a model with shards.
    package static let index = "model.safetensors.index.json"
    /// The file of an adapter, which has no shards.
    package static let adapter = "adapter_model.safetensors"
    /// The file that describes an adapter.
    package static let adapterConfiguration = "adapter_config.json"
    private static let suffix = ".safetensors"

    /// A file to be written.
    package struct File {
        let name: String
        let write: (inout AtomicFile) throws -> Void

        /// A file of these tensors.
        init(_ entries: [SafetensorsEntry], metadata: [String: String], name: String) throws {
            self.name = name
            write = { try SafetensorsWriter.append(entries, metadata: metadata, to: &$0) }
        }

        /// A copy of a file.
        init(copying source: FilePath, name: String) {
            self.name = name
            write = { file in try MappedFile(source).withBytes { try file.append($0) } }
        }

        /// A text file.
        init(_ text: String, name: String) {
            self.name = name
            write = { try $0.append(text) }
        }
    }

    // MARK: Names

    /// The names of the files of the model in `directory`: `model.safetensors` if it exists, otherwise the file of an
    /// adapter, or the index with its shards.
    ///
    /// - Throws: `FormatError` if there is neither, or the index is invalid.
    package static func names(in directory: FilePath) throws -> [String] {
        for name in [single, adapter] where FileManager.default.fileExists(atPath: directory.appending(name).string) {
            return [name]
        }
        return try [index] + ModelWeights.shardNames(directory.appending(index))
    }

    /// The option that names the directory to a command: of a model, or of an adapter.
    package static func option(naming directory: FilePath) -> String {
        FileManager.default.fileExists(atPath: directory.appending(adapter).string) ? "--adapter" : "--model"
    }

    /// The names of all files that may hold the weights of a directory, existing or not, whichever of them are read; those
    /// of an index that cannot be read are unknown.
    package static func possibleNames(in directory: FilePath) -> [String] {
        [single, index, adapter] + ((try? ModelWeights.shardNames(directory.appending(index))) ?? [])
    }

    /// Whether a shard of this name can be written: it is visible, and readers take it for safetensors.
    package static func isShardName(_ name: String) -> Bool {
        isBareName(name) && name.hasSuffix(suffix) && !name.hasPrefix(".")
    }

    // MARK: Replacement

    /// Writes the files of a model, in place of all weights in `directory`, which may have another layout.
    ///
    /// One file is replaced by one rename. Shards are all written before the first of them gets its name; then the former
    /// index and `model.safetensors` are removed, and the new index gets its name last. A process that is killed in between
    /// leaves a directory without an index, which no reader takes for a model: shards of two models are never mixed.
    ///
    /// - Parameter index: The text of the index; nil for one file.
    /// - Throws: `FormatError`; unless a rename failed, the former weights are unchanged.
    static func replace(in directory: FilePath, by files: [File], index text: String?) throws {
        let names = files.map(\.name) + (text == nil ? [] : [index])
        let stale = possibleNames(in: directory).filter { !names.contains($0) && isOwn($0) }
        if let text {
            // The first file is the last to get its name.
            let all = [File(text, name: index)] + files
            try AtomicFile.write(all.map { (directory.appending($0.name), $0.write) }) {
                try remove([index, single, adapter], in: directory)
            }
        } else {
            precondition(files.count == 1, "several files have an index")
            try AtomicFile.write(to: directory.appending(files[0].name), files[0].write)
        }
        try remove(stale, in: directory)
    }

    /// Replaces the weights in `directory` by a copy of those in another one, in their layout.
    ///
    /// - Throws: `FormatError` as `replace` does.
    package static func copy(from source: FilePath, to directory: FilePath) throws {
        let names = try names(in: source)
        let files = names.filter { $0 != index }.map { File(copying: source.appending($0), name: $0) }
        let text = try names.contains(index) ? text(of: source.appending(index)) : nil
        try replace(in: directory, by: files, index: text)
    }

    /// Replaces the weights in `directory` by a copy of one file, under this name.
    package static func copy(file: FilePath, to directory: FilePath, name: String = single) throws {
        try replace(in: directory, by: [File(copying: file, name: name)], index: nil)
    }

    private static func text(of file: FilePath) throws -> String {
        try MappedFile(file).withBytes { String(decoding: $0, as: UTF8.self) }
    }

    private static func isOwn(_ name: String) -> Bool { name == index || isShardName(name) }

    private static func remove(_ names: [String], in directory: FilePath) throws {
        let paths = names.map { directory.appending($0) }.filter { FileManager.default.fileExists(atPath: $0.string) }
        for path in paths { try path.removeFile() }
        if !paths.isEmpty { try directory.synchronizeDirectory() }
    }
}
