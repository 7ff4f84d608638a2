internal import Collectives
internal import Compute
internal import Configuration
internal import Formats
internal import Foundation
internal import Objectives
internal import Preferences
internal import Reporting
internal import Supervision
internal import SystemPackage
internal import Transformer

/// A training run, from a model and preferences to a trained model; every rank holds one.
package final class TrainingRun {
    let configuration: TrainingConfiguration
    let communicator: any Communicator
    let policy: Policy
    let planner: Planner
    /// Nil except on rank 0.
    let output: ModelDirectory?
    let partition: RankPartition
    private let trainingStep: TrainingStep
    let comparison: RankComparison
    /// Nil without held-out data.
    let evaluation: RunEvaluation?
    let preparation: RunPreparation
    let saving: RunSaving
    /// The checkpoint that the run resumes from; nil for a new run.
    private let resumption: Resumption?
    /// Nil if it is disabled.
    private let watchdog: Watchdog?
    /// The gradient sums of each step; scratch memory between two steps.
    let gradients: ShardGradients
    let optimizerState: OptimizerState
    var state: RunState
    private(set) var schedule: RunSchedule

    init(
        configuration: TrainingConfiguration,
        communicator: any Communicator,
        policy: Policy,
        planner: Planner,
        output: ModelDirectory?,
        partition: RankPartition,
        trainingStep: TrainingStep,
        evaluation: RunEvaluation?,
        preparation: RunPreparation,
        saving: RunSaving,
        resumption: Resumption?,
        watchdog: Watchdog?,
        gradients: ShardGradients,
        optimizerState: OptimizerState,
        state: RunState,
        schedule: RunSchedule
    ) {
        (self.configuration, self.communicator) = (configuration, communicator)
        (self.policy, self.planner, self.output, self.partition) = (policy, planner, output, partition)
        (self.trainingStep, self.evaluation, self.preparation) = (trainingStep, evaluation, preparation)
        (self.saving, self.resumption, self.watchdog) = (saving, resumption, watchdog)
        (self.gradients, self.optimizerState) = (gradients, optimizerState)
        (self.state, self.schedule) = (state, schedule)
        comparison = RankComparison(policy, communicator: communicator)
    }

    /// Restores weights, moments and evaluation history from a checkpoint.
    func restore(_ checkpoint: Resumption) throws {
        try checkpoint.restore(policy, optimizerState, scratch: gradients.total.flat)
        optimizerState.optimizer.resume(step: state.updates)
        if let evaluations = checkpoint.state.evaluation { evaluation?.resume(from: evaluations) }
    }

    /// Trains, and writes the model, `metrics.jsonl`, `summary.json` and `report.html`.
    ///
    /// - Parameter profilesPhases: Whether to write `phases.txt` of rank 0 and `trace.json` of all ranks, over all
    ///   steps but the first, which touches memory for the first time.
    /// - Throws: `Interrupted` on every rank if any received a signal; the run is then saved, if it has taken a step.
    package func run(profilesPhases: Bool = false) throws {
        var log = try communicator.agree { try startLog(from: resumption) }
        let progress = ProgressLine(
            title: "train",
            rank: communicator.rank,
            doneBefore: schedule.fraction(after: state.step)
        )
        // Clocks of hosts differ: a barrier aligns the starts of all profiles.
        if profilesPhases { try communicator.barrier() }
        let profile = profilesPhases ? StepProfile(of: policy.team, ranks: communicator.size) : nil
        try StopSignal.check(communicator, "before step \(state.step + 1); pass --resume to continue from it")
        if state.step == 0, configuration.evaluation.evalOnStart { try evaluate(log, progress) }
        let firstStep = state.step + 1
        while state.step < schedule.totalSteps, evaluation?.history.isOver != true {
            let outcome = try take(state.step < firstStep && firstStep < schedule.totalSteps ? nil : profile)
            if try rollBackAfterSpike(outcome, &log, progress) {
                if outcome.isStopRequested { try stop(log) }
                continue
            }
            if state.step % configuration.loggingSteps == 0 || state.step == schedule.totalSteps { show(log, progress) }
            if configuration.evaluation.isDue(step: state.step, of: schedule.totalSteps) { try evaluate(log, progress) }
            guard state.step < schedule.totalSteps, evaluation?.history.isOver != true else { break }
            if outcome.isStopRequested {
                progress.finish()
                try stop(log)
            }
            try saving.saveIfDue(state, evaluation: evaluation, log: log)
        }
        // If early stopping ends the run between two lines.
        if state.window.steps > 0 { show(log, progress) }
        progress.finish()
        try finish(log: log)
        writeReport()
        try profile.map(write)
        try recordCompletion()
        reportOutput()
    }

    /// Saves the run, and ends it.
    ///
    /// - Throws: `Interrupted` on every rank, or `RankFailure` if the checkpoint cannot be written.
    private func stop(_ log: MetricsLog?) throws -> Never {
        do {
            try saving.stop(state, evaluation: evaluation, log: log)
        } catch let end as Interrupted {
            writeReport()
            throw end
        }
    }

    /// Starts the metrics log, with the lines of the checkpoint that the run resumes from, and TensorBoard's events.
    func startLog(from resumption: Resumption?) throws -> MetricsLog? {
        guard let output else { return nil }
        try resumption?.restoreBest(to: output)
        let step = resumption?.state.run.step
        let events = try output.startEvents(configuration, of: saving.history, after: step)
        return try output.startMetrics(configuration, lines: resumption?.metrics ?? Data(), events: events)
    }

    /// Takes one step.
    ///
    /// - Throws: `RankFailure` on every rank if too many consecutive steps were skipped.
    private func take(_ profile: StepProfile?) throws -> StepOutcome {
        let start = ContinuousClock().now
        Progress.enter("training", step: state.step + 1)
        let rate = schedule.learningRate(after: state.step)
        let speeds = configuration.balance == .measured ? state.speeds.relative(ranks: communicator.size) : nil
        func step() throws -> StepOutcome {
            try trainingStep.run(
                planner.plan(examples: schedule.nextExamples(), speeds: speeds),
                learningRate: rate,
                isStopRequested: { StopSignal.isRaised },
                beforeUpdate: compareRanksIfDue
            )
        }
        let outcome = try profile?.record(step, report: { $0.report }) ?? step()
        state.add(outcome, seconds: (ContinuousClock().now - start) / .seconds(1))
        guard let fault = outcome.fault else { return outcome }
        let error = fault.error(step: state.step)
        guard state.skippedInRow <= configuration.maxSkipped else { throw RankFailure(rank: 0, error: error) }
        if communicator.rank == 0 { printNotice("warning: skipped: \(error)") }
        return outcome
    }

    /// Compares the ranks' weights before an update: the update replaces each slice by the copy of one rank, with any
    /// fault in it.
    private func compareRanksIfDue() throws {
        let every = configuration.communication.rankCheckSteps
        if every > 0, (state.step + 1) % every == 0 { try comparison.check(step: state.step) }
    }
}
