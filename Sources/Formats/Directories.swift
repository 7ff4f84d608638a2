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
        throw FormatError(self, "cannot be made a directory: \(reason); choose another place", code: code)
    }

    /// Whether both name one file or directory, however they are written.
    package func isSame(as other: FilePath) -> Bool {
        guard let here = try? stat(), let there = try? other.stat() else { return false }
        return here.deviceID == there.deviceID && here.inode == there.inode
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
