internal import Foundation
package import SystemPackage

/// Writes a file of these bytes.
package func write(_ bytes: [UInt8], to path: FilePath) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: path.string))
}

/// Writes a text file.
package func write(_ text: String, to path: FilePath) throws {
    try write(Array(text.utf8), to: path)
}

/// The names of a directory's files, sorted.
package func names(in directory: FilePath) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: directory.string).sorted()
}

package func exists(_ path: FilePath) -> Bool { FileManager.default.fileExists(atPath: path.string) }
