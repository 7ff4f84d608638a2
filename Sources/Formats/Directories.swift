internal import Glibc
package import SystemPackage

extension FilePath {
    /// Makes this directory, with those above it that are missing.
    ///
    /// - Throws: `FormatError` with the system's reason.
    package func makeDirectory() throws {
        if mkdir(string, 0o777) == 0 { return }
        if errno == ENOENT, !removingLastComponent().isEmpty {
            try removingLastComponent().makeDirectory()
            if mkdir(string, 0o777) == 0 { return }
        }
        let code = errno
        guard code != EEXIST || !isDirectory else { return }
        let reason = code == EEXIST ? "a file has that name" : String(cString: strerror(code))
        throw FormatError(self, "cannot be made a directory: \(reason); choose another place")
    }

    /// Whether both name one file or directory, however they are written.
    package func isSame(as other: FilePath) -> Bool {
        guard let here = try? stat(), let there = try? other.stat() else { return false }
        return here.deviceID == there.deviceID && here.inode == there.inode
    }

    /// Demands that this file of a model directory, or what it is a link to, belongs to the model.
    ///
    /// That is the directory itself, and the `blobs` beside `snapshots` in the cache of the Hugging Face Hub.
    ///
    /// - Throws: `FormatError` for a link to anything else.
    package func requireOwnFile(of directory: FilePath) throws {
        guard let place = resolved?.removingLastComponent(), let home = directory.resolved else { return }
        let cache = home.removingLastComponent().removingLastComponent().appending("blobs")
        let isCached = home.removingLastComponent().lastComponent?.string == "snapshots" && place == cache
        guard place == home || isCached else {
            throw FormatError(self, "is a link to a file outside of the model; copy that here if it belongs to it")
        }
    }

    /// The path without links; nil where nothing is there.
    private var resolved: FilePath? {
        guard let path = realpath(string, nil) else { return nil }
        defer { free(path) }
        return FilePath(String(cString: path))
    }

    /// Makes the names in this directory durable; some file systems refuse that, harmlessly.
    func synchronizeDirectory() {
        let descriptor = open(string.isEmpty ? "." : string, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    private var isDirectory: Bool { (try? stat())?.type == .directory }
}
