internal import Formats
internal import Foundation
package import SystemPackage

/// What a model directory's `config.json` says: the architecture, and the family by whose names its tensors are stored.
package struct ModelDescription: Sendable {
    package let family: any Family.Type
    package let architecture: Architecture

    /// A description of a model that no file describes.
    package init(_ architecture: Architecture, family: any Family.Type = Llama.self) {
        (self.architecture, self.family) = (architecture, family)
    }

    /// Reads `config.json` of a model directory.
    ///
    /// Read strictly: a feature that is not supported is named in an error, since a model computed without it would be
    /// another model.
    ///
    /// - Throws: `FormatError` with the key, what was found and what is supported.
    package init(directory: FilePath) throws {
        let path = directory.appending("config.json")
        guard FileManager.default.fileExists(atPath: path.string) else {
            throw FormatError(directory, "expected a Hugging Face model directory, found no config.json")
        }
        var reader = ConfigurationReader(try StrictJSON.object(in: path), path: path)
        let modelType = try reader.require("model_type", oneOf: Families.all.map { $0.modelType })
        guard let family = Families.named(modelType) else { preconditionFailure("a supported model_type") }
        architecture = try family.architecture(&reader)
        self.family = family
        try reader.finish(architecture)
        if let violation = architecture.violation { throw FormatError(path, violation) }
    }

    /// The model's tensors by the family's names, all of them trained.
    package var parameters: ParameterTable { ParameterTable(architecture, family: family) }
}
