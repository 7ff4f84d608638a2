internal import Formats
internal import Foundation
package import SystemPackage

/// The content of a model directory's `config.json`: the architecture, and the family that names its tensors.
package struct ModelDescription: Sendable {
    package let family: any Family.Type
    /// How the family's names are spelled in the directory's files.
    package let naming: Naming
    package let architecture: Architecture
    /// Settings that are not applied, each as a sentence for the user.
    package let remarks: [String]

    /// The description of a model without a file.
    package init(_ architecture: Architecture, family: any Family.Type = Llama.self) {
        (self.architecture, self.family, naming, remarks) = (architecture, family, family.namings[0], [])
    }

    /// Reads `config.json` of a model directory.
    ///
    /// Strict: an unsupported feature is an error that names it, since a model computed without it would be another
    /// model.
    ///
    /// - Throws: `FormatError` with the key, the found and the supported values.
    package init(directory: FilePath) throws {
        var reader = try Self.reader(of: directory)
        let family = try Self.family(&reader)
        try self.init(family, &reader, directory)
    }

    /// Reads `config.json` as far as possible, and collects everything for which `init` refuses it.
    ///
    /// - Returns: The model without the unsupported features; nil if it cannot be described.
    /// - Throws: `FormatError` for a directory without a readable `config.json`, and for an unknown `model_type`.
    static func collecting(
        directory: FilePath
    ) throws -> (family: any Family.Type, description: ModelDescription?, problems: [FormatError]) {
        let problems = ConfigurationProblems()
        var reader = try Self.reader(of: directory, problems)
        let family = try Self.family(&reader)
        do {
            let description = try ModelDescription(family, &reader, directory)
            return (family, description, problems.errors)
        } catch let error as FormatError {
            return (family, nil, problems.errors + [error])
        }
    }

    /// A reader of the directory's `config.json`.
    private static func reader(
        of directory: FilePath,
        _ problems: ConfigurationProblems? = nil
    ) throws -> ConfigurationReader {
        try Self.requireDirectory(directory)
        let path = directory.appending("config.json")
        guard FileManager.default.fileExists(atPath: path.string) else {
            throw MissingModel.configuration(of: directory)
        }
        return ConfigurationReader(try StrictJSON.object(in: path), path: path, problems: problems)
    }

    private init(_ family: any Family.Type, _ reader: inout ConfigurationReader, _ directory: FilePath) throws {
        reader.skipOwnCode(of: family.modelType)
        var architecture = try family.architecture(&reader)
        try reader.finish(architecture)
        if let violation = architecture.violation { throw reader.violation(violation) }
        let files = family.namings.count > 1 || !reader.statesTies ? try? ModelWeights(directory: directory) : nil
        let naming = Self.naming(of: files, family, architecture)
        if !reader.statesTies, let files, try Self.holdsOwnHead(files, naming, family) {
            architecture.tiesEmbeddings = false
        }
        (self.family, self.naming, self.architecture, remarks) = (family, naming, architecture, reader.remarks)
    }

    /// The family that `model_type` names.
    private static func family(_ reader: inout ConfigurationReader) throws -> any Family.Type {
        guard let modelType = try reader.string("model_type") else {
            throw reader.violation(Families.refusal(of: nil))
        }
        guard let family = Families.named(modelType) else { throw reader.violation(Families.refusal(of: modelType)) }
        return family
    }

    /// The naming under which the files hold the most parameters; the first one for absent or unreadable files.
    private static func naming(
        of files: ModelWeights?,
        _ family: any Family.Type,
        _ architecture: Architecture
    ) -> Naming {
        guard let files, family.namings.count > 1 else { return family.namings[0] }
        let names = Set(files.names)
        let counts = family.namings.map { naming in
            ParameterTable(architecture, family: family, naming: naming).parameters.count { names.contains($0.name) }
        }
        return family.namings[counts.indices.max { counts[$0] < counts[$1] } ?? 0]
    }

    /// Whether the files hold a vocabulary projection that differs from the embedding: without a statement about the tie,
    /// `transformers` then uses it.
    private static func holdsOwnHead(
        _ files: ModelWeights,
        _ naming: Naming,
        _ family: any Family.Type
    ) throws -> Bool {
        let names = [Module.head, .embedding].map { "\(naming.name(of: $0, in: family)).weight" }
        return Set(names).isSubset(of: files.names) ? try !files.areIdentical(names[0], names[1]) : false
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
    package var parameters: ParameterTable { ParameterTable(architecture, family: family, naming: naming) }
}
