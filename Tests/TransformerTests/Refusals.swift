internal import Formats
internal import Foundation
internal import SystemPackage
internal import Testing

/// Writes a text file.
func write(_ text: String, to path: FilePath) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path.string))
}

/// Expects `body` to be refused with `message`, on one line and with `path` in front.
func expectRefusal(
    _ path: FilePath,
    _ message: String,
    at location: SourceLocation = #_sourceLocation,
    _ body: () throws -> Void
) {
    let error = #expect(throws: FormatError.self, sourceLocation: location, performing: body)
    guard let text = error?.description else { return }
    #expect(text == "\(path): \(message)", sourceLocation: location)
    #expect(!text.contains("\n"), sourceLocation: location)
}
