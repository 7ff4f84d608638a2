internal import Foundation
internal import Glibc
package import SystemPackage

extension FilePath {
    /// Makes this directory, with those above it that are missing, and their names durable.
    ///
    /// - Throws: `FormatError` with the system's reason.
    package func makeDirectory() throws {
        if mkdir(string, 0o777) == 0 { return try removingLastComponent().synchronizeDirectory() }
        if errno == ENOENT, !removingLastComponent().isEmpty {
            try removingLastComponent().makeDirectory()
            if mkdir(string, 0o777) == 0 { return try removingLastComponent().synchronizeDirectory() }
        }
        let code = errno
        guard code != EEXIST || !isDirectory else { return }
        let reason = code == EEXIST ? "a file has that name" : String(cString: strerror(code))
        throw FormatError(self, "cannot be made a directory: \(reason); choose another place", code: code)
    }

    /// Whether both name one file or directory, however they are written.
    package func isSame(as other: FilePath) -> Bool {
        guard let here = try? stat(), let there = try? other.stat() else { return false }
        return here.deviceID == there.deviceID && here.inode == there.inode
    }

    /// Demands that this file of a model directory, or what it is a link to, belongs to the model.
    ///
    /// That is the directory itself with those in it, and the `blobs` of a model in the cache of the Hugging Face Hub, to which its snapshots
    /// and the local directories of its older releases link.
    ///
    /// - Throws: `FormatError` for a link to anything else.
    package func requireOwnFile(of directory: FilePath) throws {
        guard let place = resolved?.removingLastComponent(), let home = directory.resolved else { return }
        let repository = place.removingLastComponent().lastComponent?.string ?? ""
        let isCached = place.lastComponent?.string == "blobs" && repository.hasPrefix("models--")
        guard place.starts(with: home) || isCached else {
            throw FormatError(self, "is a link to a file outside of the model; copy that here if it belongs to it")
        }
    }

    /// The path without links; nil where nothing is there.
    private var resolved: FilePath? {
        guard let path = realpath(string, nil) else { return nil }
        defer { free(path) }
        return FilePath(String(cString: path))
    }

    /// Makes the names in this directory durable; where it cannot be read, or the file system knows no such thing, as far
    /// as they are.
    ///
    /// - Throws: `FormatError` where the disk fails.
    func synchronizeDirectory() throws {
        let descriptor = open(string.isEmpty ? "." : string, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        guard fsync(descriptor) != 0, ![EINVAL, ENOTSUP, ENOSYS, EBADF].contains(errno) else { return }
        throw AtomicFile.failure(self)
    }

    /// Removes the temporary files of this one, `NAME.PROCESS.tmp`, that killed processes have left behind.
    ///
    /// One that a living process writes is locked by it; where the file system knows no locks all stay.
    func removeAbandoned() {
        let (parent, name) = (removingLastComponent(), lastComponent?.string ?? "")
        let place = parent.isEmpty ? "." : parent.string
        for found in (try? FileManager.default.contentsOfDirectory(atPath: place)) ?? [] {
            guard found.hasPrefix("\(name)."), found.hasSuffix(".tmp"),
                Int32(found.dropFirst(name.count + 1).dropLast(4)) != nil
            else { continue }
            let temporary = parent.appending(found).string
            let descriptor = open(temporary, O_WRONLY | O_CLOEXEC | O_NOFOLLOW)
            guard descriptor >= 0 else { continue }
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { unlink(temporary) }
            close(descriptor)
        }
    }

    private var isDirectory: Bool { (try? stat())?.type == .directory }
}
