internal import Glibc
package import SystemPackage

/// Room on a disk, held until it is needed.
///
/// A file of that size that has lost its name at once: the room comes back when the process ends, however it ends.
package final class DiskReservation {
    private var descriptor: Int32 = -1
    private let directory: FilePath

    /// Holds `byteCount` bytes on the file system of `directory`.
    ///
    /// - Throws: `FormatError` where there is not enough.
    package init(byteCount: Int, in directory: FilePath) throws {
        self.directory = directory
        try hold(byteCount)
    }

    /// Holds `byteCount` bytes in place of what was held.
    ///
    /// - Throws: `FormatError` where there is not enough.
    package func hold(_ byteCount: Int) throws {
        release()
        let name = directory.appending(".reserved")
        // In a container a process has the number of the one before it, whose file would be in the way.
        name.removeAbandoned()
        let path = FilePath("\(name.string).\(getpid()).tmp")
        descriptor = open(path.string, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw AtomicFile.failure(path) }
        unlink(path.string)
        let code = byteCount > 0 ? posix_fallocate(descriptor, 0, byteCount) : 0
        guard code == ENOSPC || code == EDQUOT || code == EFBIG else { return }
        close(descriptor)
        descriptor = -1
        throw FormatError(
            directory,
            "\(byteCount >> 20) MiB are needed there: \(String(cString: strerror(code))); free some space or write elsewhere",
            isTransient: true
        )
    }

    deinit {
        release()
    }

    /// Gives the room back, to be written to by something else.
    package func release() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
    }
}
