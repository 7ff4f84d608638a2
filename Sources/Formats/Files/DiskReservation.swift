internal import Glibc
package import SystemPackage

/// Disk space that is reserved until it is needed.
///
/// Uses an unlinked file of that size, whose space the system frees when the process ends for any reason.
package final class DiskReservation {
    private var descriptor: Int32 = -1
    private let directory: FilePath

    /// Reserves `byteCount` bytes on the file system of `directory`.
    ///
    /// - Throws: `FormatError` if there is not enough space.
    package init(byteCount: Int, in directory: FilePath) throws {
        self.directory = directory
        try hold(byteCount)
    }

    /// Reserves `byteCount` bytes in place of the previous reservation.
    ///
    /// - Throws: `FormatError` if there is not enough space.
    package func hold(_ byteCount: Int) throws {
        release()
        let name = directory.appending(".reserved")
        // In a container a process may have the id of a killed one, whose file has the same name.
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
            "needs \(byteCount >> 20) MiB of disk space: \(String(cString: strerror(code))); "
                + "free some space or write elsewhere",
            isTransient: true
        )
    }

    deinit {
        release()
    }

    /// Frees the reserved space.
    package func release() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
    }
}
