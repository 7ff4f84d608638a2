internal import Glibc
internal import SystemPackage

/// A directory that is created if it does not exist, and then removed at the end if nothing is in it: a run that is refused leaves
/// none behind.
final class MadeDirectory {
    /// The directories that did not exist, each before its parent.
    private let made: [FilePath]

    /// Creates the directory and missing parents.
    ///
    /// - Throws: `FormatError` with the system's reason.
    init(_ path: FilePath) throws { made = try path.makeDirectory() }

    deinit {
        // One that is not empty cannot be removed, and neither can its parents.
        for directory in made where rmdir(directory.string) != 0 { return }
    }
}
