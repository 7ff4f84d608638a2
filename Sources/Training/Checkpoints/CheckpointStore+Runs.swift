internal import Formats
internal import Foundation
internal import Glibc
internal import SystemPackage

extension CheckpointStore {
    /// The result of a search for a run's newest checkpoint.
    struct Search {
        /// The newest complete checkpoint that passes the check.
        var checkpoint: Checkpoint?
        /// The fault of each newer checkpoint of the run.
        var faults: [any Error] = []
        /// Newer checkpoints of other runs, or of abandoned steps of this one, the newest first.
        var others: [FilePath] = []
    }

    /// Searches for the newest checkpoint of a run.
    ///
    /// - Parameters:
    ///   - history: The run's history; nil to consider the checkpoints of all runs.
    ///   - check: Throws for an unusable checkpoint.
    func newest(of history: RunHistory?, _ check: (Checkpoint) throws -> Void) throws -> Search {
        var search = Search()
        for step in try steps().reversed() {
            let path = path(step: step)
            // A checkpoint with a damaged state may be the run's: its fault is reported.
            if let history, let state = verifiedState(step: step), !history.contains(state) {
                search.others.append(path)
                continue
            }
            do {
                let checkpoint = try Checkpoint.verify(path)
                try check(checkpoint)
                search.checkpoint = checkpoint
                return search
            } catch {
                search.faults.append(error)
            }
        }
        return search
    }

    /// Records in the directory that a run starts, new or from a checkpoint; files of other runs stay.
    func begin(_ history: RunHistory) throws {
        let latest = directory.appending("latest").string
        // It links to the newest checkpoint of the directory's run, and a new run has none.
        if history.earlier.isEmpty, (try? FileManager.default.destinationOfSymbolicLink(atPath: latest)) != nil {
            unlink(latest)
        }
        try RunRecord(history: history).write(to: directory)
    }

    /// The steps of checkpoints to remove after the one of `step`: the run's oldest beyond `limit`, and those of
    /// abandoned steps up to `step`.
    func surplus(of history: RunHistory, at step: Int, limit: Int) throws -> [Int] {
        var (own, abandoned) = ([Int](), [Int]())
        for other in try steps() where other <= step {
            // The run of a checkpoint with a damaged state is unknown; it stays.
            guard let state = verifiedState(step: other) else { continue }
            if history.contains(state) {
                own.append(other)
            } else if history.sharesFirstStart(with: state) {
                abandoned.append(other)
            }
        }
        return own.dropLast(limit) + abandoned
    }

    /// Refuses links and directories named like checkpoints that no run of espalier wrote, since a run would replace them.
    func requireCheckpoints() throws {
        for path in try steps().map(path(step:)) {
            if let target = try? FileManager.default.destinationOfSymbolicLink(atPath: path.string) {
                throw FormatError(
                    path,
                    "expected a checkpoint, found a link to \(target), which a run would replace; remove the link, and "
                        + "pass --resume with its target to continue from there"
                )
            }
            let files = [Checkpoint.stateName, DirectoryManifest.fileName].map { path.appending($0).string }
            guard !files.contains(where: FileManager.default.fileExists) else { continue }
            throw FormatError(
                path,
                "expected a checkpoint of espalier, found another directory; move it, or choose another --output"
            )
        }
    }

    /// What the run with `history` would replace by its checkpoint after `step`, unless it is one of its own.
    func foreign(to history: RunHistory, step: Int) -> String? {
        guard FileManager.default.fileExists(atPath: path(step: step).string) else { return nil }
        guard let state = verifiedState(step: step) else { return "\(path(step: step)), which was damaged" }
        return history.sharesFirstStart(with: state) ? nil : "\(path(step: step)) of an earlier run"
    }

    /// The state of the checkpoint after `step`, verified against the manifest; nil if it is damaged or missing.
    private func verifiedState(step: Int) -> CheckpointState? {
        let path = path(step: step)
        guard (try? DirectoryManifest(verifying: path, only: Checkpoint.stateName)) != nil else { return nil }
        return try? Checkpoint.state(in: path)
    }
}
