package import Reporting
package import Training

/// What a benchmark has found.
package struct BenchmarkReport {
    package let model: String
    package let parameters: Int
    /// What the processors of all ranks can do together, in FLOP/s, over all turns.
    package let peakRate: SummaryStatistics
    package let ranks: Int
    /// Of a rank.
    package let threads: Int
    package let settings: Benchmark.Settings
    /// Source by source, each with its ways of sharing.
    package let results: [BenchmarkResult]
}

/// The steps of one source with one way of sharing, as rank 0 timed them.
package struct BenchmarkResult {
    package let source: BenchmarkSource
    package let sharing: BenchmarkSharing
    /// Useful FLOPs over what the ranks could have done in the time, by the peak before and after it.
    package let mfu: SummaryStatistics
    /// Seconds of a step.
    package let seconds: SummaryStatistics
    /// Medians of the parts of a step, in seconds.
    package let phases: StepTimes
    /// Pairs of a step.
    package let pairs: Int
    /// Tokens that a step computes.
    package let tokensComputed: Int
    /// Times as fast as the step without sharing of the same turn; nil where that was not measured.
    package let speedup: SummaryStatistics?
    /// FLOPs without sharing over FLOPs with it.
    package let flopRatio: Double
    /// Useful FLOPs of a step, forward and backward, over all ranks.
    package let flops: Double
    /// The costliest rank's share by the plan over the mean.
    package let plannedImbalance: Double
    /// The slowest rank's time over the mean.
    package let measuredImbalance: SummaryStatistics
    /// Every step by itself.
    package let steps: [StepReport]
    /// The most memory that any rank had held when these steps ended, also before them.
    package let peakBytes: Int
    /// Rank 0's phases as a table, and their spans; nil where they were not asked for.
    package let profile: (table: String, steps: StepProfile)?

    /// - Parameters:
    ///   - plain: The same turns without sharing, where they were measured.
    ///   - peakRateOfRank: What one rank can do, in FLOP/s.
    init(_ series: BenchmarkSeries, plain: BenchmarkSeries?, peakRateOfRank: Double) {
        source = series.source
        sharing = series.sharing
        mfu = SummaryStatistics(series.utilizations)
        seconds = SummaryStatistics(series.reports.map(\.seconds.total))
        phases = StepTimes(medians: series.reports.map(\.seconds))
        pairs = series.reports[0].pairs
        tokensComputed = series.reports[0].tokensComputed
        speedup = plain.map { plain in
            SummaryStatistics(zip(plain.reports, series.reports).map { $0.seconds.total / $1.seconds.total })
        }
        flopRatio = series.flopRatio
        steps = series.reports
        flops = steps[0].usefulFLOPs
        plannedImbalance = steps[0].imbalances.planned
        measuredImbalance = SummaryStatistics(steps.map(\.imbalances.measured))
        peakBytes = series.peakBytes
        profile = series.profile.map { ($0.table(peakRate: peakRateOfRank), $0) }
    }

    /// At the median time of a step.
    package var pairsPerSecond: Double { Double(pairs) / seconds.median }
    /// At the median time of a step.
    package var tokensComputedPerSecond: Double { Double(tokensComputed) / seconds.median }
}
