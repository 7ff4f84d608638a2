package import Collectives
internal import Compute
internal import Formats
internal import Foundation
internal import Objectives
internal import Preferences
internal import SystemPackage
internal import Transformer

/// A run from a model and preferences to a trained model, the same on every rank.
package final class TrainingRun {
    let configuration: TrainingConfiguration
    let communicator: any Communicator
    let policy: Policy
    let planner: Planner
    /// Of rank 0 alone.
    let output: ModelDirectory?
    /// How gradients cross ranks; nil for a rank that is alone.
    let collective: CollectiveChoice?
    private let trainingStep: TrainingStep
    let comparison: RankComparison
    /// Nil where there is no held-out data.
    let evaluation: RunEvaluation?
    let start: RunStart
    let saving: RunSaving
    /// What the run goes on from; nil where it began at the beginning.
    private let resumption: Resumption?
    /// Nil where it is not wanted.
    private let watchdog: Watchdog?
    /// The sums of each step's gradients; between two steps, room for anything.
    let gradients: ShardGradients
    let moments: Moments
    var state: RunState
    private(set) var course: RunCourse

    /// Reads everything, checks that it fits together, and computes what is missing of the reference.
    ///
    /// - Throws: `RankFailure` on every rank where any rank failed.
    package init(_ configuration: TrainingConfiguration, communicator: any Communicator) throws {
        (self.configuration, self.communicator) = (configuration, communicator)
        let inputs = try Inputs(configuration, communicator: communicator, batchSize: configuration.globalBatchSize)
        let (policy, planner) = (inputs.policy, inputs.planner)
        (self.policy, self.planner) = (policy, planner)
        let (objective, output) = try communicator.agree {
            try configuration.check(planner, rank: communicator.rank, ranks: communicator.size)
            let output = communicator.rank == 0 ? try ModelDirectory(configuration, for: policy) : nil
            return (try Objective(configuration.objective), output)
        }
        self.output = output
        let identity = RunIdentity(inputs)
        let store = output.map { CheckpointStore($0, configuration) }
        try communicator.agree { try store?.sweep() }
        Progress.enter("start", step: 0)
        watchdog = try Watchdog(
            output: FilePath(configuration.output),
            timeout: configuration.saving.stallTimeout,
            communicator: communicator
        )
        resumption = try Resumption(configuration, store: store, identity: identity, communicator: communicator)
        let resumed = resumption?.state
        let history = try communicator.agree { try store?.begin(after: resumed) }
        state = resumed?.run ?? RunState()
        course = RunCourse(inputs.dataset, configuration)
        course.advance(by: state.step + state.passedOver)
        let rows = TrainingRows(configuration, inputs, course, skippedSteps: state.passedOver)
        let (layout, communication) = (policy.layout, configuration.communication)
        let share = try RankShare(communication, parameters: layout.count, communicator: communicator)
        collective = share.choice
        let (model, gradients, optimizer) = try communicator.agree {
            let optimizer = try Optimizer(configuration, layout: layout, parts: share.slices.own)
            return (try policy.model(for: rows), try ShardGradients(policy, share), optimizer)
        }
        self.gradients = gradients
        let start = try RunStart(
            configuration,
            policy: policy,
            rows: rows,
            model: model,
            gradients: gradients.total,
            objective: objective,
            communicator: communicator
        )
        self.start = start
        func scoring(_ reference: ReferenceLogps) -> PairScoring {
            PairScoring(objective: objective, pairing: configuration.pairs, reference: reference)
        }
        trainingStep = TrainingStep(
            policy: policy,
            model: model,
            gradients: gradients,
            optimizer: optimizer,
            scoring: scoring(start.reference.training),
            share: share,
            configuration: configuration,
            communicator: communicator
        )
        comparison = RankComparison(policy, communicator: communicator)
        evaluation = inputs.heldOut.flatMap { planner in
            guard let reference = start.reference.heldOut else { return nil }
            let pass = ScoringPass(policy: policy, planner: planner, communicator: communicator)
            return RunEvaluation(configuration.evaluation, pass: pass, model: model, scoring: scoring(reference))
        }
        moments = Moments(slices: share.slices, optimizer: optimizer, communicator: communicator)
        saving = try RunSaving(
            configuration,
            identity: identity,
            policy: policy,
            moments: moments,
            scratch: gradients.total.flat,
            output: output,
            history: history,
            last: resumption?.path,
            communicator: communicator
        )
        // Last: the self-check and the reference are of the model as it was before training.
        if let resumption { try takeUp(resumption) }
    }

    /// Gives weights, moments and evaluation what they had in a checkpoint.
    func takeUp(_ checkpoint: Resumption) throws {
        try checkpoint.restore(policy, moments, scratch: gradients.total.flat)
        moments.optimizer.resume(step: state.updates)
        if let evaluations = checkpoint.state.evaluation { evaluation?.resume(from: evaluations) }
    }

    /// Trains, and writes the model, `metrics.jsonl` and `summary.json`.
    ///
    /// - Parameter profilesPhases: Whether to write `phases.txt` of rank 0 and `trace.json` of all ranks too, of all steps
    ///   but the first, whose time goes into memory that is touched for the first time.
    /// - Throws: `Interrupted` on every rank where any was asked to stop; the run has then been saved, if it had begun.
    package func run(profilesPhases: Bool = false) throws {
        var log = try communicator.agree { try startLog(from: resumption) }
        let progress = ProgressLine(title: "train", rank: communicator.rank)
        // Clocks of hosts differ: those of profiles begin together.
        if profilesPhases { try communicator.barrier() }
        let profile = profilesPhases ? StepProfile(of: policy.team, ranks: communicator.size) : nil
        try StopSignal.check(communicator, "after step \(state.step), before another; --resume goes on from there")
        if state.step == 0, configuration.evaluation.evalOnStart { try evaluate(log, progress) }
        let firstStep = state.step + 1
        while state.step < course.totalSteps, evaluation?.course.isOver != true {
            let outcome = try take(state.step < firstStep && firstStep < course.totalSteps ? nil : profile)
            if try goBackIfSpiked(outcome, &log, progress) {
                if outcome.isAskedToStop { try saving.stop(state, evaluation: evaluation, log: log) }
                continue
            }
            if state.step % configuration.loggingSteps == 0 || state.step == course.totalSteps { show(log, progress) }
            if configuration.evaluation.isDue(step: state.step, of: course.totalSteps) { try evaluate(log, progress) }
            guard state.step < course.totalSteps, evaluation?.course.isOver != true else { break }
            if outcome.isAskedToStop {
                progress.finish()
                try saving.stop(state, evaluation: evaluation, log: log)
            }
            try saving.saveIfDue(state, evaluation: evaluation, log: log)
        }
        // Where patience is at its end between two lines.
        if state.window.steps > 0 { show(log, progress) }
        progress.finish()
        try finish(log: log)
        try profile.map(write)
    }

    /// The records of the run, with the lines until the checkpoint that it goes on from.
    func startLog(from resumption: Resumption?) throws -> MetricsLog? {
        guard let output else { return nil }
        try resumption?.restoreBest(to: output)
        return try output.startMetrics(configuration, lines: resumption?.metrics ?? Data())
    }

    /// Takes one step.
    ///
    /// - Throws: `RankFailure` on every rank where too many steps in succession left the weights as they were.
    private func take(_ profile: StepProfile?) throws -> StepOutcome {
        let start = ContinuousClock().now
        Progress.enter("training", step: state.step + 1)
        let rate = course.learningRate(after: state.step)
        let speeds = configuration.balance == .measured ? state.speeds.relative(ranks: communicator.size) : nil
        func step() throws -> StepOutcome {
            try trainingStep.run(
                planner.plan(rows: course.nextRows(), speeds: speeds),
                learningRate: rate,
                isAskedToStop: { StopSignal.isRaised },
                beforeUpdate: compareRanksIfDue
            )
        }
        let outcome = try profile?.record(step, report: { $0.report }) ?? step()
        state.add(outcome, seconds: (ContinuousClock().now - start) / .seconds(1))
        guard let fault = outcome.fault else { return outcome }
        let error = fault.error(step: state.step)
        guard state.skippedInRow <= configuration.maxSkipped else { throw RankFailure(rank: 0, error: error) }
        if communicator.rank == 0 { tell("warning: skipped: \(error)") }
        return outcome
    }

    /// Compares the weights that a step was computed with, before its update: afterwards each slice has been copied from the
    /// one rank that updated it, with whatever had become of it there.
    private func compareRanksIfDue() throws {
        let every = configuration.communication.rankCheckSteps
        if every > 0, (state.step + 1) % every == 0 { try comparison.check(step: state.step) }
    }
}
