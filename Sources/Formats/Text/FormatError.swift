internal import Glibc
package import SystemPackage

/// A file is not what it should be.
package struct FormatError: Error, CustomStringConvertible, Equatable {
    /// The file at fault.
    package let path: String
    /// What was expected, what was found, and the remedy where there is one.
    package let message: String
    /// Whether it is the system's trouble, which may be over another time, and not the file's.
    package let isPassing: Bool

    /// An error about the file at `path`.
    package init(_ path: FilePath, _ message: String, isPassing: Bool = false) {
        self.path = path.string
        self.message = message
        self.isPassing = isPassing
    }

    /// An error of the system about the file at `path`; a wrong name or missing rights are nothing that passes.
    package init(_ path: FilePath, _ message: String, code: Int32) {
        let lasting = [ENOENT, ENOTDIR, EISDIR, EEXIST, EACCES, EPERM, EROFS, ELOOP, ENAMETOOLONG]
        self.init(path, message, isPassing: !lasting.contains(code))
    }

    /// One line, in which what files have put into names is no command to a terminal.
    package var description: String { "\(path): \(message)".printable() }
}
