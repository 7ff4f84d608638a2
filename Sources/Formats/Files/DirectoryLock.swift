internal import Foundation
internal import Glibc
package import SystemPackage

/// An exclusive lock on a directory, so that only one process at a time writes to it.
///
/// Uses `flock` on a file in it: the system releases the lock when the process ends for any reason, so there are no
/// stale locks. It works across hosts on NFS (with version 4 until the lease of a dead host expires, 90 s), CephFS, and
/// Lustre mounted with `flock`; on Lustre with `localflock`, and depending on settings on BeeGFS and GPFS, only between
/// processes of one host.
package final class DirectoryLock {
    /// The file that is locked; it contains the process that holds the lock.
    package static let fileName = ".lock"

    /// Whether the lock is held; false if the file system does not support locks.
    package let isHeld: Bool
    /// Lives longer than the lock file in it.
    private var directory: MadeDirectory
    private let path: FilePath
    private let descriptor: Int32

    /// Acquires the lock of `directory`, which is created if it does not exist, and then removed with the lock if nothing else is
    /// in it.
    ///
    /// - Parameter patience: Seconds to wait for another process to release it: the ranks of a job whose launcher was
    ///   killed end a moment later.
    /// - Throws: `FormatError` that names the process which holds it, or if the directory cannot be created or the file written.
    package init(_ directory: FilePath, patience: Double = 5) throws {
        self.directory = try MadeDirectory(directory)
        path = directory.appending(Self.fileName)
        let deadline = ContinuousClock().now + .seconds(patience)
        while true {
            // O_NOFOLLOW: the target of a link with that name would be overwritten.
            let descriptor = open(path.string, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0o666)
            if descriptor < 0, errno == ENOENT, ContinuousClock().now < deadline {
                // The previous holder was refused, and has removed the directory that it had created.
                self.directory = try MadeDirectory(directory)
                continue
            }
            guard descriptor >= 0 else { throw AtomicFile.failure(path) }
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 {
                // The previous holder may have removed this file in the meantime.
                if Self.isFile(path, open: descriptor) {
                    (self.descriptor, isHeld) = (descriptor, true)
                    break
                }
            } else if errno != EWOULDBLOCK, errno != EINTR {
                (self.descriptor, isHeld) = (descriptor, false)
                break
            } else if ContinuousClock().now > deadline {
                defer { close(descriptor) }
                throw Self.refusal(directory, holder: Self.holder(descriptor))
            }
            close(descriptor)
            usleep(50_000)
        }
        let time = ISO8601DateFormatter().string(from: Date())
        let text = Array("process \(getpid()) on \(Host.name) since \(time)\n".utf8)
        ftruncate(descriptor, 0)
        if pwrite(descriptor, text, text.count, 0) == text.count { fsync(descriptor) }
    }

    deinit {
        // Before the lock is released, so that the file of another process is never removed.
        if isHeld { unlink(path.string) }
        close(descriptor)
    }

    private static func isFile(_ path: FilePath, open descriptor: Int32) -> Bool {
        var (here, there) = (stat(), stat())
        guard fstat(descriptor, &here) == 0, stat(path.string, &there) == 0 else { return false }
        return here.st_dev == there.st_dev && here.st_ino == there.st_ino
    }

    private static func holder(_ descriptor: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: 512)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        let line = String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self).prefix(while: { !$0.isNewline })
        return line.isEmpty ? "an unknown process" : String(line)
    }

    private static func refusal(_ directory: FilePath, holder: String) -> FormatError {
        FormatError(
            directory,
            "in use by another run: \(holder); wait for its end, stop it, or choose another --output",
            isTransient: true
        )
    }
}
