internal import Formats
internal import Foundation
internal import Glibc
internal import Reporting
internal import SystemPackage

/// The checkpoints in a run's output directory, named `checkpoint-STEP`, and `latest`, a link to the newest.
struct CheckpointStore {
    private static let prefix = "checkpoint-"

    let directory: FilePath
    /// The most checkpoints that are kept; nil for all.
    let limit: Int?

    /// Removes the remains of an interrupted process.
    func sweep() throws { try AtomicDirectory.sweep(directory, prefix: Self.prefix) }

    /// A name for a file that exists until the checkpoint after `step` is written.
    func temporaryName(step: Int) -> String { ".\(Self.prefix)\(step).best.\(getpid()).tmp" }

    /// The path of the checkpoint after `step`.
    func path(step: Int) -> FilePath { directory.appending("\(Self.prefix)\(step)") }

    /// The steps of existing checkpoints, complete or not, ascending.
    func steps() throws -> [Int] {
        try names().compactMap { name -> Int? in
            guard name.hasPrefix(Self.prefix), let step = Int(name.dropFirst(Self.prefix.count)) else { return nil }
            return name == "\(Self.prefix)\(step)" ? step : nil
        }.sorted()
    }

    /// Writes the checkpoint after its step, and removes the oldest checkpoints of its run beyond the limit.
    func write(_ content: Checkpoint.Content, output: ModelDirectory) throws {
        let (step, history) = (content.state.run.step, content.state.history)
        let replaced = history.flatMap { foreign(to: $0, step: step) }
        // If writing fails, the second name of the best model is removed too.
        defer { if let best = content.best { try? FileManager.default.removeItem(atPath: best.string) } }
        try AtomicDirectory.write(to: path(step: step)) { try content.write(to: $0, output: output) }
        if let replaced { printNotice("warning: replaced \(replaced)") }
        // Later failures leave the checkpoint unchanged.
        do {
            try link(to: step)
            try removeOld(step: step, of: history)
        } catch {
            printNotice("warning: \(error)")
        }
    }

    private func removeOld(step: Int, of history: RunHistory?) throws {
        guard let limit, let history else { return }
        for old in try surplus(of: history, at: step, limit: limit) { try AtomicDirectory.remove(path(step: old)) }
    }

    private func link(to step: Int) throws {
        let temporary = directory.appending(".\(Self.prefix)latest.\(getpid()).tmp")
        unlink(temporary.string)
        let latest = directory.appending("latest")
        guard symlink("\(Self.prefix)\(step)", temporary.string) == 0, rename(temporary.string, latest.string) == 0
        else {
            let code = errno
            unlink(temporary.string)
            throw FormatError(
                latest,
                "cannot be made a link to \(Self.prefix)\(step): \(String(cString: strerror(code)))",
                code: code
            )
        }
    }

    private func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: directory.string) }
}
