internal import Configuration
internal import Formats
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Translations of a file with a model, an output and further lines, from the third on.
enum Translations {
    static let start = "model_name_or_path: /models/m\noutput_dir: o\n"

    static func of(_ text: String, in directory: FilePath) throws -> Translation? {
        let path = directory.appending("foreign.yaml")
        let first = text.hasPrefix("output_dir") ? "model_name_or_path: /models/m\n" : start
        try AtomicFile.write(to: path) { try $0.append(first + text + "\n") }
        return try Translation(of: path)
    }

    static func yaml(_ text: String) throws -> String {
        try Places.temporary { try #require(try of(text, in: $0)).yaml }
    }

    static func settings(_ text: String) throws -> TrainingConfiguration {
        try Places.temporary { try #require(try of(text, in: $0)).configuration }
    }

    /// The message of the refusal.
    static func refusal(_ text: String) throws -> String? {
        try Places.temporary { directory in
            #expect(throws: FormatError.self) { try of(text, in: directory) }?.message
        }
    }
}
