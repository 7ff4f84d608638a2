internal import Formats
internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Transformer

extension Dithering {
    /// Writes a copy of a float32 model whose trained tensors are rounded to numbers of bfloat16, by their places among all.
    static func write(from source: FilePath, to directory: FilePath) throws {
        try FileManager.default.copyItem(atPath: source.string, toPath: directory.string)
        let (file, path) = (
            try SafetensorsFile(source.appending("model.safetensors")), directory.appending("model.safetensors")
        )
        let layout = try ModelDescription(directory: source).parameters.trained
        let entries = try layout.tensors.map { tensor in
            let values = rounded(try file.float32s(tensor.name), from: tensor.offset, .bfloat16)
            return SafetensorsEntry(name: tensor.name, shape: tensor.shape) { try $0(values.span) }
        }
        try SafetensorsWriter.write(entries, metadata: ["format": "pt"], to: path)
    }
}
