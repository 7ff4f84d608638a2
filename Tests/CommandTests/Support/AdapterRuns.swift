internal import Foundation
internal import Formats
internal import SystemPackage
internal import TestSupport
internal import Testing

/// The options of new adapters of the tied tiny model, and the tensors that they have.
struct NewAdapter: Sendable, CustomStringConvertible {
    let arguments: [String]
    /// Of the file, where a copy of the tied embedding is stored twice.
    let tensors: Int

    /// Every linear layer of three.
    static let plain = NewAdapter(
        arguments: ["--lora-r", "4", "--lora-target-modules", "all-linear"],
        tensors: 3 * 7 * 2
    )
    /// Everything that is trained besides.
    static let everything = NewAdapter(
        arguments: [
            "--use-peft", "--use-dora", "--use-rslora", "--lora-target-modules", "q_proj,down_proj",
            "--modules-to-save", "embed_tokens", "--ensure-weight-tying",
        ],
        tensors: 3 * 2 * 3 + 2
    )
    static let all = [plain, everything]

    var description: String { arguments.joined(separator: " ") }
}

/// Runs a command alone, and requires success.
@discardableResult
func espalier(_ arguments: [String], at location: SourceLocation = #_sourceLocation) throws -> Outcome {
    let outcome = try Launch.run("espalier", arguments + ["--threads", "1"], solo: true)
    try #require(outcome.status == 0, "\(outcome.errors)", sourceLocation: location)
    return outcome
}

/// The log-probabilities of a golden's responses.
func responseLogps(_ golden: Golden, _ arguments: [String], in directory: FilePath) throws -> [Double] {
    let output = directory.appending("logps-\(UUID().uuidString).safetensors")
    try espalier(["logps", "--data", golden.file.string, "--output", output.string] + arguments)
    return try SafetensorsFile(output).float64s("response_logps")
}

/// Expects log-probabilities that differ by rounding only.
func expectNear(_ found: [Double], _ expected: [Double], at location: SourceLocation = #_sourceLocation) {
    #expect(found.count == expected.count && expected.count > 10, sourceLocation: location)
    for (a, b) in zip(found, expected) {
        #expect(abs(a - b) <= 2e-5 * abs(b), "\(a) and \(b)", sourceLocation: location)
    }
}

/// The object of a JSON file.
func jsonObject(_ path: FilePath) throws -> [String: Any] {
    let data = try #require(FileManager.default.contents(atPath: path.string))
    return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
}
