internal import Formats
package import SystemPackage
package import Testing

/// Expects `body` to be refused with `message`, on one line and with `path` in front.
package func expectRefusal(
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
