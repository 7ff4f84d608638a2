internal import Formats
internal import Foundation
package import SystemPackage

/// The tokens after which a model's text ends, as transformers reads them.
package enum EndTokens {
    /// `eos_token_id` of `generation_config.json`, or, without that file, of `config.json`; none if neither has it.
    ///
    /// - Throws: `FormatError` if the file is invalid.
    package static func read(directory: FilePath) throws -> Set<Int32> {
        let files = ["generation_config.json", "config.json"].map(directory.appending)
        guard let path = files.first(where: { FileManager.default.fileExists(atPath: $0.string) }) else { return [] }
        let object = try StrictJSON.object(in: path)
        let value = object["eos_token_id"] ?? object["text_config"]?.object?["eos_token_id"] ?? .null
        guard value != .null else { return [] }
        let tokens = (value.array ?? [value]).map { $0.wholeNumber.flatMap { Int32(exactly: $0) } }
        guard !tokens.contains(nil) else {
            throw FormatError(path, "eos_token_id must be a token or a list of tokens, found \(value.line)")
        }
        return Set(tokens.compactMap(\.self))
    }
}
