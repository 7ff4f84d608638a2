internal import Foundation
package import SystemPackage

/// `manifest.json`: size and SHA-256 of every file of a directory, to verify that it is complete and unchanged.
package struct DirectoryManifest: Encodable, Sendable, Equatable {
    private struct File: Encodable, Sendable, Equatable {
        let bytes: Int
        let sha256: String
    }

    /// The file name of the manifest.
    package static let fileName = "manifest.json"
    private static let format = "espalier-manifest"

    private let format: String
    private let formatVersion: Int
    private let files: [String: File]

    private enum CodingKeys: String, CodingKey {
        case format, files
        case formatVersion = "format_version"
    }

    /// Creates the manifest of the files in `directory` and in the directories within it.
    init(of directory: FilePath) throws {
        format = Self.format
        formatVersion = 1
        var files: [String: File] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: directory.string) {
            let path = directory.appending(name)
            guard try path.stat().type != .directory else { continue }
            files[name] = File(bytes: try MappedFile(path).count, sha256: try Digest.sha256(ofFile: path))
        }
        self.files = files
    }

    /// Reads the manifest in `directory` and verifies every file, or only the file `name`.
    ///
    /// - Throws: `FormatError` for the first file that is missing or has changed.
    package init(verifying directory: FilePath, only name: String? = nil) throws {
        let path = directory.appending(Self.fileName)
        let object = try MappedFile(path).withBytes { try? StrictJSON.value(of: $0) }?.object ?? [:]
        let files = object["files"]?.object?.mapValues { Self.file($0.object ?? [:]) }
        guard object["format"] == .string(Self.format), object["format_version"] == .number("1"), let files else {
            throw FormatError(path, "expected a manifest of format version 1, found other or incomplete content")
        }
        (format, formatVersion) = (Self.format, 1)
        self.files = try files.reduce(into: [:]) { known, entry in
            guard let file = entry.value else {
                throw FormatError(path, "\(entry.key): expected bytes, a whole number, and sha256, a string")
            }
            known[entry.key] = file
        }
        if let name, self.files[name] == nil { throw FormatError(path, "expected \(name) among the files") }
        for (other, file) in self.files.sorted(by: { $0.key < $1.key }) where name == nil || name == other {
            try Self.verify(file, directory, other)
        }
    }

    private static func file(_ entry: [String: JSONValue]) -> File? {
        guard let bytes = entry["bytes"]?.wholeNumber, let sha256 = entry["sha256"]?.string else { return nil }
        return File(bytes: bytes, sha256: sha256)
    }

    /// The names of the files, sorted; those of a directory within with its name and a slash in front.
    package var names: [String] { files.keys.sorted() }

    /// Writes the manifest to the directory of its files.
    func write(to directory: FilePath) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let json = try encoder.encode(self)
        try AtomicFile.write(to: directory.appending(Self.fileName)) { file in
            try json.withUnsafeBytes { try file.append($0) }
            try file.append("\n")
        }
    }

    private static func verify(_ expected: File, _ directory: FilePath, _ name: String) throws {
        guard name.split(separator: "/", omittingEmptySubsequences: false).allSatisfy({ isBareName(String($0)) }) else {
            throw FormatError(directory.appending(fileName), "expected names of files in this directory, found \(name)")
        }
        let path = directory.appending(name)
        let count = try MappedFile(path).count
        guard count == expected.bytes else {
            throw FormatError(path, "expected \(expected.bytes) bytes, as \(fileName) says, found \(count)")
        }
        guard try Digest.sha256(ofFile: path) == expected.sha256 else {
            throw FormatError(path, "its SHA-256 differs from \(fileName): some of its bytes have changed")
        }
    }
}

/// Whether a file name has no path components, so that it stays within a directory.
func isBareName(_ name: String) -> Bool {
    !name.isEmpty && name != "." && name != ".." && !name.utf8.contains(UInt8(ascii: "/")) && !name.utf8.contains(0)
}
