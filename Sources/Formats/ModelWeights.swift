internal import Foundation
package import SystemPackage

/// The weights of a Hugging Face model directory: one file, or shards with an index.
package struct ModelWeights: Sendable {
    private let directory: FilePath
    private let files: [SafetensorsFile]
    private let fileOfTensor: [String: Int]

    /// Opens `model.safetensors`, or `model.safetensors.index.json` with its shards.
    package init(directory: FilePath) throws {
        self.directory = directory
        let index = directory.appending("model.safetensors.index.json")
        if FileManager.default.fileExists(atPath: index.string) {
            let map = try Self.weightMap(index)
            let names = Set(map.values).sorted()
            let files = try names.map { try SafetensorsFile(directory.appending($0)) }
            for (tensor, file) in map.sorted(by: { $0.key < $1.key }) {
                _ = try files[names.firstIndex(of: file)!].info(tensor)
            }
            self.files = files
            fileOfTensor = map.mapValues { names.firstIndex(of: $0)! }
        } else {
            let path = directory.appending("model.safetensors")
            guard FileManager.default.fileExists(atPath: path.string) else {
                throw FormatError(
                    directory,
                    "expected a Hugging Face model with model.safetensors or its index, found neither"
                )
            }
            let file = try SafetensorsFile(path)
            files = [file]
            fileOfTensor = file.tensors.mapValues { _ in 0 }
        }
    }

    /// The names of all tensors, sorted.
    package var names: [String] { fileOfTensor.keys.sorted() }

    /// Reads a tensor as float32; see `SafetensorsFile.read`.
    package func read(_ name: String, shape: [Int], into values: inout MutableSpan<Float>) throws {
        guard let file = fileOfTensor[name] else {
            let hint = nearest(to: name, among: names).map { "; the nearest is \($0)" } ?? ""
            throw FormatError(directory, "the model has no tensor \(name)\(hint)")
        }
        try files[file].read(name, shape: shape, into: &values)
    }

    /// SHA-256 over the files' contents in the order of their names, in hexadecimal.
    package func digest() throws -> String {
        var digest = Digest()
        for file in files { try MappedFile(file.path).withBytes { digest.update($0) } }
        return digest.hexadecimal
    }

    private static func weightMap(_ index: FilePath) throws -> [String: String] {
        let data = try MappedFile(index).withBytes { Data($0) }
        guard let object = try? JSONSerialization.jsonObject(with: data) as? [String: Any],
            let map = object["weight_map"] as? [String: String], !map.isEmpty
        else {
            throw FormatError(index, "expected an object weight_map from tensor names to file names")
        }
        // A shard lies in the model's own directory, whatever the index says.
        for (tensor, file) in map.sorted(by: { $0.key < $1.key }) where !isBareName(file) {
            throw FormatError(index, "tensor \(tensor): expected a bare file name, found \(file)")
        }
        return map
    }
}
