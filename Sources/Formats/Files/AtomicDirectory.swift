internal import Foundation
internal import Glibc
package import SystemPackage

/// Atomic creation and removal of a directory, with a manifest for verification.
package enum AtomicDirectory {
    /// Writes the directory `path` with the files that `body` creates in the directory that it is passed.
    ///
    /// Files are written to a temporary directory, the manifest last; when all are on disk, one rename moves it to
    /// `path`. An existing directory is replaced. On any error the temporary directory is removed.
    ///
    /// - Throws: `FormatError` with the system's reason and the remedy, or the error of `body`.
    package static func write(to path: FilePath, _ body: (FilePath) throws -> Void) throws {
        let (parent, name) = (path.removingLastComponent(), path.lastComponent?.string ?? "")
        let temporary = parent.appending(".\(name).\(getpid()).tmp")
        discard(temporary)
        do {
            try temporary.makeDirectory()
            try body(temporary)
            try DirectoryManifest(of: temporary).write(to: temporary)
            try temporary.synchronizeDirectory()
            try replace(path, by: temporary, in: parent)
        } catch {
            discard(temporary)
            throw error
        }
    }

    /// Removes a directory with its contents; does nothing if there is none.
    ///
    /// It is renamed first, so that a partly removed directory is never mistaken for a complete one.
    package static func remove(_ path: FilePath) throws {
        guard let aside = try setAside(path, as: "old") else { return }
        do {
            try FileManager.default.removeItem(atPath: aside.string)
        } catch {
            let cause = (error as? CocoaError)?.underlying ?? error
            throw FormatError(path, "cannot be removed: \(cause.localizedDescription)")
        }
    }

    /// Renames a directory to a temporary name, which is returned; nil if there is no directory.
    private static func setAside(_ path: FilePath, as kind: String) throws -> FilePath? {
        let name = path.lastComponent?.string ?? ""
        let aside = path.removingLastComponent().appending(".\(name).\(getpid()).\(kind).tmp")
        guard rename(path.string, aside.string) == 0 else {
            if errno == ENOENT { return nil }
            throw AtomicFile.failure(path)
        }
        return aside
    }

    private static func discard(_ temporary: FilePath) { try? FileManager.default.removeItem(atPath: temporary.string) }

    /// Cleans up after interrupted processes, among the directories in `parent` whose names begin with `prefix`.
    ///
    /// Removes directories that are partly written or partly removed. If a directory was being replaced when the
    /// process ended, the replacement gets its name if it is complete; otherwise the former one gets its name back.
    package static func sweep(_ parent: FilePath, prefix: String) throws {
        func temporaries() throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: parent.string)
                .filter { $0.hasPrefix(".\(prefix)") && $0.hasSuffix(".tmp") }
        }
        for name in try temporaries() {
            guard let (former, replacement) = replaced(name) else { continue }
            let new = parent.appending(replacement)
            let isComplete = (try? DirectoryManifest(verifying: new)) != nil
            // An existing directory is not replaced: the rename fails.
            if rename((isComplete ? new : parent.appending(name)).string, parent.appending(former).string) == 0 {
                try parent.synchronizeDirectory()
            }
        }
        for name in try temporaries() { try FileManager.default.removeItem(atPath: parent.appending(name).string) }
    }

    /// The name of a directory that was being replaced, and the temporary name of its replacement; nil for other
    /// names.
    private static func replaced(_ temporary: String) -> (former: String, replacement: String)? {
        let parts = temporary.dropFirst().split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count > 3, parts[parts.count - 2] == "former" else { return nil }
        let former = parts.dropLast(3).joined(separator: ".")
        return (former, ".\(former).\(parts[parts.count - 3]).tmp")
    }

    private static func replace(_ path: FilePath, by temporary: FilePath, in parent: FilePath) throws {
        // The old directory is removed only after the new one has its name: removal may take seconds.
        let former = try setAside(path, as: "former")
        guard rename(temporary.string, path.string) == 0 else {
            let failure = AtomicFile.failure(path)
            if let former { rename(former.string, path.string) }
            throw failure
        }
        defer { if let former { discard(former) } }
        try parent.synchronizeDirectory()
    }
}
