internal import Glibc
package import SystemPackage

/// A file that is written atomically.
///
/// Bytes go to a temporary file in the same directory, which is synchronized and then renamed to the destination. An
/// existing file stays until then. On any error the temporary file is removed; that of a killed process is removed when
/// the file is written again.
package struct AtomicFile: ~Copyable {
    private let path: FilePath
    private let temporary: String
    private let descriptor: Int32
    private var isCommitted = false

    /// Writes the bytes that `body` appends to `path`.
    ///
    /// - Throws: `FormatError` with the system's reason and the remedy, or the error of `body`.
    package static func write(to path: FilePath, _ body: (inout AtomicFile) throws -> Void) throws {
        try path.requireReplaceable()
        var file = try AtomicFile(path)
        try body(&file)
        try file.commit()
    }

    /// Writes several files; the first of them gets its name when all are on disk, and the others have theirs.
    ///
    /// - Parameters:
    ///   - files: Each file with the function that appends its bytes.
    ///   - isComplete: Called when all are on disk, before the last file gets its name, then the one before it, and so on.
    /// - Throws: As for one file; no file has its name then unless a rename failed.
    package static func write(
        _ files: [(path: FilePath, body: (inout AtomicFile) throws -> Void)],
        isComplete: () throws -> Void
    ) throws {
        try write(files[...], isComplete)
    }

    private static func write(
        _ files: ArraySlice<(path: FilePath, body: (inout AtomicFile) throws -> Void)>,
        _ isComplete: () throws -> Void
    ) throws {
        guard let next = files.first else { return try isComplete() }
        try next.path.requireReplaceable()
        var file = try AtomicFile(next.path)
        try next.body(&file)
        try file.synchronize()
        try write(files.dropFirst(), isComplete)
        try file.rename()
    }

    /// Checks that a file can be written at `path`, without changing an existing one.
    ///
    /// Called before long computations, so that a wrong path fails early.
    ///
    /// - Throws: `FormatError` as `requireReplaceable` does, or with the system's reason.
    package static func checkWritable(_ path: FilePath) throws {
        try path.requireReplaceable()
        _ = try AtomicFile(path)
    }

    private init(_ path: FilePath) throws {
        self.path = path
        path.removeAbandoned()
        temporary = "\(path.string).\(getpid()).tmp"
        // A killed process with the same id may have left one. O_EXCL and O_NOFOLLOW refuse a file or link that
        // another process creates in between.
        unlink(temporary)
        descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw Self.failure(path) }
        // The lock marks it as in use while this process lives.
        _ = flock(descriptor, LOCK_EX | LOCK_NB)
    }

    deinit {
        close(descriptor)
        if !isCommitted { unlink(temporary) }
    }

    /// Appends bytes.
    package mutating func append(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        while !rest.isEmpty {
            // Linux writes at most 2 GiB per call.
            let written = Glibc.write(descriptor, rest.baseAddress, min(rest.count, 1 << 30))
            if written < 0 {
                if errno == EINTR { continue }
                throw Self.failure(path)
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[written...])
        }
    }

    /// Appends a string's UTF-8.
    package mutating func append(_ string: String) throws {
        try Array(string.utf8).withUnsafeBytes { try append($0) }
    }

    private mutating func commit() throws {
        try synchronize()
        try rename()
    }

    private func synchronize() throws {
        guard fsync(descriptor) == 0 else { throw Self.failure(path) }
    }

    private mutating func rename() throws {
        guard Glibc.rename(temporary, path.string) == 0 else { throw Self.failure(path) }
        isCommitted = true
        // The rename is durable once the directory is synchronized.
        try path.removingLastComponent().synchronizeDirectory()
    }

    /// The error for a failed system call, from `errno`, with a remedy.
    package static func failure(_ path: FilePath) -> FormatError {
        let code = errno
        let remedy =
            switch code {
            case ENOSPC, EDQUOT: "; free some space or write elsewhere"
            case EACCES, EPERM, EROFS: "; choose a path that you may write to"
            case EIO: "; the disk is faulty, see the system log"
            case ENOENT, ENOTDIR: "; create its directory first"
            default: ""
            }
        return FormatError(path, "cannot be written: \(String(cString: strerror(code)))\(remedy)", code: code)
    }
}
