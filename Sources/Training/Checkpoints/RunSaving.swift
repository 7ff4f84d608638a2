internal import Collectives
internal import Compute
internal import Configuration
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
    private let moments: Moments
    private let comparison: RankComparison
    private let communicator: any Communicator
    /// Nil except on rank 0, like everything below.
    private let output: ModelDirectory?
    private let store: CheckpointStore?
    private let snapshot: Snapshot?
    private var job: (step: Int, work: BackgroundJob)?
    /// The checkpoint that the run last wrote or resumed from.
    private(set) var last: FilePath?
    /// Seconds for which training stopped for checkpoints: comparison of ranks, copy, and wait for the previous one.
    private(set) var stallSeconds = 0.0
    /// Seconds of writing checkpoints, concurrently with training.
    private(set) var writeSeconds = 0.0

    /// Allocates what saving needs; collective.
    ///
    /// - Parameters:
    ///   - identity: What the run computes with.
    ///   - moments: Of the optimizer, over all ranks.
    ///   - output: The directory of the checkpoints, on rank 0.
    ///   - last: The checkpoint that the run resumes from, on rank 0.
    static func prepare(
        _ configuration: TrainingConfiguration,
        identity: RunIdentity,
        policy: Policy,
        moments: Moments,
        output: ModelDirectory?,
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
            moments: moments,
            output: output,
            store: output.map { CheckpointStore($0, configuration) },
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
        moments: Moments,
        output: ModelDirectory?,
        store: CheckpointStore?,
        snapshot: Snapshot?,
        last: FilePath?,
        communicator: any Communicator
    ) {
        (self.settings, self.configuration, self.identity) = (settings, configuration, identity)
        (self.policy, self.moments, self.communicator) = (policy, moments, communicator)
        (self.output, self.store, self.snapshot, self.last) = (output, store, snapshot, last)
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
        finishJob()
        try copy(to: snapshot)
        try communicator.agree {
            guard let output, let store, let snapshot, let log else { return }
            let content = try content(run, evaluation, log, tensors: snapshot.tensors)
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
        finishJob()
        let snapshot = try wholeCopy()
        try communicator.agree {
            guard let output, let store, let log else { return }
            // A single rank has all moments, and needs no copy.
            let tensors = snapshot?.tensors ?? TrainedTensors(policy, moments.optimizer)
            try withExtendedLifetime(snapshot) {
                try store.write(try content(run, evaluation, log, tensors: tensors), output: output)
            }
            printNotice(
                "stopped after step \(run.step), saved to \(store.path(step: run.step)); pass --resume to continue from it"
            )
        }
        throw Interrupted()
    }

    /// Gathers weights and moments on rank 0; nil elsewhere, and for a single rank.
    private func wholeCopy() throws -> Snapshot? {
        guard communicator.size > 1 else { return nil }
        let whole = try communicator.agree {
            output == nil ? nil : try snapshot ?? Snapshot(layout: policy.layout, team: policy.team)
        }
        try copy(to: whole)
        return whole
    }

    /// Fills rank 0's copy; collective.
    private func copy(to snapshot: Snapshot?) throws {
        try moments.gather(into: snapshot.map { ($0.tensors.first, $0.tensors.second) }, team: policy.team)
        guard let copy = snapshot?.tensors.weights else { return }
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

    private func content(
        _ run: RunState,
        _ evaluation: RunEvaluation?,
        _ log: MetricsLog,
        tensors: TrainedTensors
    ) throws -> Checkpoint.Content {
        let keepsBest = evaluation?.settings.loadBestModelAtEnd == true && evaluation?.history.best != nil
        let name = store?.temporaryName(step: run.step) ?? ""
        return Checkpoint.Content(
            state: CheckpointState(run: run, evaluation: evaluation?.progress, identity: identity),
            settings: configuration,
            metrics: try log.lines(),
            tensors: tensors,
            best: keepsBest ? try output?.keepWeights(as: name) : nil
        )
    }
}

extension TrainedTensors {
    /// The tensors of a run on a single rank.
    init(_ policy: Policy, _ optimizer: Optimizer) {
        let (first, second) = optimizer.moments
        self.init(layout: policy.layout, weights: policy.flat, first: first, second: second)
    }
}

extension CheckpointStore {
    /// The checkpoints of the run that `configuration` describes.
    init(_ output: ModelDirectory, _ configuration: TrainingConfiguration) {
        self.init(directory: output.path, limit: configuration.saving.saveTotalLimit)
    }
}
