internal import Foundation
internal import Glibc
package import SystemPackage

extension FilePath {
    /// Creates this directory and missing parents, and synchronizes their parents.
    ///
    /// - Returns: Those that did not exist, each before its parent.
    /// - Throws: `FormatError` with the system's reason.
    @discardableResult
    package func makeDirectory() throws -> [FilePath] {
        let parent = removingLastComponent()
        var made: [FilePath] = []
        var isMade = mkdir(string, 0o777) == 0
        if !isMade, errno == ENOENT, !parent.isEmpty {
            made = try parent.makeDirectory()
            isMade = mkdir(string, 0o777) == 0
        }
        guard !isMade else {
            try parent.synchronizeDirectory()
            return [self] + made
        }
        let code = errno
        guard code != EEXIST || !isDirectory else { return made }
        let reason = code == EEXIST ? "a file has that name" : String(cString: strerror(code))
        throw FormatError(self, "cannot be created as a directory: \(reason); choose another place", code: code)
    }

    /// Whether both paths refer to the same file or directory.
    package func isSame(as other: FilePath) -> Bool {
        guard let here = try? stat(), let there = try? other.stat() else { return false }
        return here.deviceID == there.deviceID && here.inode == there.inode
    }

    /// Whether this file, after resolving links, is in a directory or one within it.
    package func isWithin(_ directory: FilePath) -> Bool {
        guard let place = resolved, let home = directory.resolved else { return false }
        return place.starts(with: home)
    }

    /// Checks that this file of a model directory, after resolving links, belongs to the model.
    ///
    /// It must be in the directory itself or one within it, or in the `blobs` of a model in the cache of the Hugging Face
    /// Hub, to which snapshots, and local directories of older releases of the Hub's client, link.
    ///
    /// - Throws: `FormatError` for a link to any other place.
    package func requireOwnFile(of directory: FilePath) throws {
        guard let place = resolved?.removingLastComponent(), let home = directory.resolved else { return }
        let repository = place.removingLastComponent().lastComponent?.string ?? ""
        let isCached = place.lastComponent?.string == "blobs" && repository.hasPrefix("models--")
        guard place.starts(with: home) || isCached else {
            throw FormatError(
                self,
                "links to a file outside the model directory; replace it by a copy if it belongs to the model"
            )
        }
    }

    /// The path with links resolved; nil if it does not exist.
    package var resolved: FilePath? {
        guard let path = realpath(string, nil) else { return nil }
        defer { free(path) }
        return FilePath(String(cString: path))
    }

    /// Removes this file.
    ///
    /// - Throws: `FormatError` with the system's reason.
    func removeFile() throws {
        guard unlink(string) != 0, errno != ENOENT else { return }
        let code = errno
        throw FormatError(self, "cannot be removed: \(String(cString: strerror(code)))", code: code)
    }

    /// Synchronizes this directory, so that renames in it are durable; does nothing if it cannot be opened or the file
    /// system does not support it.
    ///
    /// - Throws: `FormatError` if the disk fails.
    package func synchronizeDirectory() throws {
        let descriptor = open(string.isEmpty ? "." : string, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        guard fsync(descriptor) != 0, ![EINVAL, ENOTSUP, ENOSYS, EBADF].contains(errno) else { return }
        throw AtomicFile.failure(self)
    }

    /// Removes the temporary files of this file, `NAME.PROCESS.tmp`, that killed processes have left.
    ///
    /// A living process locks its temporary file; without support for locks all are kept.
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
