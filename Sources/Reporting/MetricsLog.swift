internal import Formats
package import Foundation
internal import Glibc
package import SystemPackage

/// `metrics.jsonl`: one record a line, written to the file when it is appended.
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
    private let descriptor: Int32
    /// The end of the last complete line in the file, in bytes.
    private var end: Int
    private var pending: [UInt8] = []
    private var hasWarned = false

    private init(_ path: FilePath, descriptor: Int32, end: Int) {
        (self.path, self.descriptor, self.end) = (path, descriptor, end)
    }

    /// Writes a file with `lines`, which replaces an existing one, and opens it for appending.
    ///
    /// - Throws: `FileError` if it cannot be written.
    package static func create(at path: FilePath, lines: Data) throws -> MetricsLog {
        try AtomicFile.write(to: path) { file in try lines.withUnsafeBytes { try file.append($0) } }
        let descriptor = open(path.string, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw AtomicFile.failure(path) }
        return MetricsLog(path, descriptor: descriptor, end: lines.count)
    }

    deinit {
        close(descriptor)
    }

    /// All lines so far, including those in memory.
    package func lines() throws -> Lines { Lines(file: try MappedFile(path), count: end, pending: pending) }

    /// Appends a record; if it cannot be written now, it stays in memory.
    package func append(_ record: MetricsRecord) {
        pending += Array((record.line + "\n").utf8)
        do {
            try flush()
        } catch {
            if !hasWarned { printNotice("warning: \(error)") }
            hasWarned = true
        }
    }

    /// Writes the lines in memory.
    package func finish() throws {
        try flush()
    }

    /// Writes the lines in memory after the last complete line, over the remains of an earlier attempt.
    private func flush() throws {
        var written = 0
        while written < pending.count {
            let count = pending.withUnsafeBytes { bytes in
                pwrite(descriptor, bytes.baseAddress! + written, bytes.count - written, off_t(end + written))
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw AtomicFile.failure(path)
            }
            written += count
        }
        end += pending.count
        pending = []
    }
}
