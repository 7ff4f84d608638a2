internal import Collectives
internal import Compute
internal import Configuration
internal import Foundation
internal import Reporting
internal import SystemPackage
internal import Transformer

/// The checkpoint that a run resumes from.
///
/// Rank 0 reads it, so that no other rank needs to see it.
struct Resumption {
    /// The same on every rank.
    let state: CheckpointState
    /// The precision of its products, the same on every rank.
    let precision: ProductPrecision
    /// The lines of `metrics.jsonl` up to the checkpoint; empty except on rank 0.
    let metrics: Data
    /// Nil except on rank 0.
    private let checkpoint: Checkpoint?

    /// Finds the checkpoint that `configuration` names; nil for a new run.
    ///
    /// Collective.
    ///
    /// - Throws: `RankFailure` on every rank if the checkpoint is incomplete, none is complete, or it belongs to
    ///   another run.
    static func find(
        _ configuration: TrainingConfiguration,
        store: CheckpointStore?,
        identity: RunIdentity,
        communicator: any Communicator
    ) throws -> Resumption? {
        try share(communicator) {
            guard let store else { return nil }
            let found = try search(configuration, in: store, identity)
            if let found { printNotice("resuming after step \(found.state.run.step) from \(found.path)") }
            return found
        }
    }

    /// Opens the checkpoint that this run last wrote or resumed from; nil if there is no complete one.
    ///
    /// Collective.
    static func last(written path: FilePath?, communicator: any Communicator) throws -> Resumption? {
        try share(communicator) {
            guard let path else { return nil }
            do {
                return try Checkpoint.verify(path)
            } catch {
                printNotice("warning: skipped checkpoint: \(error)")
                return nil
            }
        }
    }

    /// Broadcasts the state of the checkpoint that rank 0 finds.
    private static func share(
        _ communicator: any Communicator,
        _ find: () throws -> Checkpoint?
    ) throws -> Resumption? {
        let (checkpoint, json, made) = try communicator.agree { () throws -> (Checkpoint?, String, String) in
            let found = try find()
            return (found, try found?.state.json() ?? "", try found?.settings().precision.rawValue ?? "")
        }
        let shared = try communicator.broadcast(json, root: 0)
        let precision = ProductPrecision(rawValue: try communicator.broadcast(made, root: 0))
        guard !shared.isEmpty, let precision else { return nil }
        let (state, metrics) = try communicator.agree {
            (try CheckpointState(json: shared), try checkpoint?.metrics() ?? Data())
        }
        return Resumption(state: state, precision: precision, metrics: metrics, checkpoint: checkpoint)
    }

    /// The path of the checkpoint, on rank 0.
    var path: FilePath? { checkpoint?.path }

    /// Sends every rank the weights of the checkpoint, and the moments and master weights of its slices; collective.
    ///
    /// - Parameter scratch: A buffer of all parameters, overwritten.
    func restore(_ policy: Policy, _ state: OptimizerState, scratch: Matrix) throws {
        let (stored, layout, communicator) = (policy.weights, policy.layout, state.communicator)
        let weights = stored.halves == nil ? stored.flat : scratch
        try communicator.agree { try checkpoint?.readWeights(into: weights, layout) }
        try weights.withMutableSpan { try communicator.broadcast(&$0, root: 0) }
        if let halves = stored.halves {
            halves.dither(weights, from: 0)
            stored.widenVectors()
            state.optimizer.setMasters { $1.copy(from: weights.columns($0)) }
        }
        try state.scatter(scratch: scratch) { try checkpoint?.readMoments($0, into: $1, layout) }
    }

    /// Restores the best model so far in the output directory.
    func restoreBest(to output: ModelDirectory) throws {
        if let best = checkpoint?.best { try output.restore(weights: best) }
    }

    /// Returns the checkpoint that the settings name, or the newest complete one of the directory's run, and reports
    /// those that are skipped or ignored.
    private static func search(
        _ configuration: TrainingConfiguration,
        in store: CheckpointStore,
        _ identity: RunIdentity
    ) throws -> Checkpoint? {
        func check(_ checkpoint: Checkpoint) throws {
            let (other, settings) = (checkpoint.state.identity, try checkpoint.settings())
            let path = checkpoint.path
            let refusal = try identity.refusal(of: other, settings, for: configuration, at: path, isFinished: false)
            if let refusal { throw refusal }
        }
        guard let wanted = configuration.saving.resumeFromCheckpoint else {
            if let last = try store.steps().last.map(store.path) {
                let remedy = "pass --resume \(last) to continue from it"
                printNotice("warning: \(last) of an earlier run exists but is ignored; \(remedy)")
            }
            return nil
        }
        guard wanted == SavingSettings.newest else {
            let checkpoint = try Checkpoint.verify(named: FilePath(wanted), output: store)
            try check(checkpoint)
            return checkpoint
        }
        return try newest(in: store, check) { try FinishedRun(in: store.directory)?.refusal(configuration, identity) }
    }

    /// Returns the newest complete checkpoint of the directory's run, and reports those that are skipped or ignored.
    ///
    /// - Parameters:
    ///   - check: Throws for an unusable checkpoint.
    ///   - finished: Why the directory's run, which has finished, is another one; nil if it is not.
    private static func newest(
        in store: CheckpointStore,
        _ check: (Checkpoint) throws -> Void,
        finished: () throws -> TrainingError?
    ) throws -> Checkpoint? {
        let history = try RunRecord.read(from: store.directory)?.history
        let search = try store.newest(of: history, check)
        for fault in search.faults { printNotice("warning: skipped checkpoint: \(fault)") }
        if let newest = search.others.first {
            let count = search.others.count == 1 ? "1 checkpoint" : "\(search.others.count) checkpoints"
            printNotice(
                "warning: ignored \(count) of earlier runs or of abandoned steps of this run, the newest \(newest); "
                    + "pass --resume DIR to continue from one of them"
            )
        }
        if let checkpoint = search.checkpoint { return checkpoint }
        // The reason that concerns settings, model or data rather than damage.
        if let refusal = search.faults.compactMap({ $0 as? TrainingError }).first { throw refusal }
        // A run that has resumed before does not start over if its checkpoints are missing.
        guard search.faults.isEmpty, history?.earlier.isEmpty ?? true else {
            throw TrainingError.noUsableCheckpoint(path: store.directory.string)
        }
        // Starting over would replace the model of another run.
        if let refusal = try finished() { throw refusal }
        return nil
    }
}
