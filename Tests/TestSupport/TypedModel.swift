package import Formats
internal import Foundation
package import SystemPackage

/// A model with the tensors of a float32 model in another type, and a `config.json` that names it.
package enum TypedModel {
    /// Writes the model of a golden to a new directory.
    package static func write(_ golden: Golden, as type: ElementType, to directory: FilePath) throws {
        try write(from: golden.directory, as: type, to: directory)
    }

    /// Writes the model in `source` to a new directory.
    package static func write(from source: FilePath, as type: ElementType, to directory: FilePath) throws {
        try FileManager.default.copyItem(atPath: source.string, toPath: directory.string)
        let file = try SafetensorsFile(source.appending("model.safetensors"))
        let path = directory.appending("model.safetensors")
        let entries = try file.tensors.values.map { info in
            let values = try file.float32s(info.name)
            return SafetensorsEntry(name: info.name, shape: info.shape) { try $0(values.span) }
                .rounded(to: type, for: path)
        }
        try SafetensorsWriter.write(entries, metadata: ["format": "pt"], to: path)
        let text = try ConfigurationText(directory: source).text(of: type)
        try Data(text).write(to: URL(fileURLWithPath: directory.appending("config.json").string))
    }
}
