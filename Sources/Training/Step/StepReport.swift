package import Objectives
package import Preferences
package import Reporting

/// The results of one or more steps, from which all metrics are computed.
package struct StepReport: Sendable, Codable {
    package private(set) var statistics = PreferenceStatistics()
    package private(set) var gradientNorm = 0.0
    package private(set) var learningRate = 0.0
    package private(set) var tokensComputed = 0
    package private(set) var tokensUnshared = 0
    /// The times of rank 0.
    package private(set) var seconds = StepTimes()
    private var flops = 0.0
    /// The number of steps.
    package private(set) var steps = 0
    /// The number of skipped steps, which left the weights unchanged because something was not finite.
    package private(set) var skipped = 0
    private var imbalance = 0.0
    /// The times of the ranks; of several steps the sums.
    package private(set) var ranks = RankTimes()

    /// No steps.
    package init() {}

    /// The report of one step by `plan` over all ranks.
    package init(
        statistics: PreferenceStatistics,
        gradientNorm: Double,
        learningRate: Double,
        plan: StepPlan,
        seconds: StepTimes,
        ranks: RankTimes
    ) {
        self.statistics = statistics
        self.gradientNorm = gradientNorm
        self.learningRate = learningRate
        self.seconds = seconds
        tokensComputed = plan.work.tokens
        tokensUnshared = plan.unsharedTokens
        flops = plan.trainingFLOPs
        imbalance = plan.imbalance
        self.ranks = ranks
        steps = 1
    }

    /// FLOPs of all steps, forward and backward.
    package var usefulFLOPs: Double { flops }
    /// The planned cost of the costliest rank over the mean, and the slowest rank's time over the mean: means over
    /// steps.
    package var imbalances: (planned: Double, measured: Double) {
        (imbalance / Double(max(steps, 1)), ranks.imbalance / Double(max(steps, 1)))
    }

    /// Pairs of all steps.
    package var pairs: Int { Int(statistics[.pairs]) }

    /// The same step without pairs and metrics, which are not finite: only its time and tokens count.
    package var asSkipped: StepReport {
        var report = self
        report.statistics = PreferenceStatistics()
        report.skipped = steps
        return report
    }

    /// Adds a later step; norm and learning rate are those of the last.
    package mutating func add(_ other: StepReport) {
        statistics = PreferenceStatistics(sums: zip(statistics.sums, other.statistics.sums).map(+))
        skipped += other.skipped
        gradientNorm = other.gradientNorm
        learningRate = other.learningRate
        tokensComputed += other.tokensComputed
        tokensUnshared += other.tokensUnshared
        flops += other.flops
        imbalance += other.imbalance
        ranks.add(other.ranks)
        steps += other.steps
        seconds.add(other.seconds)
    }

    /// Useful FLOPs over those that all ranks could compute in the same time at `peakRate` FLOP/s, the
    /// limit of their registers.
    package func utilization(peakRate: Double) -> Double { flops / (seconds.total * peakRate) }

    /// The line of `metrics.jsonl`.
    package func record(
        step: Int,
        epoch: Double,
        total: StepReport,
        sharing: Sharing,
        peakRate: Double
    ) -> MetricsRecord {
        var record = MetricsRecord()
        record.add("step", step)
        record.add("epoch", epoch)
        let metrics = statistics.metrics
        record.add("loss", metrics[0].value)
        record.add("grad_norm", gradientNorm)
        record.add("learning_rate", learningRate)
        for (name, value) in metrics.dropFirst() { record.add(name, value) }
        record.add("num_tokens", total.tokensUnshared)
        record.add("pairs_per_second", Double(pairs) / seconds.total)
        record.add("tokens_computed", tokensComputed)
        record.add("tokens_unshared", tokensUnshared)
        record.add("sharing", sharing.rawValue)
        record.add("mfu", utilization(peakRate: peakRate))
        record.add("step_seconds", seconds.total)
        seconds.addParts(to: &record)
        record.add("imbalance", imbalances.planned)
        record.add("measured_imbalance", imbalances.measured)
        if skipped > 0 { record.add("skipped_steps", skipped) }
        return record
    }

    /// The details of the progress line.
    package func details(step: Int, of totalSteps: Int, pairsPerSecond: Double) -> String {
        let loss = rounded(statistics.mean(.loss), 4)
        let accuracy = rounded(statistics.mean(.accuracy), 2)
        return "step \(step)/\(totalSteps)  loss \(loss)  accuracy \(accuracy)  \(rounded(pairsPerSecond, 2)) pairs/s"
    }
}
