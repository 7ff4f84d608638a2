internal import Formats
package import Foundation
internal import Glibc
package import SystemPackage

/// `metrics.jsonl`: one record a line, in the file as soon as it is appended.
///
/// A disk that is full does not end a run: lines wait until they can be written.
package final class MetricsLog {
    /// All lines until some moment, those in the file where they lie: nothing of it is ever changed.
    package struct Lines {
        fileprivate let file: MappedFile
        fileprivate let count: Int
        fileprivate let waiting: [UInt8]

        /// Writes them to another file.
        package func write(to path: FilePath) throws {
            try AtomicFile.write(to: path) { copy in
                try file.withBytes(0..<count) { try copy.append($0) }
                try waiting.withUnsafeBytes { try copy.append($0) }
            }
        }
    }

    private let path: FilePath
    private let descriptor: Int32
    /// Where the last line ends that is in the file whole.
    private var end: Int
    private var waiting: [UInt8] = []
    private var hasWarned = false

    /// Starts the file with `lines`, in place of what is there.
    package init(_ path: FilePath, lines: Data) throws {
        self.path = path
        try AtomicFile.write(to: path) { file in try lines.withUnsafeBytes { try file.append($0) } }
        end = lines.count
        descriptor = open(path.string, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw AtomicFile.failure(path) }
    }

    deinit {
        close(descriptor)
    }

    /// All lines so far, also those that wait.
    package func lines() throws -> Lines { Lines(file: try MappedFile(path), count: end, waiting: waiting) }

    /// Adds a record; one that cannot be written now waits.
    package func append(_ record: MetricsRecord) {
        waiting += Array((record.line + "\n").utf8)
        do {
            try flush()
        } catch {
            if !hasWarned { printNotice("warning: \(error)") }
            hasWarned = true
        }
    }

    /// Writes what still waits.
    package func finish() throws {
        try flush()
    }

    /// Writes what waits behind the last whole line, over what may have been written of it before.
    private func flush() throws {
        var written = 0
        while written < waiting.count {
            let count = waiting.withUnsafeBytes { bytes in
                pwrite(descriptor, bytes.baseAddress! + written, bytes.count - written, off_t(end + written))
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw AtomicFile.failure(path)
            }
            written += count
        }
        end += waiting.count
        waiting = []
    }
}
