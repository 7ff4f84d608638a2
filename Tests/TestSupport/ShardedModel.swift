package import Formats
internal import Foundation
package import SystemPackage

/// A copy of a model in three shards, with an index that has keys of its own.
package struct ShardedModel {
    package static let shards = (1...3).map { "model-0000\($0)-of-00003.safetensors" }

    package let directory: FilePath
    /// The names of the tensors in each shard.
    package let tensors: [String: Set<String>]

    /// Writes the weights of a golden's model to shards, with more tensors in the last one, and its `config.json`.
    package init(of golden: Golden, in directory: FilePath, adding more: [SafetensorsEntry] = []) throws {
        self.directory = directory
        try directory.makeDirectory()
        let config = golden.directory.appending("config.json").string
        try FileManager.default.copyItem(atPath: config, toPath: directory.appending("config.json").string)
        let file = try SafetensorsFile(golden.directory.appending("model.safetensors"))
        let entries = try file.tensors.values.sorted { $0.name < $1.name }.map { info in
            let values = try file.float32s(info.name)
            return SafetensorsEntry(name: info.name, shape: info.shape) { try $0(values.span) }
        }
        var tensors: [String: Set<String>] = [:]
        for (index, shard) in Self.shards.enumerated() {
            let last = index == Self.shards.count - 1
            let own = entries.enumerated().filter { $0.offset % 3 == index }.map(\.element) + (last ? more : [])
            try SafetensorsWriter.write(own, metadata: ["format": "pt"], to: directory.appending(shard))
            tensors[shard] = Set(own.map(\.name))
        }
        self.tensors = tensors
        let map = tensors.flatMap { shard, names in names.map { ($0, shard) } }
        let index: [String: Any] = [
            "metadata": ["total_size": 7, "total_parameters": 11],
            "weight_map": Dictionary(uniqueKeysWithValues: map),
        ]
        try JSONSerialization.data(withJSONObject: index)
            .write(to: URL(fileURLWithPath: directory.appending(WeightFiles.index).string))
    }
}

/// A tensor of bytes that are not those of float32 numbers: `count` of these two-byte numbers.
package func bfloat16Entry(_ name: String, count: Int, start: Int = 0) -> SafetensorsEntry {
    let bytes = (0..<2 * count).map { UInt8(truncatingIfNeeded: 37 * ($0 + start) + 11) }
    return SafetensorsEntry(name: name, elementType: .bfloat16, shape: [count]) { body in
        try bytes.withUnsafeBytes { try body($0) }
    }
}

/// The stored bytes of every tensor of a model directory, by name, with its type and shape.
package func storedTensors(_ directory: FilePath) throws -> [String: [UInt8]] {
    let weights = try ModelWeights(directory: directory)
    return try weights.names.reduce(into: [:]) { tensors, name in
        let (info, path) = try weights.info(name)
        let bytes = try MappedFile(path).withBytes(info.byteRange) { Array($0) }
        tensors[name] = Array("\(info.elementType.rawValue) \(info.shape) ".utf8) + bytes
    }
}
