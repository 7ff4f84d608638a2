internal import Formats
internal import Foundation
internal import Glibc
internal import SystemPackage

extension CheckpointStore {
    /// What a search for a run's newest checkpoint finds.
    struct Search {
        /// The newest that is whole and that the check lets pass.
        var checkpoint: Checkpoint?
        /// What is wrong with each newer one of the run.
        var faults: [any Error] = []
        /// The newer ones of other runs, or that the run has left behind, the newest first.
        var others: [FilePath] = []
    }

    /// Searches for the newest checkpoint of a run.
    ///
    /// - Parameters:
    ///   - history: The run's; nil for whatever run there is.
    ///   - check: Throws for a checkpoint that will not do.
    func newest(of history: RunHistory?, _ check: (Checkpoint) throws -> Void) throws -> Search {
        var search = Search()
        for step in try steps().reversed() {
            let path = path(step: step)
            // One whose state is damaged may be the run's: its fault is reported.
            if let history, let state = soundState(step: step), !history.contains(state) {
                search.others.append(path)
                continue
            }
            do {
                let checkpoint = try Checkpoint(verifying: path)
                try check(checkpoint)
                search.checkpoint = checkpoint
                return search
            } catch {
                search.faults.append(error)
            }
        }
        return search
    }

    /// Records in the directory that a run starts, anew or from a checkpoint; what it finds there of others stays.
    func begin(after checkpoint: CheckpointState?) throws -> RunHistory {
        let history = RunHistory(resuming: checkpoint)
        let latest = directory.appending("latest").string
        // It points to the newest checkpoint of the directory's run, which has none yet.
        if checkpoint == nil, (try? FileManager.default.destinationOfSymbolicLink(atPath: latest)) != nil {
            unlink(latest)
        }
        try history.write(to: directory)
        return history
    }

    /// The steps whose checkpoints are beyond `limit` once there is one after `step`: the run's oldest, and those until
    /// then that it has left behind.
    func surplus(of history: RunHistory, at step: Int, limit: Int) throws -> [Int] {
        var (own, leftBehind) = ([Int](), [Int]())
        for other in try steps() where other <= step {
            // Whose one with a damaged state is cannot be known; it stays.
            guard let state = soundState(step: other) else { continue }
            if history.contains(state) {
                own.append(other)
            } else if history.sharesBeginning(with: state) {
                leftBehind.append(other)
            }
        }
        return own.dropLast(limit) + leftBehind
    }

    /// Whether the checkpoint that would be replaced after `step` is of a run that began elsewhere.
    func holdsOther(than history: RunHistory, step: Int) -> Bool {
        soundState(step: step).map { !history.sharesBeginning(with: $0) } ?? false
    }

    /// The state of the checkpoint after `step`, if it is what was written; nil where it is damaged, or there is none.
    private func soundState(step: Int) -> CheckpointState? {
        let path = path(step: step)
        guard (try? DirectoryManifest(verifying: path, only: Checkpoint.stateName)) != nil else { return nil }
        return try? Checkpoint.state(in: path)
    }
}
