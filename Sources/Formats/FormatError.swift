package import SystemPackage

/// A file is not what it should be.
package struct FormatError: Error, CustomStringConvertible, Equatable {
    /// The file at fault.
    package let path: String
    /// What was expected, what was found, and the remedy where there is one.
    package let message: String

    /// An error about the file at `path`.
    package init(_ path: FilePath, _ message: String) {
        self.path = path.string
        self.message = message
    }

    /// One line, in which what files have put into names is no command to a terminal.
    package var description: String { "\(path): \(message)".printable() }
}
