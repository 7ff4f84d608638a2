internal import Collectives
internal import Compute
internal import Formats
internal import Foundation
internal import SystemPackage

/// Writes a run's checkpoints; every rank calls it alike, rank 0 writes.
final class RunSaving {
    private let settings: SavingSettings
    /// As `espalier.yaml` has them.
    private let configuration: String
    private let identity: RunIdentity
    private let policy: Policy
    private let moments: Moments
    private let comparison: RankComparison
    /// Of all parameters, free between two steps.
    private let scratch: Matrix
    private let communicator: any Communicator
    /// Of rank 0 alone, as is all below.
    private let output: ModelDirectory?
    private let store: CheckpointStore?
    private let history: RunHistory?
    private let snapshot: Snapshot?
    private var job: (step: Int, work: BackgroundJob)?
    /// The checkpoint that the run has last written, or gone on from.
    private(set) var last: FilePath?
    /// For how long training has stood still for checkpoints: comparison of ranks, copy, and wait for the one before.
    private(set) var stallSeconds = 0.0
    /// For how long checkpoints were written, while training went on.
    private(set) var writeSeconds = 0.0

    /// - Parameters:
    ///   - identity: What the run computes with.
    ///   - moments: Of the optimizer, over all ranks.
    ///   - scratch: Of all parameters; overwritten where a run is stopped, so that rank 0 needs no memory for that.
    ///   - output: The directory that checkpoints go to, of rank 0.
    ///   - history: The starts of the run, of rank 0.
    ///   - last: The checkpoint that the run goes on from, of rank 0.
    init(
        _ configuration: TrainingConfiguration,
        identity: RunIdentity,
        policy: Policy,
        moments: Moments,
        scratch: Matrix,
        output: ModelDirectory?,
        history: RunHistory?,
        last: FilePath?,
        communicator: any Communicator
    ) throws {
        (self.history, self.last) = (history, last)
        (settings, self.identity) = (configuration.saving, identity)
        (self.policy, self.moments, self.scratch, self.communicator) = (policy, moments, scratch, communicator)
        comparison = RankComparison(policy, communicator: communicator)
        self.output = output
        store = output.map { CheckpointStore($0, configuration) }
        (self.configuration, snapshot) = try communicator.agree {
            let isUsed = output != nil && configuration.saving.saveSteps != nil
            return (try configuration.yaml(), isUsed ? try Snapshot(layout: policy.layout, team: policy.team) : nil)
        }
    }

    /// Writes a checkpoint if one is due, from a copy, while the run goes on.
    ///
    /// A checkpoint that cannot be written is told of, and the run goes on without it.
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
            let (weights, moments) = (snapshot.tensors.modelEntries, snapshot.tensors.momentEntries)
            let content = try content(run, evaluation, log, weights: weights, moments: moments)
            // The job holds the snapshot, whose memory the content only views.
            let work = BackgroundJob { try withExtendedLifetime(snapshot) { try store.write(content, output: output) } }
            job = (run.step, work)
        }
    }

    /// Writes a checkpoint at once, and ends the run.
    ///
    /// - Throws: `Interrupted` on every rank, or `RankFailure` where the checkpoint cannot be written.
    func stop(_ run: RunState, evaluation: RunEvaluation?, log: MetricsLog?) throws -> Never {
        Progress.enter("saving")
        try comparison.check(step: run.step)
        finishJob()
        guard let output, let store, let log else {
            // Rank 0 receives them while it writes.
            try moments.collect(into: nil, team: policy.team)
            try communicator.agree {}
            throw Interrupted()
        }
        try communicator.agree {
            try writeWhole(run, evaluation, log, to: store, output)
            tell("stopped after step \(run.step), saved to \(store.path(step: run.step)); --resume goes on from there")
        }
        throw Interrupted()
    }

    /// Writes a checkpoint of weights and moments where they lie, the latter by way of `scratch`; rank 0 calls it.
    private func writeWhole(
        _ run: RunState,
        _ evaluation: RunEvaluation?,
        _ log: MetricsLog,
        to store: CheckpointStore,
        _ output: ModelDirectory
    ) throws {
        let gathered = GatheredMoments(moments, layout: policy.layout, buffer: scratch, team: policy.team)
        let written = Result {
            let weights = policy.layout.entries(of: policy.flat)
            let content = try content(run, evaluation, log, weights: weights, moments: gathered.entries)
            try store.write(content, output: output)
        }
        // Where nothing could be written, the others still wait to send.
        try gathered.finish()
        try written.get()
    }

    /// Fills rank 0's copy; every rank calls it.
    private func copy(to snapshot: Snapshot?) throws {
        try moments.collect(into: snapshot.map { ($0.tensors.first, $0.tensors.second) }, team: policy.team)
        guard let copy = snapshot?.tensors.weights else { return }
        let (weights, team) = (policy.flat, policy.team)
        team.run("snapshot") { member in
            let share = team.share(of: weights.columns, member: member)
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
            tell("warning: no checkpoint was written: \(error)")
        }
    }

    private func content(
        _ run: RunState,
        _ evaluation: RunEvaluation?,
        _ log: MetricsLog,
        weights: [SafetensorsEntry],
        moments: [SafetensorsEntry]
    ) throws -> Checkpoint.Content {
        let keepsBest = evaluation?.settings.loadBestModelAtEnd == true && evaluation?.course.best != nil
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
