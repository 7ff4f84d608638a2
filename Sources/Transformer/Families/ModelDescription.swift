internal import Formats
internal import Foundation
package import SystemPackage

/// The content of a model directory's `config.json`: the architecture, and the family that names its tensors.
package struct ModelDescription: Sendable {
    package let family: any Family.Type
    package let architecture: Architecture

    /// The description of a model without a file.
    package init(_ architecture: Architecture, family: any Family.Type = Llama.self) {
        (self.architecture, self.family) = (architecture, family)
    }

    /// Reads `config.json` of a model directory.
    ///
    /// Strict: an unsupported feature is an error that names it, since a model computed without it would be another
    /// model.
    ///
    /// - Throws: `FormatError` with the key, the found and the supported values.
    package init(directory: FilePath) throws {
        try Self.requireDirectory(directory)
        let path = directory.appending("config.json")
        guard FileManager.default.fileExists(atPath: path.string) else {
            throw FormatError(
                directory,
                "expected a Hugging Face model directory, found no config.json; download a model with: "
                    + "hf download ORG/NAME --local-dir DIR"
            )
        }
        var reader = ConfigurationReader(try StrictJSON.object(in: path), path: path)
        let modelType = try reader.require("model_type", oneOf: Families.all.map { $0.modelType })
        guard let family = Families.named(modelType) else { preconditionFailure("a supported model_type") }
        architecture = try family.architecture(&reader)
        self.family = family
        try reader.finish(architecture)
        if let violation = architecture.violation { throw FormatError(path, violation) }
    }

    /// Refuses a file in place of a model directory.
    private static func requireDirectory(_ path: FilePath) throws {
        var isDirectory: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: path.string, isDirectory: &isDirectory)
        guard exists, !isDirectory.boolValue else { return }
        let kind = FileKind(path)
        let remedy =
            kind == .gguf
            ? "convert it: espalier-import-gguf \(path) DIR" : "name the directory that contains config.json"
        let found = kind?.rawValue ?? "a file"
        throw FormatError(path, "expected a Hugging Face model directory, found \(found); \(remedy)")
    }

    /// The model's tensors by the family's names, all of them trained.
    package var parameters: ParameterTable { ParameterTable(architecture, family: family) }
}
