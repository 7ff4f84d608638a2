internal import Collectives
internal import Compute
internal import Configuration
internal import Formats
internal import Foundation
internal import Reporting
internal import Supervision
internal import SystemPackage

/// Writes a run's checkpoints; collective, rank 0 writes.
final class RunSaving {
    private let settings: SavingSettings
    /// The settings as `espalier.yaml` has them.
    private let configuration: String
    private let identity: RunIdentity
    private let policy: Policy
    private let state: OptimizerState
    private let comparison: RankComparison
    /// A buffer of all parameters, free between two steps.
    private let scratch: Matrix
    private let communicator: any Communicator
    /// Nil except on rank 0, like everything below.
    private let output: ModelDirectory?
    private let store: CheckpointStore?
    let history: RunHistory?
    private let snapshot: Snapshot?
    private var job: (step: Int, work: BackgroundJob)?
    /// The checkpoint that the run last wrote or resumed from.
    private(set) var last: FilePath?
    /// Seconds for which training stopped for checkpoints: comparison of ranks, copy, and wait for the previous one.
    private(set) var stallSeconds = 0.0
    /// Seconds of writing checkpoints, concurrently with training.
    private(set) var writeSeconds = 0.0

    /// Allocates the memory for saving; collective.
    ///
    /// - Parameters:
    ///   - identity: What the run computes with.
    ///   - state: Of the optimizer, over all ranks.
    ///   - scratch: Of all parameters, free between two steps; a stop overwrites it instead of allocating memory.
    ///   - output: The directory of the checkpoints, on rank 0.
    ///   - history: The starts of the run, on rank 0.
    ///   - last: The checkpoint that the run resumes from, on rank 0.
    static func prepare(
        _ configuration: TrainingConfiguration,
        identity: RunIdentity,
        policy: Policy,
        state: OptimizerState,
        scratch: Matrix,
        output: ModelDirectory?,
        history: RunHistory?,
        last: FilePath?,
        communicator: any Communicator
    ) throws -> RunSaving {
        let (text, snapshot) = try communicator.agree {
            let isUsed = output != nil && configuration.saving.saveSteps != nil
            return (try configuration.yaml(), isUsed ? try Snapshot(layout: policy.layout, team: policy.team) : nil)
        }
        return RunSaving(
            settings: configuration.saving,
            configuration: text,
            identity: identity,
            policy: policy,
            state: state,
            scratch: scratch,
            output: output,
            store: output.map { CheckpointStore($0, configuration) },
            history: history,
            snapshot: snapshot,
            last: last,
            communicator: communicator
        )
    }

    private init(
        settings: SavingSettings,
        configuration: String,
        identity: RunIdentity,
        policy: Policy,
        state: OptimizerState,
        scratch: Matrix,
        output: ModelDirectory?,
        store: CheckpointStore?,
        history: RunHistory?,
        snapshot: Snapshot?,
        last: FilePath?,
        communicator: any Communicator
    ) {
        (self.settings, self.configuration, self.identity) = (settings, configuration, identity)
        (self.policy, self.state, self.scratch, self.communicator) = (policy, state, scratch, communicator)
        (self.output, self.store, self.history) = (output, store, history)
        (self.snapshot, self.last) = (snapshot, last)
        comparison = RankComparison(policy, communicator: communicator)
    }

    /// Writes a checkpoint if one is due, from a copy, while the run continues.
    ///
    /// If it cannot be written, this is reported, and the run continues without it.
    func saveIfDue(_ run: RunState, evaluation: RunEvaluation?, log: MetricsLog?) throws {
        guard settings.isDue(step: run.step) else { return }
        Progress.enter("saving")
        let start = ContinuousClock().now
        defer { stallSeconds += (ContinuousClock().now - start) / .seconds(1) }
        try comparison.check(step: run.step)
        try comparison.requireFinite(step: run.step)
        finishJob()
        try copy(to: snapshot)
        try communicator.agree {
            guard let output, let store, let snapshot, let log else { return }
            let (weights, moments) = (snapshot.tensors.modelEntries, snapshot.tensors.momentEntries)
            let content = try content(run, evaluation, log, weights: weights, moments: moments)
            // The job holds the snapshot, whose memory the content only views.
            let work = BackgroundJob.start {
                try withExtendedLifetime(snapshot) { try store.write(content, output: output) }
            }
            job = (run.step, work)
        }
    }

