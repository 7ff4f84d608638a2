internal import Glibc
package import SystemPackage

/// A file is not what it should be.
package struct FormatError: Error, CustomStringConvertible, Equatable {
    /// The file at fault.
    package let path: String
    /// What was expected, what was found, and the remedy where there is one.
    package let message: String
    /// Whether it is the system's trouble, which may be over another time, and not the file's.
    package let isTransient: Bool

    /// An error about the file at `path`.
    package init(_ path: FilePath, _ message: String, isTransient: Bool = false) {
        self.path = path.string
        self.message = message
        self.isTransient = isTransient
    }

    /// An error of the system about the file at `path`; a wrong name or missing rights are nothing that passes.
    package init(_ path: FilePath, _ message: String, code: Int32) {
        let lasting = [ENOENT, ENOTDIR, EISDIR, EEXIST, EACCES, EPERM, EROFS, ELOOP, ENAMETOOLONG]
        self.init(path, message, isTransient: !lasting.contains(code))
    }

    /// One line, in which what files have put into names is no command to a terminal.
    package var description: String { "\(path): \(message)".printable() }
}
