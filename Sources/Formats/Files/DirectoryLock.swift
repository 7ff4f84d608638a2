internal import Foundation
internal import Glibc
package import SystemPackage

/// A directory that one process at a time may write to.
///
/// By `flock` on a file in it: the system gives the lock back when the process ends, however it ends, so that none is ever
/// left over. It holds between hosts on NFS (with version 4 until a dead host's lease ends, 90 s), CephFS, and Lustre
/// mounted with `flock`; on Lustre with `localflock`, and on BeeGFS and GPFS by their settings, between processes of one
/// host alone.
package final class DirectoryLock {
    /// The file that is locked; it tells who has it.
    package static let fileName = ".lock"

    /// Whether the file system knows locks.
    package let isHeld: Bool
    private let path: FilePath
    private let descriptor: Int32

    /// Takes the lock of `directory`.
    ///
    /// - Parameter patience: Seconds for which another process may still hold it: the ranks of a job whose launcher was
    ///   killed end a moment later.
    /// - Throws: `FormatError` that names the process which keeps it, or where the file cannot be written.
    package init(_ directory: FilePath, patience: Double = 5) throws {
        path = directory.appending(Self.fileName)
        let deadline = ContinuousClock().now + .seconds(patience)
        while true {
            // What a link of that name points to would be written over.
            let descriptor = open(path.string, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0o666)
            guard descriptor >= 0 else { throw AtomicFile.failure(path) }
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 {
                // Whoever had it before may have removed this file meanwhile.
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
        // While it is held: nobody else's is removed.
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
        return line.isEmpty ? "a process that has not told its name" : String(line)
    }

    private static func refusal(_ directory: FilePath, holder: String) -> FormatError {
        FormatError(
            directory,
            "another run writes there: \(holder); wait for its end, stop it, or choose another --output",
            isTransient: true
        )
    }
}
