internal import Formats
internal import Foundation
internal import SystemPackage

/// `metrics.jsonl`: one record a line, in the file as soon as it is appended.
///
/// A disk that is full does not end a run: lines wait until they can be written.
final class MetricsLog {
    private let path: FilePath
    private let handle: FileHandle
    private var waiting = Data()
    private var hasWarned = false

    /// Starts the file with `lines`, in place of what is there.
    init(_ path: FilePath, lines: Data) throws {
        self.path = path
        try AtomicFile.write(to: path) { file in try lines.withUnsafeBytes { try file.append($0) } }
        guard let handle = FileHandle(forWritingAtPath: path.string) else {
            throw FormatError(path, "cannot be opened for writing")
        }
        self.handle = handle
        _ = try handle.seekToEnd()
    }

    /// All lines so far, also those that wait.
    func lines() throws -> Data { try MappedFile(path).withBytes { Data($0) } + waiting }

    func append(_ record: MetricsRecord) {
        waiting += Data((record.line + "\n").utf8)
        do {
            try flush()
        } catch {
            if !hasWarned { tell("warning: \(error)") }
            hasWarned = true
        }
    }

    /// Writes what still waits.
    func finish() throws {
        try flush()
    }

    private func flush() throws {
        let end = try handle.offset()
        do {
            try handle.write(contentsOf: waiting)
            waiting = Data()
        } catch {
            // What was written in part would stand twice.
            try? handle.truncate(atOffset: end)
            throw FormatError(
                path,
                "cannot be written: \(error.localizedDescription); free some space",
                isPassing: true
            )
        }
    }
}
