package import Reporting
package import Training

/// The results of a benchmark.
package struct BenchmarkReport {
    package let model: String
    package let parameters: Int
    /// The peak rates of all ranks together, over all turns.
    package let peakRates: PeakRateSummary
    package let ranks: Int
    /// Threads of a rank.
    package let threads: Int
    package let settings: Benchmark.Settings
    /// How products are computed.
    package let products: ProductChoice
    /// Results by source, then by sharing mode.
    package let results: [BenchmarkResult]
}

/// What one sharing mode gains over another.
package struct BenchmarkGain {
    /// The speed relative to the other mode's step of the same turn.
    package let speedup: SummaryStatistics
    /// Useful FLOPs of the other mode over those of this one.
    package let flopRatio: Double

    /// The gain in time over the gain in FLOPs: 1 if time follows FLOPs.
    package var ofFLOPs: Double { speedup.median / flopRatio }
}

/// The steps of one source in one sharing mode, as timed by rank 0.
package struct BenchmarkResult {
    package let source: BenchmarkSource
    package let sharing: BenchmarkSharing
    /// Useful FLOPs over those at the peak rate before and after the step.
    package let mfu: SummaryStatistics
    /// Seconds of a step.
    package let seconds: SummaryStatistics
    /// Medians of the parts of a step, in seconds.
    package let phases: StepTimes
    /// Pairs of a step.
    package let pairs: Int
    /// Tokens that a step computes.
    package let tokensComputed: Int
    /// The gain over no sharing; nil if that was not measured.
    package let gainOverNone: BenchmarkGain?
    /// The gain over each pair as an example of its own, as a user without lists trains it; nil if not measured.
    package let gainOverPairs: BenchmarkGain?
    /// Useful FLOPs without sharing over those with it.
    package let flopRatio: Double
    /// The most tokens of a packed sequence, and the bytes of a rank's activations that they need.
    package let packed: (tokens: Int, bytes: Int)
    /// Useful FLOPs of a step, forward and backward, over all ranks.
    package let flops: Double
    /// The planned cost of the costliest rank over the mean.
    package let plannedImbalance: Double
    /// The slowest rank's time over the mean.
    package let measuredImbalance: SummaryStatistics
    /// All timed steps.
    package let steps: [StepReport]
    /// The largest resident memory of a rank up to the end of these steps.
    package let peakBytes: Int
    /// Rank 0's phases as a table, and their spans; nil without profiling.
    package let profile: (table: String, steps: StepProfile)?

    /// - Parameters:
    ///   - plain: The same turns without sharing, if they were measured.
    ///   - pairs: The same turns with pairs as examples of their own, if they were measured.
    ///   - peakRateOfRank: The peak rate of one rank in FLOP/s.
    init(_ series: BenchmarkSeries, plain: BenchmarkSeries?, pairs other: BenchmarkSeries?, peakRateOfRank: Double) {
        source = series.source
        sharing = series.sharing
        mfu = SummaryStatistics(series.utilizations)
        seconds = SummaryStatistics(series.reports.map(\.seconds.total))
        phases = StepTimes(medians: series.reports.map(\.seconds))
        pairs = series.reports[0].pairs
        tokensComputed = series.reports[0].tokensComputed
        gainOverNone = plain.map(series.gain)
        gainOverPairs = other.map(series.gain)
        flopRatio = series.flopRatio
        packed = series.packed
        steps = series.reports
        flops = steps[0].usefulFLOPs
        plannedImbalance = steps[0].imbalances.planned
        measuredImbalance = SummaryStatistics(steps.map(\.imbalances.measured))
        peakBytes = series.peakBytes
        profile = series.profile.map { ($0.table(peakRate: peakRateOfRank), $0) }
    }

    /// The speed relative to no sharing; nil if that was not measured.
    package var speedup: SummaryStatistics? { gainOverNone?.speedup }
    /// Pairs per second at the median time of a step.
    package var pairsPerSecond: Double { Double(pairs) / seconds.median }
    /// Computed tokens per second at the median time of a step.
    package var tokensComputedPerSecond: Double { Double(tokensComputed) / seconds.median }
}
