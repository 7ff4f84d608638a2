internal import Formats
internal import SystemPackage
internal import TestSupport

/// Writes a safetensors file byte by byte, valid or not.
///
/// - Parameter length: The length in the first eight bytes; nil for the true length of the header.
func writeSafetensors(_ header: String, data: [UInt8] = [], length: UInt64? = nil, to path: FilePath) throws {
    var bytes = [UInt8]()
    withUnsafeBytes(of: (length ?? UInt64(header.utf8.count)).littleEndian) { bytes += $0 }
    try write(bytes + header.utf8 + data, to: path)
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
