internal import Formats
internal import Glibc
internal import SystemPackage

/// A file that grows by whole records, each written when it is appended.
///
/// A full disk does not end a run: records stay in memory until they can be written.
final class GrowingFile {
    private let path: FilePath
    private let descriptor: Int32
    /// The end of the last complete record in the file, in bytes.
    private(set) var end: Int
    /// The records that are not in the file yet.
    private(set) var pending: [UInt8] = []
    private var hasWarned = false

    /// Opens a file of `end` bytes.
    ///
    /// - Throws: `FileError` if it cannot be opened.
    init(opening path: FilePath, end: Int) throws {
        (self.path, self.end) = (path, end)
        descriptor = open(path.string, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw AtomicFile.failure(path) }
    }

    /// Creates a file, which must not exist.
    ///
    /// - Throws: `FileError` if it exists or cannot be created.
    init(creating path: FilePath) throws {
        (self.path, end) = (path, 0)
        descriptor = open(path.string, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw AtomicFile.failure(path) }
    }

    deinit {
        close(descriptor)
    }

    /// Appends a record; if it cannot be written now, it stays in memory, with a warning for the first one.
    func append(_ record: some Sequence<UInt8>) {
        pending += record
        do {
            try flush()
        } catch {
            if !hasWarned { printNotice("warning: \(error)") }
            hasWarned = true
        }
    }

    /// Writes the records in memory after the last complete record, over the remains of an earlier attempt.
    func flush() throws {
        try writeAll(pending, to: descriptor, at: end, of: path)
        end += pending.count
        pending = []
    }
}
