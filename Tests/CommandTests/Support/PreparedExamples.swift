internal import Formats
internal import Foundation
internal import SystemPackage

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
    var prompts: [Int32] = []
    var responses: [Int32] = []
    var (promptEnds, responseEnds): ([Int64], [Int64]) = ([0], [0])
    var rows: [Int64] = [0]
    for row in 0..<count where !left.contains(row) {
        let token = Int32(row % 131)
        prompts += [token, Int32(row / 131)] + Array(repeating: 5, count: promptLength - 2)
        promptEnds.append(Int64(prompts.count))
        responses += [token, 7]
        responseEnds.append(Int64(responses.count))
        responses += row == odd ? Array(repeating: 7, count: 60) : [130 - token]
        responseEnds.append(Int64(responses.count))
        rows.append(Int64(responseEnds.count - 1))
    }
    try SafetensorsWriter.write(
        [
            SafetensorsEntry(name: "prompt_ids", prompts),
            SafetensorsEntry(name: "prompt_offsets", promptEnds),
            SafetensorsEntry(name: "response_ids", responses),
            SafetensorsEntry(name: "response_offsets", responseEnds),
            SafetensorsEntry(name: "row_offsets", rows),
        ],
        metadata: ["format": "espalier-preferences", "format_version": "1"],
        to: path
    )
}
