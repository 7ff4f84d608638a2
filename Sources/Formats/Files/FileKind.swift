package import SystemPackage

/// A kind of file that is recognized by its first bytes, for errors about a file of another kind than expected.
package enum FileKind: String, Sendable, CaseIterable {
    case empty = "an empty file"
    case pointer = "a Git LFS pointer instead of the file's content"
    case html = "an HTML page"
    case gguf = "a GGUF model"
    case parquet = "a Parquet file"
    case pickle = "a PyTorch file (pickle)"
    case zip = "a ZIP archive, as PyTorch writes (pickle)"
    case hdf5 = "an HDF5 file"
    case numpy = "a NumPy file"
    case arrow = "an Arrow file"
    case compressed = "a compressed file"
    case json = "JSON"
    case text = "text"

    /// The kind of the file at `path`; nil if it is unknown, or if the file cannot be read.
    package init?(_ path: FilePath) {
        guard let file = try? MappedFile(path) else { return nil }
        self.init(file)
    }

    /// The kind of a file; nil if it is unknown.
    package init?(_ file: MappedFile) {
        let start = file.withBytes(0..<min(file.count, Self.examined)) { Array($0) }
        guard let kind = Self.kind(start) else { return nil }
        self = kind
    }

    /// The number of bytes at the start of a file that are examined.
    private static let examined = 512

    private static let signatures: [(bytes: [UInt8], kind: FileKind)] = [
        (Array("version https://git-lfs.github.com".utf8), .pointer),
        (Array("GGUF".utf8), .gguf),
        (Array("PAR1".utf8), .parquet),
        (Array("PK\u{3}\u{4}".utf8), .zip),
        (Array("ARROW1".utf8), .arrow),
        ([0x89] + Array("HDF\r\n".utf8), .hdf5),
        ([0x93] + Array("NUMPY".utf8), .numpy),
        ([0x1F, 0x8B], .compressed),
        ([0x28, 0xB5, 0x2F, 0xFD], .compressed),
        ([0xFD] + Array("7zXZ".utf8), .compressed),
        // The protocol's version, 2 to 5, then the opcode of a frame, a number or a tuple.
        ([0x80, 2], .pickle), ([0x80, 3], .pickle), ([0x80, 4], .pickle), ([0x80, 5], .pickle),
    ]

    private static func kind(_ start: [UInt8]) -> FileKind? {
        if start.isEmpty { return .empty }
        // A safetensors file, whose length of the header may begin like a signature.
        if start.count > 8, start[4..<8].allSatisfy({ $0 == 0 }), start[8] == UInt8(ascii: "{") { return nil }
        if let known = signatures.first(where: { start.starts(with: $0.bytes) }) { return known.kind }
        guard isText(start) else { return nil }
        let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let text = start.dropFirst(start.starts(with: byteOrderMark) ? 3 : 0).drop { $0 <= 0x20 }
        if [UInt8(ascii: "{"), UInt8(ascii: "[")].contains(text.first) { return .json }
        let lowercased = String(decoding: text, as: UTF8.self).lowercased()
        return ["<!doctype html", "<html"].contains(where: lowercased.hasPrefix) ? .html : .text
    }

    /// Whether the bytes are UTF-8 without control characters, except for a character that the end cuts.
    private static func isText(_ bytes: [UInt8]) -> Bool {
        guard !bytes.contains(where: { $0 < 0x20 && ![9, 10, 12, 13].contains($0) || $0 == 0x7F }) else { return false }
        return (0..<4).contains { String(validating: bytes.dropLast($0), as: UTF8.self) != nil }
    }
}
