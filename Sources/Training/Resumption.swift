internal import Collectives
internal import Compute
internal import Foundation
internal import SystemPackage

/// Where a run goes on: from a checkpoint that rank 0 reads, so that no other needs to see it.
struct Resumption {
    /// The same on every rank.
    let state: CheckpointState
    /// The lines of `metrics.jsonl` until then; empty but on rank 0.
    let metrics: Data
    /// Of rank 0 alone.
    private let checkpoint: Checkpoint?

    /// Finds the checkpoint that `configuration` asks for; nil where a run begins at the beginning.
    ///
    /// - Throws: `RankFailure` on every rank where the checkpoint is not whole, none is, or it is another run's.
    init?(
        _ configuration: TrainingConfiguration,
        store: CheckpointStore?,
        identity: RunIdentity,
        communicator: any Communicator
    ) throws {
        try self.init(communicator) {
            guard let store else { return nil }
            let found = try Self.find(configuration, in: store) { checkpoint in
                let settings = try checkpoint.settings()
                let setting = try configuration.difference(from: settings)
                let what = identity.difference(from: checkpoint.state) ?? setting.map { "\($0)" }
                if let what { throw TrainingError.foreignCheckpoint(path: checkpoint.path.string, what: what) }
            }
            if let found { tell("resuming after step \(found.state.run.step) from \(found.path)") }
            return found
        }
    }

    /// Finds the checkpoint that this run has last written, or gone on from; nil where there is none that is whole.
    init?(last path: FilePath?, communicator: any Communicator) throws {
        try self.init(communicator) {
            guard let path else { return nil }
            do {
                return try Checkpoint(verifying: path)
            } catch {
                tell("warning: passed over: \(error)")
                return nil
            }
        }
    }

    private init?(_ communicator: any Communicator, find: () throws -> Checkpoint?) throws {
        let (checkpoint, json) = try communicator.agree { () throws -> (Checkpoint?, String) in
            let found = try find()
            return (found, try found?.state.json() ?? "")
        }
        let shared = try communicator.broadcast(json, root: 0)
        guard !shared.isEmpty else { return nil }
        (state, metrics) = try communicator.agree {
            (try CheckpointState(json: shared), try checkpoint?.metrics() ?? Data())
        }
        self.checkpoint = checkpoint
    }

    /// Where the checkpoint lies, on rank 0.
    var path: FilePath? { checkpoint?.path }

    /// Gives every rank the weights of the checkpoint, and the moments of its slices.
    ///
    /// - Parameter scratch: Of all parameters; overwritten on rank 0.
    func restore(_ policy: Policy, _ moments: Moments, scratch: Matrix) throws {
        let (weights, layout, communicator) = (policy.flat, policy.layout, moments.communicator)
        try communicator.agree { try checkpoint?.readWeights(into: weights, layout) }
        try weights.withMutableSpan { try communicator.broadcast(&$0, root: 0) }
        try moments.distribute(scratch: scratch) { try checkpoint?.readMoments($0, into: $1, layout) }
    }

    /// Puts the best model so far back to where it is to remain.
    func restoreBest(to output: ModelDirectory) throws {
        if let best = checkpoint?.best { try output.restore(weights: best) }
    }

    /// The checkpoint that is asked for, or the newest of the directory's run that is whole; what is skipped is
    /// reported.
    private static func find(
        _ configuration: TrainingConfiguration,
        in store: CheckpointStore,
        _ check: (Checkpoint) throws -> Void
    ) throws -> Checkpoint? {
        guard let wanted = configuration.saving.resumeFromCheckpoint else {
            if let last = try store.steps().last.map(store.path) {
                tell("warning: \(last) of an earlier run is ignored; --resume \(last) continues from it")
            }
            return nil
        }
        guard wanted == SavingSettings.newest else {
            let checkpoint = try Checkpoint(verifying: FilePath(wanted))
            try check(checkpoint)
            return checkpoint
        }
        let history = try RunHistory(of: store.directory)
        let search = try store.newest(of: history, check)
        for fault in search.faults { tell("warning: passed over: \(fault)") }
        if let newest = search.others.first {
            let count = search.others.count == 1 ? "1 checkpoint" : "\(search.others.count) checkpoints"
            tell(
                "warning: ignored \(count) of earlier runs or left behind by this one, the newest \(newest); "
                    + "--resume DIR continues one"
            )
        }
        // A run that has resumed before does not begin anew where its checkpoints are gone.
        let hasResumed = history?.earlier.isEmpty == false
        guard search.checkpoint != nil || (search.faults.isEmpty && !hasResumed) else {
            throw TrainingError.noUsableCheckpoint(path: store.directory.string)
        }
        return search.checkpoint
    }
}
