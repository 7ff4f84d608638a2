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

    init(_ path: FilePath) throws {
        self.path = path
        try AtomicFile.write(to: path) { _ in }
        guard let handle = FileHandle(forWritingAtPath: path.string) else {
            throw FormatError(path, "cannot be opened for writing")
        }
        self.handle = handle
    }

    func append(_ record: MetricsRecord) {
        waiting += Data((record.line + "\n").utf8)
        do {
            try flush()
        } catch {
            if !hasWarned { FileHandle.standardError.write(Data("warning: \(error)\n".utf8)) }
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
            throw FormatError(path, "cannot be written: \(error.localizedDescription); free some space")
        }
    }
}
