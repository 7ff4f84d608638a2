internal import Compute
internal import Foundation
internal import Formats
package import SystemPackage
internal import Transformer

/// Writes a Hugging Face model directory that `transformers` loads as it is.
package struct ModelDirectory {
    let path: FilePath

    init(path: FilePath) {
        self.path = path
    }

    /// Makes sure that the directory is there, can be written to and has room for the model.
    ///
    /// Called before a run starts, so that hours of work do not end at a disk that was full from the beginning.
    package init(preparing path: FilePath, for policy: Policy) throws {
        self.path = path
        do {
            try FileManager.default.createDirectory(atPath: path.string, withIntermediateDirectories: true)
        } catch {
            throw FormatError(
                path,
                "cannot be made a directory: \(error.localizedDescription); choose another --output"
            )
        }
        let probe = path.appending(".write-test")
        try AtomicFile.write(to: probe) { try $0.append("x") }
        try FileManager.default.removeItem(atPath: probe.string)
        let needed = policy.layout.count * MemoryLayout<Float>.stride
        let attributes = try FileManager.default.attributesOfFileSystem(forPath: path.string)
        guard let free = (attributes[.systemFreeSize] as? NSNumber)?.intValue else { return }
        guard free > needed else { throw TrainingError.noRoom(path: path.string, needed: needed, free: free) }
    }

    /// A file of the directory.
    func file(_ name: String) -> FilePath { path.appending(name) }

    /// Writes the policy's weights, its configuration and its tokenizer.
    package func write(_ policy: Policy) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: policy.directory.string).sorted()
        where Self.isCompanion(name) {
            try copy(name, from: policy.directory)
        }
        try writeConfiguration(from: policy.directory)
        let entries = policy.layout.tensors.map { tensor in
            SafetensorsEntry(name: tensor.name, shape: tensor.shape) { body in
                try policy.parameters.withSpan(tensor.range) { try body($0) }
            }
        }
        // Last, so that a directory with weights is complete.
        try SafetensorsWriter.write(entries, metadata: ["format": "pt"], to: file("model.safetensors"))
    }

    /// Tokenizer, chat template, generation settings: all that lies beside the weights and is not about their files.
    private static func isCompanion(_ name: String) -> Bool {
        let kinds = [".json", ".txt", ".model", ".jinja"]
        let own = ["config.json", "model.safetensors.index.json", "summary.json", "metrics.jsonl"]
        return kinds.contains { name.hasSuffix($0) } && !own.contains(name)
    }

    private func copy(_ name: String, from source: FilePath) throws {
        try MappedFile(source.appending(name)).withBytes { bytes in
            try AtomicFile.write(to: file(name)) { try $0.append(bytes) }
        }
    }

    /// The configuration as it was, with the type in which the weights are now stored.
    private func writeConfiguration(from source: FilePath) throws {
        let data = try MappedFile(source.appending("config.json")).withBytes { Data($0) }
        guard var object = try JSONSerialization.jsonObject(with: data) as? [String: Any] else {
            throw FormatError(source.appending("config.json"), "expected a JSON object")
        }
        object["torch_dtype"] = nil
        object["dtype"] = "float32"
        let options: JSONSerialization.WritingOptions = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let json = try JSONSerialization.data(withJSONObject: object, options: options)
        try AtomicFile.write(to: file("config.json")) { file in
            try json.withUnsafeBytes { try file.append($0) }
            try file.append("\n")
        }
    }
}
