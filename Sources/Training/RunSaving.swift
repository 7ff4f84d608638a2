internal import Collectives
internal import Compute
internal import Foundation
internal import SystemPackage

/// Writes a run's checkpoints; every rank calls it alike, rank 0 writes.
final class RunSaving {
    private let settings: SavingSettings
    /// As `espalier.yaml` has them.
    private let configuration: String
    private let identity: RunIdentity
    private let policy: Policy
    private let optimizer: Optimizer
    private let communicator: any Communicator
    /// Of rank 0 alone, as is all below.
    private let output: ModelDirectory?
    private let store: CheckpointStore?
    private let snapshot: Snapshot?
    private var job: (step: Int, work: BackgroundJob)?
    /// The checkpoint that the run has last written, or gone on from.
    private(set) var last: FilePath?
    /// What checkpoints have taken of the run's time.
    private(set) var stallSeconds = 0.0

    /// - Parameters:
    ///   - identity: What the run computes with.
    ///   - output: The directory that checkpoints go to, of rank 0.
    ///   - last: The checkpoint that the run goes on from, of rank 0.
    init(
        _ configuration: TrainingConfiguration,
        identity: RunIdentity,
        policy: Policy,
        optimizer: Optimizer,
        output: ModelDirectory?,
        last: FilePath?,
        communicator: any Communicator
    ) throws {
        self.last = last
        (settings, self.identity) = (configuration.saving, identity)
        (self.policy, self.optimizer, self.communicator) = (policy, optimizer, communicator)
        self.output = output
        store = output.map { CheckpointStore($0, configuration) }
        (self.configuration, snapshot) = try communicator.agree {
            let isUsed = output != nil && configuration.saving.saveSteps != nil
            return (try configuration.yaml(), isUsed ? try Snapshot(layout: policy.layout, team: policy.team) : nil)
        }
    }

    /// What the run has learned, as it is now.
    private var tensors: TrainedTensors { TrainedTensors(policy, optimizer) }

    /// Writes a checkpoint if one is due, from a copy, while the run goes on.
    ///
    /// A checkpoint that cannot be written is told of, and the run goes on without it.
    func saveIfDue(_ run: RunState, evaluation: RunEvaluation?, log: MetricsLog?) throws {
        guard settings.isDue(step: run.step) else { return }
        Progress.enter("saving")
        let start = ContinuousClock().now
        defer { stallSeconds += (ContinuousClock().now - start) / .seconds(1) }
        try compareRanks(step: run.step)
        finishJob()
        try communicator.agree {
            guard let output, let store, let snapshot, let log else { return }
            snapshot.tensors.copy(from: tensors, team: policy.team)
            let content = try content(run, evaluation, log, tensors: snapshot.tensors)
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
        try compareRanks(step: run.step)
        finishJob()
        try communicator.agree {
            guard let output, let store, let log else { return }
            try store.write(try content(run, evaluation, log, tensors: tensors), output: output)
            tell("stopped after step \(run.step), saved to \(store.path(step: run.step)); --resume goes on from there")
        }
        throw Interrupted()
    }

    /// Waits for the checkpoint that is being written.
    func finishJob() {
        guard let (step, work) = job else { return }
        job = nil
        do {
            try work.finish()
            last = store?.path(step: step)
        } catch {
            tell("warning: no checkpoint was written: \(error)")
        }
    }

    private func content(
        _ run: RunState,
        _ evaluation: RunEvaluation?,
        _ log: MetricsLog,
        tensors: TrainedTensors
    ) throws -> Checkpoint.Content {
        let keepsBest = evaluation?.settings.loadBestModelAtEnd == true && evaluation?.course.best != nil
        let name = store?.temporaryName(step: run.step) ?? ""
        return Checkpoint.Content(
            state: CheckpointState(run: run, evaluation: evaluation?.progress, identity: identity),
            settings: configuration,
            metrics: try log.lines(),
            tensors: tensors,
            best: keepsBest ? try output?.keepWeights(as: name) : nil
        )
    }

    /// Makes sure that all ranks hold the same weights, before those of one are saved for all.
    private func compareRanks(step: Int) throws {
        guard communicator.size > 1 else { return }
        let sum = tensors.checksum(team: policy.team)
        // Halves, which float64 holds exactly.
        let halves = [Double(sum >> 32), Double(sum & 0xFFFF_FFFF)]
        let all = try communicator.gather(halves.span, root: 0)
        try communicator.agree {
            guard let all else { return }
            for rank in 1..<communicator.size where [all[2 * rank], all[2 * rank + 1]] != halves {
                throw TrainingError.ranksDiffer(step: step, rank: rank)
            }
        }
    }
}

extension TrainedTensors {
    /// Those of a run.
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
