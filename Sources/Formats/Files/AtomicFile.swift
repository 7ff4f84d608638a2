internal import Glibc
package import SystemPackage

/// A file that appears whole or not at all.
///
/// Bytes go to a temporary name beside the destination, are synchronized, and take the final name by one rename. What
/// was there before stays until then; on any error the temporary is removed, and what a killed process left of it goes
/// when the file is written again.
package struct AtomicFile: ~Copyable {
    private let path: FilePath
    private let temporary: String
    private let descriptor: Int32
    private var isCommitted = false

    /// Writes what `body` appends to `path`.
    ///
    /// - Throws: `FormatError` with the system's reason and the remedy, or what `body` throws.
    package static func write(to path: FilePath, _ body: (inout AtomicFile) throws -> Void) throws {
        var file = try AtomicFile(path)
        try body(&file)
        try file.commit()
    }

    /// Makes sure that a file can be written at `path`, without changing what is there.
    ///
    /// Called before long work, so that it does not end at a place that was wrong from the beginning.
    package static func checkWritable(_ path: FilePath) throws {
        _ = try AtomicFile(path)
    }

    private init(_ path: FilePath) throws {
        self.path = path
        path.removeAbandoned()
        temporary = "\(path.string).\(getpid()).tmp"
        // A killed process of the same number may have left it. What others have put there since is not written to, nor
        // whatever a link of that name points to.
        unlink(temporary)
        descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw Self.failure(path) }
        // As long as this process lives it is not abandoned.
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
            // Linux writes at most 2 GiB at once.
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
        guard fsync(descriptor) == 0, rename(temporary, path.string) == 0 else { throw Self.failure(path) }
        isCommitted = true
        // The rename itself is durable once the directory is synchronized.
        try path.removingLastComponent().synchronizeDirectory()
    }

    /// What a failed call means for the file, from `errno`.
    package static func failure(_ path: FilePath) -> FormatError {
        let code = errno
        let remedy =
            switch code {
            case ENOSPC, EDQUOT: "; free some space or write elsewhere"
            case EACCES, EPERM, EROFS: "; choose a place that you may write to"
            case EIO: "; the disk is at fault, see the system's log"
            case ENOENT, ENOTDIR: "; create its directory first"
            default: ""
            }
        return FormatError(path, "cannot be written: \(String(cString: strerror(code)))\(remedy)", code: code)
    }
}
