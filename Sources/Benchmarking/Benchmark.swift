package import Collectives
internal import Compute
package import Configuration
internal import Objectives
internal import Preferences
internal import Reporting
internal import Training
internal import Transformer

/// Measures training steps on the same examples, alternating between the sharing modes.
///
/// Steps are complete: plan, passes, reduction over ranks and update. The reference log-probabilities count as cached.
/// One model, one set of gradients and moments and one workspace serve all examples and modes.
package final class Benchmark {
    /// What to measure, and how often.
    package struct Settings: Sendable {
        package var model: BenchmarkModel
        package var sources: [BenchmarkSource]
        /// The number of tokens with which every prompt of random tokens begins, the same for all; from 0.
        package var sharedPrefix: Int
        /// The sharing modes in the order of their turns, each once.
        package var sharing: [BenchmarkSharing]
        /// Timed steps of each source and sharing mode, from 1 to 1000.
        package var repeats: Int
        /// Untimed steps before them, from 0 to 1000.
        package var warmUpSteps: Int
        /// Whether to profile the timed steps on rank 0.
        package var profilesPhases: Bool
        /// Batch size, sequence length, threads and seed; other settings are the defaults.
        package var training: TrainingConfiguration

        /// Settings, unchecked.
        package init(
            model: BenchmarkModel,
            sources: [BenchmarkSource],
            sharedPrefix: Int = 0,
            sharing: [BenchmarkSharing],
            repeats: Int,
            warmUpSteps: Int,
            profilesPhases: Bool,
            training: TrainingConfiguration
        ) {
            self.model = model
            self.sources = sources
            self.sharedPrefix = sharedPrefix
            self.sharing = sharing
            self.repeats = repeats
            self.warmUpSteps = warmUpSteps
            self.profilesPhases = profilesPhases
            self.training = training
        }
    }

    /// So low that weights and work stay the same.
    private static let learningRate = 1e-9

    private let settings: Settings
    private let communicator: any Communicator
    private let policy: Policy
    private let products: ProductChoice
    private let trials: [BenchmarkTrial]
    private let trainingStep: TrainingStep
    private let progress: ProgressLine
    private var stepsDone = 0
    private var peakRates: [PeakRate] = []

    /// Prepares model, examples and buffers, and checks that they fit together; collective.
    ///
    /// - Throws: `RankFailure` on every rank if any rank fails, or has another model, other data or other settings.
    package static func prepare(_ settings: Settings, communicator: any Communicator) throws -> Benchmark {
        let (policy, trials, common) = try communicator.agree {
            try settings.validate(ranks: communicator.size)
            let model = try settings.model.description
            let adapter = try settings.training.adapterSource.map { try PolicyAdapter($0, of: model).adapter }
            let trials = try settings.sources.map { source in
                try BenchmarkTrial.plan(
                    source,
                    for: model.architecture,
                    adapter: adapter,
                    settings,
                    ranks: communicator.size
                )
            }
            let policy = try settings.model.policy(settings.training, communicator: communicator)
            return (policy, trials, try settings.common)
        }
        try communicator.requireSame(common, "configuration")
        try communicator.requireSame(policy.digest, "model (\(settings.model.label))")
        let products = try policy.chooseProducts(settings.training.precision, communicator: communicator)
        policy.reportIgnoredFiles(rank: communicator.rank)
        try reportHosts(threads: settings.training.threads, on: communicator)
        for trial in trials { try communicator.requireSame(trial.dataset.digest, "data (\(trial.source.label))") }
        let partition = try RankPartition.establish(
            settings.training.communication,
            parameters: policy.layout.count,
            communicator: communicator
        )
        let step = try communicator.agree {
            try trainingStep(policy, trials, partition, settings.training, communicator)
        }
        return Benchmark(settings, policy, products, trials, step, communicator)
    }

    private init(
        _ settings: Settings,
        _ policy: Policy,
        _ products: ProductChoice,
        _ trials: [BenchmarkTrial],
        _ trainingStep: TrainingStep,
        _ communicator: any Communicator
    ) {
        (self.settings, self.policy, self.products, self.trials) = (settings, policy, products, trials)
        (self.trainingStep, self.communicator) = (trainingStep, communicator)
        progress = ProgressLine(title: "bench", rank: communicator.rank)
    }

    private static func trainingStep(
        _ policy: Policy,
        _ trials: [BenchmarkTrial],
        _ partition: RankPartition,
        _ configuration: TrainingConfiguration,
        _ communicator: any Communicator
    ) throws -> TrainingStep {
        let model = try ForestModel(
            policy.architecture,
            positions: trials.map(\.dataset.longestSequence).max() ?? 0,
            capacity: capacity(tokens: trials.map(\.maximumPackedTokens).max() ?? 0, policy, configuration),
            team: policy.team
        )
        model.touchMemory()
        return TrainingStep(
            policy: policy,
            model: model,
            gradients: try ShardGradients(policy, partition),
            optimizer: try Optimizer(configuration, policy.weights, parts: partition.ownSlices),
            scoring: PairScoring(
                objective: try Objective(configuration.objective),
                pairing: configuration.pairs,
                reference: nil,
                layers: policy.architecture.layerCount
            ),
            partition: partition,
            configuration: configuration,
            communicator: communicator
        )
    }

    /// Measures all trials; collective.
    package func run() throws -> BenchmarkReport {
        try warmUp()
        let results = try trials.flatMap(measure)
        progress.finish()
        return BenchmarkReport(
            model: settings.model.label,
            parameters: policy.layout.count,
            peakRates: PeakRateSummary(peakRates),
            ranks: communicator.size,
            threads: policy.team.count,
            settings: settings,
            products: products,
            results: results
        )
    }

    /// Runs untimed steps, the first of which touches all memory that later steps use.
    private func warmUp() throws {
        guard let trial = trials.first, let variant = trial.variants.last else { return }
        for _ in 0..<settings.warmUpSteps { _ = try step(trial, variant, turn: 0) }
    }

    /// Measures all modes alternately, so that a slow phase of the machine affects all.
    ///
    /// The peak rates of a shared machine change within minutes: they are measured before and after every step, which
    /// is compared with the mean of both.
    private func measure(_ trial: BenchmarkTrial) throws -> [BenchmarkResult] {
        let profiles = settings.profilesPhases && communicator.rank == 0
        var series = trial.variants.map { variant in
            let profile = profiles ? StepProfile(of: policy.team) : nil
            return trial.series(of: variant, packed: packed(variant), profile: profile)
        }
        for turn in 1...settings.repeats {
            var before = try measurePeak()
            for (index, variant) in trial.variants.enumerated() {
                let take = { try self.step(trial, variant, turn: turn) }
                let report = try series[index].profile?.record(take) { $0 } ?? take()
                let after = try measurePeak()
                series[index].add(report, peakRate: (before.limit + after.limit) / 2)
                before = after
                series[index].peakBytes = Int(try communicator.maximum(Double(Processor.peakResidentBytes)))
            }
        }
        let plain = series.first { $0.sharing == .none }
        let pairs = series.first { $0.sharing == .pairs }
        let rate = SummaryStatistics(peakRates.map(\.limit)).median / Double(communicator.size)
        return series.map { BenchmarkResult($0, plain: plain, pairs: pairs, peakRateOfRank: rate) }
    }

    /// The most tokens of a packed sequence, and the bytes of a rank's activations that they need.
    private func packed(_ variant: BenchmarkTrial.Variant) -> (tokens: Int, bytes: Int) {
        let tokens = variant.maximumPackedTokens
        let capacity = Self.capacity(tokens: tokens, policy, settings.training)
        return (tokens, ForestModel.byteCount(policy.architecture, capacity: capacity, threads: policy.team.count))
    }

    private static func capacity(
        tokens: Int,
        _ policy: Policy,
        _ configuration: TrainingConfiguration
    ) -> Workspace.Capacity {
        policy.suited(
            Workspace.Capacity(tokens: tokens, trains: true, recomputes: configuration.gradientCheckpointing)
        )
    }

    private func measurePeak() throws -> PeakRate {
        let rate = try PeakRate.measure(team: policy.team, products: policy.products, communicator: communicator)
        peakRates.append(rate)
        return rate
    }

    private func step(_ trial: BenchmarkTrial, _ variant: BenchmarkTrial.Variant, turn: Int) throws -> StepReport {
        let report = try trainingStep.run(variant.plan, learningRate: Self.learningRate).updated(step: stepsDone + 1)
        stepsDone += 1
        let total = settings.warmUpSteps + trials.reduce(0) { $0 + $1.variants.count } * settings.repeats
        let what = turn == 0 ? "warm-up" : "\(turn)/\(settings.repeats)"
        progress.show(
            Double(stepsDone) / Double(total),
            details: "\(trial.source.label)  \(variant.sharing.rawValue) \(what)  "
                + "\(rounded(report.seconds.total, 2)) s a step",
            isMilestone: turn == settings.repeats
        )
        return report
    }
}

extension Benchmark.Settings {
    /// Checks all ranges.
    fileprivate func validate(ranks: Int) throws {
        try training.validateRanges()
        guard (1...1000).contains(repeats) else {
            throw TrainingError.invalid(key: "--repeats", expected: "from 1 to 1000", found: "\(repeats)")
        }
        guard (0...1000).contains(warmUpSteps) else {
            throw TrainingError.invalid(key: "--warm-up", expected: "from 0 to 1000", found: "\(warmUpSteps)")
        }
        let rows = training.globalBatchSize
        guard ranks <= rows else { throw TrainingError.moreRanksThanExamples(ranks: ranks, rows: rows, isStep: true) }
        for source in sources { try source.validate() }
    }

    /// The settings that must be the same on every rank.
    fileprivate var common: String {
        get throws {
            let modes = sharing.map(\.rawValue).joined(separator: " ")
            let names = sources.map(\.commonName).joined(separator: " ")
            return "\(modes); \(names); \(sharedPrefix); \(repeats)\n" + (try training.commonSettings)
        }
    }
}
