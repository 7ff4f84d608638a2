internal import Glibc
package import SystemPackage

/// A file or directory cannot be read or written, or its content is invalid.
package struct FormatError: Error, CustomStringConvertible, Equatable {
    /// The file.
    package let path: String
    /// What was expected, what was found, and the remedy, if known.
    package let message: String
    /// Whether the cause is the system and may be gone at another attempt, rather than the file.
    package let isTransient: Bool

    /// An error about the file at `path`.
    package init(_ path: FilePath, _ message: String, isTransient: Bool = false) {
        self.path = path.string
        self.message = message
        self.isTransient = isTransient
    }

    /// A system error about the file at `path`; a wrong name and missing permissions are not transient.
    package init(_ path: FilePath, _ message: String, code: Int32) {
        let permanent = [ENOENT, ENOTDIR, EISDIR, EEXIST, EACCES, EPERM, EROFS, ELOOP, ENAMETOOLONG]
        self.init(path, message, isTransient: !permanent.contains(code))
    }

    /// One line without control characters, which names from files could contain.
    package var description: String { "\(path): \(message)".printable() }
}
