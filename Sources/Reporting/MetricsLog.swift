internal import Formats
package import Foundation
package import SystemPackage

/// `metrics.jsonl`: one record a line, written to the file when it is appended, and to TensorBoard's events on request.
///
/// A full disk does not end a run: lines stay in memory until they can be written.
package final class MetricsLog {
    /// All lines up to one moment.
    ///
    /// Those in the file are not copied: the log never changes them.
    package struct Lines {
        fileprivate let file: MappedFile
        fileprivate let count: Int
        fileprivate let pending: [UInt8]

        /// Writes the lines to another file.
        package func write(to path: FilePath) throws {
            try AtomicFile.write(to: path) { copy in
                try file.withBytes(0..<count) { try copy.append($0) }
                try pending.withUnsafeBytes { try copy.append($0) }
            }
        }
    }

    private let path: FilePath
    private let file: GrowingFile
    /// Nil if the run does not report to TensorBoard.
    private let events: EventLog?

    private init(_ path: FilePath, file: GrowingFile, events: EventLog?) {
        (self.path, self.file, self.events) = (path, file, events)
    }

    /// Writes a file with `lines`, which replaces an existing one, and opens it for appending.
    ///
    /// - Parameter events: What receives each further record too.
    /// - Throws: `FileError` if it cannot be written.
    package static func create(at path: FilePath, lines: Data, events: EventLog? = nil) throws -> MetricsLog {
        try AtomicFile.write(to: path) { file in try lines.withUnsafeBytes { try file.append($0) } }
        return MetricsLog(path, file: try GrowingFile(opening: path, end: lines.count), events: events)
    }

    /// All lines so far, including those in memory.
    package func lines() throws -> Lines {
        Lines(file: try MappedFile(path), count: file.end, pending: file.pending)
    }

    /// Appends a record; if it cannot be written now, it stays in memory.
    package func append(_ record: MetricsRecord) {
        file.append((record.line + "\n").utf8)
        events?.append(record)
    }

    /// Writes the lines in memory.
    package func finish() throws {
        events?.finish()
        try file.flush()
    }
}
