internal import Formats
internal import Foundation
internal import SystemPackage
internal import Testing

/// Writes a safetensors file byte by byte, valid or not.
///
/// - Parameter length: The length in the first eight bytes; nil for the true length of the header.
func writeSafetensors(_ header: String, data: [UInt8] = [], length: UInt64? = nil, to path: FilePath) throws {
    var bytes = [UInt8]()
    withUnsafeBytes(of: (length ?? UInt64(header.utf8.count)).littleEndian) { bytes += $0 }
    try write(bytes + header.utf8 + data, to: path)
}

/// Writes a file of these bytes.
func write(_ bytes: [UInt8], to path: FilePath) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: path.string))
}

/// Writes a text file.
func write(_ text: String, to path: FilePath) throws {
    try write(Array(text.utf8), to: path)
}

/// The names of a directory's files, sorted.
func names(in directory: FilePath) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: directory.string).sorted()
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

/// The little-endian bytes of numbers.
func littleEndian(_ integers: [some FixedWidthInteger]) -> [UInt8] {
    integers.flatMap { integer in withUnsafeBytes(of: integer.littleEndian) { Array($0) } }
}

/// Reads a whole tensor as float32.
func float32s(_ file: SafetensorsFile, _ name: String, shape: [Int]) throws -> [Float] {
    var values = [Float](repeating: 7, count: shape.reduce(1, *))
    var span = values.mutableSpan
    try file.read(name, shape: shape, into: &span)
    return values
}
