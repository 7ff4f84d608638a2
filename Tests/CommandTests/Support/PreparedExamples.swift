internal import Formats
internal import SystemPackage

/// A prompt and its responses, the preferred one first.
typealias Example = (prompt: [Int32], responses: [[Int32]])

/// Writes preference data as `espalier-prepare` does.
///
/// - Parameter more: Metadata in addition to the format and its version, which it may replace.
func writePrepared(_ examples: [Example], metadata more: [String: String] = [:], to path: FilePath) throws {
    func offsets(_ counts: [Int]) -> [Int64] { counts.reduce(into: [0]) { $0.append($0[$0.count - 1] + Int64($1)) } }
    let responses = examples.flatMap(\.responses)
    try SafetensorsWriter.write(
        [
            SafetensorsEntry(name: "prompt_ids", examples.flatMap(\.prompt)),
            SafetensorsEntry(name: "prompt_offsets", offsets(examples.map(\.prompt.count))),
            SafetensorsEntry(name: "response_ids", responses.flatMap(\.self)),
            SafetensorsEntry(name: "response_offsets", offsets(responses.map(\.count))),
            SafetensorsEntry(name: "row_offsets", offsets(examples.map(\.responses.count))),
        ],
        metadata: ["format": "espalier-preferences", "format_version": "1"].merging(more) { $1 },
        to: path
    )
}

/// Writes preference data of short examples that all differ.
///
/// - Parameters:
///   - promptLength: Tokens of a prompt, the first two of which differ between examples.
///   - odd: An example whose second response is much longer than the others; nil for none.
///   - left: Examples that are not written.
func writeExamples(
    _ count: Int,
    to path: FilePath,
    promptLength: Int = 2,
    odd: Int? = nil,
    leavingOut left: Range<Int> = 0..<0
) throws {
    let examples = (0..<count).filter { !left.contains($0) }.map { row -> Example in
        let token = Int32(row % 131)
        let second: [Int32] = row == odd ? Array(repeating: 7, count: 60) : [130 - token]
        return ([token, Int32(row / 131)] + Array(repeating: 5, count: promptLength - 2), [[token, 7], second])
    }
    try writePrepared(examples, to: path)
}
