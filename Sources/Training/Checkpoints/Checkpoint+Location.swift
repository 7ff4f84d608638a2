internal import Formats
internal import Foundation
internal import SystemPackage

extension Checkpoint {
    /// Opens the checkpoint that `--resume DIR` names, and verifies it.
    ///
    /// - Throws: `FormatError` with what is there instead, and the newest checkpoint there, next to it or in the output.
    static func verify(named path: FilePath, output: CheckpointStore) throws -> Checkpoint {
        var isDirectory: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: path.string, isDirectory: &isDirectory)
        let parent = path.removingLastComponent()
        guard exists, isDirectory.boolValue else {
            let found = exists ? "a file" : "nothing with that name"
            throw missing(path, found: found, near: [parent, output.directory])
        }
        let files = [stateName, DirectoryManifest.fileName].map { path.appending($0).string }
        let missingFiles = files.filter { !FileManager.default.fileExists(atPath: $0) }
        guard !missingFiles.isEmpty else { return try verify(path) }
        if missingFiles.count < files.count {
            let name = FilePath(missingFiles[0]).lastComponent?.string ?? ""
            throw missing(path, found: "one without \(name), which is incomplete", near: [parent, output.directory])
        }
        let isRun = RunRecord.exists(in: path) || newest(in: path, except: path) != nil
        let found = isRun ? "the output directory of a run" : "another directory"
        throw missing(path, found: found, near: isRun ? [path] : [parent, output.directory])
    }

    private static func missing(_ path: FilePath, found what: String, near places: [FilePath]) -> FormatError {
        let found = places.lazy.compactMap { newest(in: $0, except: path) }.first
        let remedy =
            found.map { "pass --resume \($0), the newest one nearby" }
            ?? "there is none in \(places[places.count - 1]); start a new run without --resume"
        return FormatError(path, "expected the directory of a checkpoint, found \(what); \(remedy)")
    }

    /// The other checkpoint of the highest step in a directory, complete or not; nil if there is none.
    private static func newest(in directory: FilePath, except path: FilePath) -> FilePath? {
        let store = CheckpointStore(directory: directory.isEmpty ? "." : directory, limit: nil)
        return (try? store.steps())?.map(store.path(step:)).last { $0.lastComponent != path.lastComponent }
    }
}
