package import Collectives
internal import Compute
internal import Formats
internal import Objectives
internal import Preferences
internal import SystemPackage
internal import Transformer

/// A run from a model and preferences to a trained model, the same on every rank.
package final class TrainingRun {
    private let configuration: TrainingConfiguration
    let communicator: any Communicator
    let policy: Policy
    let planner: Planner
    /// Of rank 0 alone.
    private let output: ModelDirectory?
    private let trainingStep: TrainingStep
    /// Nil where there is no held-out data.
    let evaluation: RunEvaluation?
    private let schedule: LearningRateSchedule
    let peakRate: Double
    let referenceRows: Int
    let referenceSeconds: Double
    let selfCheckSeconds: Double
    /// The largest difference that the self-check found; nil where it was not made.
    let selfCheckDifference: Double?
    /// From the start of the process to the first step, reference and self-check left out.
    let startupSeconds: Double
    private(set) var evaluationSeconds = 0.0
    private var cursor: StepCursor
    private let totalSteps: Int

    /// Reads everything, checks that it fits together, and computes what is missing of the reference.
    ///
    /// - Throws: `RankFailure` on every rank where any rank failed.
    package init(_ configuration: TrainingConfiguration, communicator: any Communicator) throws {
        self.configuration = configuration
        self.communicator = communicator
        let rank = communicator.rank
        let inputs = try Inputs(configuration, communicator: communicator, batchSize: configuration.globalBatchSize)
        let (policy, planner) = (inputs.policy, inputs.planner)
        (self.policy, self.planner) = (policy, planner)
        let (objective, output) = try communicator.agree {
            try configuration.checkReferenceCache(rank: rank)
            let output = rank == 0 ? try ModelDirectory(configuration, for: policy) : nil
            return (try Objective(configuration.objective), output)
        }
        self.output = output
        let cursor = StepCursor(inputs.dataset, configuration)
        self.cursor = cursor
        totalSteps = configuration.totalSteps(stepsPerEpoch: cursor.stepsPerEpoch)
        schedule = LearningRateSchedule(
            kind: configuration.lrSchedulerType,
            peak: configuration.learningRate,
            steps: totalSteps,
            warmupRatio: configuration.warmupRatio
        )
        let rows = TrainingRows(
            configuration,
            planner: planner,
            heldOut: inputs.heldOut,
            cursor: cursor,
            steps: totalSteps
        )
        let (model, gradients, optimizer) = try communicator.agree {
            let gradients = try Gradients(layout: policy.layout, configuration: policy.configuration)
            return (try policy.model(for: rows), gradients, try Optimizer(configuration, layout: policy.layout))
        }
        peakRate = try PeakRate.measure(team: policy.team, communicator: communicator)
        let start = ContinuousClock().now
        let comparison = WayComparison(policy: policy, model: model, gradients: gradients)
        selfCheckDifference = try rows.selfCheck?.run(comparison, communicator: communicator)
        selfCheckSeconds = (ContinuousClock().now - start) / .seconds(1)
        let reference = try RunReference(
            configuration,
            policy: policy,
            rows: rows,
            model: model,
            isUsed: objective.usesReference,
            communicator: communicator
        )
        (referenceRows, referenceSeconds) = (reference.computedRows, reference.seconds)
        startupSeconds = Processor.secondsSinceStart - referenceSeconds - selfCheckSeconds
        func scoring(_ reference: ReferenceLogps) -> PairScoring {
            PairScoring(objective: objective, pairing: configuration.pairs, reference: reference)
        }
        trainingStep = TrainingStep(
            policy: policy,
            model: model,
            gradients: gradients,
            optimizer: optimizer,
            scoring: scoring(reference.training),
            maxGradNorm: configuration.maxGradNorm,
            communicator: communicator
        )
        evaluation = inputs.heldOut.flatMap { planner in
            guard let reference = reference.heldOut else { return nil }
            let pass = ScoringPass(policy: policy, planner: planner, communicator: communicator)
            return RunEvaluation(configuration.evaluation, pass: pass, model: model, scoring: scoring(reference))
        }
    }

    /// Trains, and writes the model, `metrics.jsonl` and `summary.json`.
    ///
    /// - Parameter profilesPhases: Whether to write `phases.txt` and `trace.json` too, of rank 0 and all steps but the
    ///   first, whose time goes into memory that is touched for the first time.
    package func run(profilesPhases: Bool = false) throws {
        let log = try communicator.agree { try output?.startMetrics(configuration) }
        let progress = ProgressLine(title: "train", rank: communicator.rank)
        var window = StepReport()
        var total = StepReport()
        let profile = profilesPhases && communicator.rank == 0 ? StepProfile(of: policy.team) : nil
        let start = ContinuousClock().now
        var stepSeconds: Double { (ContinuousClock().now - start) / .seconds(1) - evaluationSeconds }
        func show(after step: Int) {
            let record = window.record(
                step: step,
                epoch: epoch(after: step),
                total: total,
                sharing: planner.sharing,
                peakRate: peakRate
            )
            log?.append(record)
            let rate = Double(total.pairs) / stepSeconds
            progress.show(share(step), details: window.details(step: step, of: totalSteps, pairsPerSecond: rate))
            window = StepReport()
        }
        if configuration.evaluation.evalOnStart { try evaluate(after: 0, log, progress) }
        for step in 1...totalSteps {
            let rate = schedule.rate(step: step - 1)
            let take = { try self.trainingStep.run(self.planner.plan(rows: self.cursor.next()), learningRate: rate) }
            let report = step < min(2, totalSteps) ? try take() : try profile?.record(take) ?? take()
            window.add(report)
            total.add(report)
            let isShown = step % configuration.loggingSteps == 0 || step == totalSteps
            if isShown { show(after: step) }
            guard configuration.evaluation.isDue(step: step, of: totalSteps) else { continue }
            try evaluate(after: step, log, progress)
            guard evaluation?.course.isOver == true else { continue }
            if !isShown { show(after: step) }
            break
        }
        progress.finish()
        try finish(total, log: log, seconds: stepSeconds)
        try communicator.agree { try profile.map(write) }
    }

    private func share(_ step: Int) -> Double { Double(step) / Double(totalSteps) }

    private func epoch(after step: Int) -> Double { Double(step) / Double(cursor.stepsPerEpoch) }

    /// Judges the model, and writes it where it is the best so far and to be kept.
    private func evaluate(after step: Int, _ log: MetricsLog?, _ progress: ProgressLine) throws {
        guard let evaluation else { return }
        let start = ContinuousClock().now
        progress.finish()
        let outcome = try evaluation.run(step: step, epoch: epoch(after: step))
        log?.append(outcome.record)
        progress.show(share(step), details: "step \(step)/\(totalSteps)  \(outcome.details)")
        progress.finish()
        if outcome.isBest, evaluation.settings.loadBestModelAtEnd {
            try communicator.agree { try output?.write(policy) }
        }
        evaluationSeconds += (ContinuousClock().now - start) / .seconds(1)
    }

    // MARK: The end

    private func write(_ profile: StepProfile) throws {
        guard let output else { return }
        let table = profile.table(peakRate: peakRate / Double(communicator.size))
        try AtomicFile.write(to: output.file("phases.txt")) { try $0.append(table) }
        try StepProfile.writeTrace(of: [("rank 0", profile)], to: output.file("trace.json"))
    }

    private func finish(_ total: StepReport, log: MetricsLog?, seconds: Double) throws {
        let peakBytes = try communicator.maximum(Double(Processor.peakResidentBytes))
        let hasBest = configuration.evaluation.loadBestModelAtEnd && evaluation?.course.best != nil
        try communicator.agree {
            guard let output else { return }
            // The model first: where a full disk has held metrics back, it must not be lost for them.
            if !hasBest { try output.write(policy) }
            try log?.finish()
            let summary = summary(total, seconds: seconds, peakBytes: Int(peakBytes))
            try AtomicFile.write(to: output.file("summary.json")) { try $0.append(summary.page) }
        }
    }
}
