internal import Foundation
internal import Glibc
package import SystemPackage

/// A directory that appears whole or not at all, with a manifest by which it can be checked.
package enum AtomicDirectory {
    /// Writes the directory `path` with the files that `body` puts into the one that it is given.
    ///
    /// Files go to a directory with a temporary name, the manifest last; that takes the final name by one rename when all
    /// is on the disk. A directory that was there before is replaced. On any error the temporary is removed.
    ///
    /// - Throws: `FormatError` with the system's reason and the remedy, or what `body` throws.
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

    /// Removes a directory with all that it holds; nothing happens where there is none.
    ///
    /// It loses its name first, so that a half removed one is never taken for a whole one.
    package static func remove(_ path: FilePath) throws {
        guard let aside = try setAside(path, as: "old") else { return }
        do {
            try FileManager.default.removeItem(atPath: aside.string)
        } catch {
            let cause = (error as? CocoaError)?.underlying ?? error
            throw FormatError(path, "cannot be removed: \(cause.localizedDescription)")
        }
    }

    /// Takes a directory's name; nil where there is none.
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

    /// Clears up after interrupted processes, among the directories in `parent` whose names begin with `prefix`.
    ///
    /// What was half written or half removed goes. Where one was about to replace another and had not taken its name
    /// yet, it takes it now if it is whole; otherwise the former one has its name again.
    package static func sweep(_ parent: FilePath, prefix: String) throws {
        func temporaries() throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: parent.string)
                .filter { $0.hasPrefix(".\(prefix)") && $0.hasSuffix(".tmp") }
        }
        for name in try temporaries() {
            guard let (former, replacement) = replaced(name) else { continue }
            let whole = parent.appending(replacement)
            let isWhole = (try? DirectoryManifest(verifying: whole)) != nil
            // Neither takes the place of one that is there: the rename fails.
            if rename((isWhole ? whole : parent.appending(name)).string, parent.appending(former).string) == 0 {
                try parent.synchronizeDirectory()
            }
        }
        for name in try temporaries() { try FileManager.default.removeItem(atPath: parent.appending(name).string) }
    }

    /// The name that a directory had before it was to be replaced, and that of what was to replace it; nil for any
    /// other.
    private static func replaced(_ temporary: String) -> (former: String, replacement: String)? {
        let parts = temporary.dropFirst().split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count > 3, parts[parts.count - 2] == "former" else { return nil }
        let former = parts.dropLast(3).joined(separator: ".")
        return (former, ".\(former).\(parts[parts.count - 3]).tmp")
    }

    private static func replace(_ path: FilePath, by temporary: FilePath, in parent: FilePath) throws {
        // What was there is removed only when the new one has its name: that may take seconds, in which neither is found.
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