    /// Writes a checkpoint immediately, and ends the run.
    ///
    /// - Throws: `Interrupted` on every rank, or `RankFailure` if the checkpoint cannot be written.
    func stop(_ run: RunState, evaluation: RunEvaluation?, log: MetricsLog?) throws -> Never {
        Progress.enter("saving")
        try comparison.check(step: run.step)
        try comparison.requireFinite(step: run.step)
        finishJob()
        guard let output, let store, let log else {
            // Rank 0 receives them while it writes.
            try state.gather(into: nil, team: policy.team)
            try communicator.agree {}
            throw Interrupted()
        }
        try communicator.agree {
            try writeWithoutCopy(run, evaluation, log, to: store, output)
            printNotice(
                "stopped after step \(run.step), saved to \(store.path(step: run.step)); pass --resume to continue from it"
            )
        }
        throw Interrupted()
    }

    /// Writes a checkpoint on rank 0, from the weights themselves and the optimizer state that it gathers in `scratch`.
    private func writeWithoutCopy(
        _ run: RunState,
        _ evaluation: RunEvaluation?,
        _ log: MetricsLog,
        to store: CheckpointStore,
        _ output: ModelDirectory
    ) throws {
        let gathered = GatheredState(state, layout: policy.layout, buffer: scratch, team: policy.team)
        let written = Result {
            let weights = gathered.masterEntries ?? policy.layout.entries(of: policy.flat)
            let content = try content(run, evaluation, log, weights: weights, moments: gathered.momentEntries)
            try store.write(content, output: output)
        }
        // If the file could not be written, the other ranks still wait to send.
        try gathered.finish()
        try written.get()
    }

    /// Fills rank 0's copy; collective.
    private func copy(to snapshot: Snapshot?) throws {
        try state.gather(into: snapshot?.tensors, team: policy.team)
        guard let copy = snapshot?.tensors.weights, !state.kinds.contains(.masters) else { return }
        let (weights, team) = (policy.flat, policy.team)
        team.run("snapshot") { thread in
            let share = team.share(of: weights.columns, thread: thread)
            copy.columns(share).copy(from: weights.columns(share))
        }
    }

    /// Waits for the checkpoint that is being written.
    func finishJob() {
        guard let (step, work) = job else { return }
        job = nil
        do {
            writeSeconds += try work.finish()
            last = store?.path(step: step)
        } catch {
            printNotice("warning: checkpoint not written: \(error)")
        }
    }

    /// Records in the output directory that the run has finished, and with which weight files; called on rank 0.
    func recordCompletion(step: Int, of totalSteps: Int) throws {
        guard let output, let history else { return }
        let sizes = try WeightFiles.names(in: output.path).map { ($0, try MappedFile(output.file($0)).count) }
        let completion = RunCompletion(
            lastStep: step,
            totalSteps: totalSteps,
            modelFiles: Dictionary(uniqueKeysWithValues: sizes),
            identity: identity
        )
        try RunRecord(history: history, completion: completion).write(to: output.path)
    }

    private func content(
        _ run: RunState,
        _ evaluation: RunEvaluation?,
        _ log: MetricsLog,
        weights: [SafetensorsEntry],
        moments: [SafetensorsEntry]
    ) throws -> Checkpoint.Content {
        let keepsBest = evaluation?.settings.loadBestModelAtEnd == true && evaluation?.history.best != nil
        let name = store?.temporaryName(step: run.step) ?? ""
        return Checkpoint.Content(
            state: CheckpointState(run: run, evaluation: evaluation?.progress, identity: identity, history: history),
            settings: configuration,
            metrics: try log.lines(),
            weights: weights,
            moments: moments,
            best: keepsBest ? try output?.keepWeights(as: name) : nil
        )
    }
}

extension CheckpointStore {
    /// The checkpoints of the run that `configuration` describes.
    init(_ output: ModelDirectory, _ configuration: TrainingConfiguration) {
        self.init(directory: output.path, limit: configuration.saving.saveTotalLimit)
    }
}
