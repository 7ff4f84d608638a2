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
    private let communicator: any Communicator
    private let policy: Policy
    private let planner: Planner
    /// Of rank 0 alone.
    private let output: ModelDirectory?
    private let trainingStep: TrainingStep
    private let schedule: LearningRateSchedule
    private let peakRate: Double
    /// From the start of the process to the first step, the reference left out.
    private let startupSeconds: Double
    private let referenceSeconds: Double
    private let referenceRows: Int
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
        let (policy, dataset, planner) = (inputs.policy, inputs.dataset, inputs.planner)
        (self.policy, self.planner) = (policy, planner)
        let (objective, output) = try communicator.agree {
            try configuration.checkReferenceCache(rank: rank)
            let (path, source) = (FilePath(configuration.output), FilePath(configuration.model))
            let output = rank == 0 ? try ModelDirectory(preparing: path, for: policy, from: source) : nil
            return (try Objective(configuration.objective), output)
        }
        self.output = output
        let cursor = StepCursor(dataset, configuration)
        self.cursor = cursor
        totalSteps = configuration.totalSteps(stepsPerEpoch: cursor.stepsPerEpoch)
        schedule = LearningRateSchedule(
            kind: configuration.lrSchedulerType,
            peak: configuration.learningRate,
            steps: totalSteps,
            warmupRatio: configuration.warmupRatio
        )
        let visited = cursor.rows(ofSteps: totalSteps)
        let (model, gradients, optimizer) = try communicator.agree {
            let recomputes = configuration.gradientCheckpointing
            let model = try policy.model(for: visited, planner: planner, trains: true, recomputes: recomputes)
            let gradients = try Gradients(layout: policy.layout, configuration: policy.configuration)
            return (model, gradients, try Optimizer(configuration, layout: policy.layout))
        }
        peakRate = try PeakRate.measure(team: policy.team, communicator: communicator)
        let start = ContinuousClock().now
        var source = ReferenceSource(
            pass: ScoringPass(policy: policy, planner: planner, communicator: communicator),
            cache: configuration.referenceCache.map { FilePath($0) }
        )
        let reference = try source.logps(rows: objective.usesReference ? visited : [], model: model)
        referenceSeconds = (ContinuousClock().now - start) / .seconds(1)
        referenceRows = source.computedRows
        startupSeconds = Processor.secondsSinceStart - referenceSeconds
        trainingStep = TrainingStep(
            policy: policy,
            model: model,
            gradients: gradients,
            optimizer: optimizer,
            scoring: PairScoring(objective: objective, pairing: configuration.pairs, reference: reference),
            maxGradNorm: configuration.maxGradNorm,
            communicator: communicator
        )
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
        for step in 1...totalSteps {
            let rate = schedule.rate(step: step - 1)
            let take = { try self.trainingStep.run(self.planner.plan(rows: self.cursor.next()), learningRate: rate) }
            let report = step < min(2, totalSteps) ? try take() : try profile?.record(take) ?? take()
            window.add(report)
            total.add(report)
            guard step % configuration.loggingSteps == 0 || step == totalSteps else { continue }
            let elapsed = (ContinuousClock().now - start) / .seconds(1)
            let epoch = Double(step) / Double(cursor.stepsPerEpoch)
            log?.append(
                window.record(step: step, epoch: epoch, total: total, sharing: planner.sharing, peakRate: peakRate)
            )
            progress.show(
                Double(step) / Double(totalSteps),
                details: window.details(step: step, of: totalSteps, pairsPerSecond: Double(total.pairs) / elapsed)
            )
            window = StepReport()
        }
        progress.finish()
        try finish(total, log: log, seconds: (ContinuousClock().now - start) / .seconds(1))
        try communicator.agree { try profile.map(write) }
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
        try communicator.agree {
            guard let output else { return }
            // The model first: where a full disk has held metrics back, it must not be lost for them.
            try output.write(policy)
            try log?.finish()
            var summary = MetricsRecord()
            summary.add("steps", totalSteps)
            summary.add("ranks", communicator.size)
            summary.add("threads", policy.team.count)
            summary.add("pairs", total.pairs)
            summary.add("startup_seconds", startupSeconds)
            summary.add("train_seconds", seconds)
            summary.add("reference_rows", referenceRows)
            summary.add("reference_seconds", referenceSeconds)
            summary.add("pairs_per_second", Double(total.pairs) / (seconds + referenceSeconds))
            summary.add("train_pairs_per_second", Double(total.pairs) / seconds)
            summary.add("sharing", planner.sharing.rawValue)
            summary.add("tokens_computed", total.tokensComputed)
            summary.add("tokens_unshared", total.tokensUnshared)
            summary.add("mfu", total.utilization(peakRate: peakRate))
            summary.add("peak_gflops", peakRate / 1e9)
            summary.add("peak_rss_bytes", Int(peakBytes))
            for (name, value) in total.statistics.metrics { summary.add(name, value) }
            try AtomicFile.write(to: output.file("summary.json")) { try $0.append(summary.page) }
        }
    }
}
