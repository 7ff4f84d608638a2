internal import Foundation
package import SystemPackage

/// The weights of a Hugging Face model directory: one file, or shards with an index.
package struct ModelWeights: Sendable {
    /// The model directory.
    package let directory: FilePath
    private let files: [SafetensorsFile]
    private let fileOfTensor: [String: Int]
    /// An existing index that is not read, since `model.safetensors` takes precedence; nil for none.
    package let ignoredIndex: FilePath?

    /// The files and the tensors of the model in each.
    package let layout: WeightLayout

    /// Opens `model.safetensors`, or without it `model.safetensors.index.json` with its shards, as transformers does.
    ///
    /// - Parameter content: What the files are expected to hold, which errors name.
    /// - Throws: `FormatError` for the first file or entry at fault, and for a model with an adapter, which transformers
    ///   would apply.
    package init(directory: FilePath, _ content: SafetensorsContent = .weights) throws {
        self.directory = directory
        try Self.requireNoAdapter(directory)
        let path = directory.appending(WeightFiles.single)
        let index = directory.appending(WeightFiles.index)
        let hasIndex = FileManager.default.fileExists(atPath: index.string)
        if FileManager.default.fileExists(atPath: path.string) {
            let file = try SafetensorsFile(path, content)
            files = [file]
            fileOfTensor = file.tensors.mapValues { _ in 0 }
            layout = WeightLayout(tensors: file.tensors.keys)
            ignoredIndex = hasIndex ? index : nil
        } else if hasIndex {
            let (object, map) = try Self.weightMap(index)
            let layout = WeightLayout(index: object, map: map)
            let files = try layout.files.map { file in
                try Self.requireShard(file.name, directory)
                return try SafetensorsFile(directory.appending(file.name), content)
            }
            let numbers = Dictionary(uniqueKeysWithValues: layout.files.enumerated().map { ($1.name, $0) })
            fileOfTensor = map.mapValues { numbers[$0]! }
            for (tensor, file) in fileOfTensor.sorted(by: { $0.key < $1.key }) where files[file].tensors[tensor] == nil
            {
                let found = "expected tensor \(tensor) in \(map[tensor]!), which does not have it"
                throw FormatError(index, "\(found); download or copy the model again")
            }
            (self.files, self.layout) = (files, layout)
            ignoredIndex = nil
        } else {
            throw MissingModel.weights(of: directory)
        }
    }

    /// Whether a directory has weights in safetensors, or an index of them.
    package static func exist(in directory: FilePath) -> Bool {
        [WeightFiles.single, WeightFiles.index].contains { MissingModel.exists(directory.appending($0)) }
    }

    /// Refuses an index with a shard that does not exist.
    private static func requireShard(_ name: String, _ directory: FilePath) throws {
        guard !MissingModel.exists(directory.appending(name)) else { return }
        let index = directory.appending(WeightFiles.index)
        throw FormatError(index, "expected the file \(name), which does not exist; download or copy the model again")
    }

    /// The names of the shards in an index, sorted.
    static func shardNames(_ index: FilePath) throws -> [String] { Set(try weightMap(index).map.values).sorted() }

    /// Refuses an adapter, with which transformers would load a different model than the weights alone, and the settings
    /// of one, with which it would load none.
    private static func requireNoAdapter(_ directory: FilePath) throws {
        let settings = directory.appending(WeightFiles.adapterConfiguration)
        guard FileManager.default.fileExists(atPath: settings.string) else { return }
        for name in [WeightFiles.adapter, "adapter_model.bin"]
        where FileManager.default.fileExists(atPath: directory.appending(name).string) {
            throw FormatError(
                settings,
                "and \(name) are an adapter in the directory of a model, which transformers would apply; move both to a "
                    + "directory of their own and name it with --adapter, or remove them"
            )
        }
        throw FormatError(
            settings,
            "expected no settings of an adapter without its weights, which transformers looks for; remove the file"
        )
    }

    /// The names of all tensors, sorted.
    package var names: [String] { fileOfTensor.keys.sorted() }

    /// Makes sure that a tensor can be read, before memory is taken for it.
    package func check(_ name: String, shape: [Int]) throws { try file(of: name).check(name, shape: shape) }

    /// Reads a tensor as float32, and checks that its values are finite; see `SafetensorsFile.readFinite`.
    package func read(_ name: String, shape: [Int], into values: inout MutableSpan<Float>) throws {
        try file(of: name).readFinite(name, shape: shape, into: &values)
    }

    /// Reads a tensor as BF16 or F16, rounded if its type is another one; see `SafetensorsFile.readFinite`.
    package func read(
        _ name: String,
        shape: [Int],
        as type: ElementType,
        into values: inout MutableSpan<UInt16>
    ) throws {
        try file(of: name).readFinite(name, shape: shape, as: type, into: &values)
    }

    /// Whether two tensors have the same type, shape and bytes.
    package func areIdentical(_ a: String, _ b: String) throws -> Bool {
        let (first, second) = (try file(of: a), try file(of: b))
        let (x, y) = (try first.info(a), try second.info(b))
        guard x.elementType == y.elementType, x.shape == y.shape else { return false }
        return first.withBytes(x) { x in second.withBytes(y) { memcmp(x.baseAddress!, $0.baseAddress!, x.count) == 0 } }
    }

    /// The element type, shape and place of a tensor, and its file.
    package func info(_ name: String) throws -> (info: TensorInfo, path: FilePath) {
        let file = try file(of: name)
        return (try file.info(name), file.path)
    }

    private func file(of name: String) throws -> SafetensorsFile {
        guard let file = fileOfTensor[name] else {
            if let file = files.first(where: { $0.tensors[name] != nil })?.path.lastComponent {
                let index = directory.appending(WeightFiles.index)
                let found = "expected an entry for tensor \(name), which \(file) has"
                throw FormatError(index, "\(found); download or copy the model again")
            }
            let hint = nearest(to: name, among: names).map { "; the nearest is \($0)" } ?? ""
            throw FormatError(directory, "the model has no tensor \(name)\(hint)")
        }
        return files[file]
    }

    /// SHA-256 over the files' contents in the order of their names, in hexadecimal.
    package func digest() throws -> String {
        var digest = Digest()
        for file in files { try MappedFile(file.path).withBytes { digest.update($0) } }
        return digest.hexadecimal
    }

    /// The content of an index, and its map from tensor names to file names.
    private static func weightMap(_ index: FilePath) throws -> (index: [String: JSONValue], map: [String: String]) {
        let object = try StrictJSON.object(in: index)
        guard let map = object["weight_map"]?.strings, !map.isEmpty else {
            throw FormatError(index, "expected an object weight_map from tensor names to file names")
        }
        // A shard lies in the model's own directory, whatever the index says.
        for (tensor, file) in map.sorted(by: { $0.key < $1.key }) where !isBareName(file) {
            throw FormatError(index, "tensor \(tensor): expected a bare file name, found \(file)")
        }
        return (object, map)
    }
}
