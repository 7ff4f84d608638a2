package import Preferences

/// What a benchmark has found.
package struct BenchmarkReport: Sendable {
    package let model: String
    package let parameters: Int
    /// What the processors of all ranks can do together, in FLOP/s.
    package let peakRate: Double
    package let ranks: Int
    /// Of a rank.
    package let threads: Int
    package let settings: Benchmark.Settings
    /// Source by source, each with its ways of sharing.
    package let results: [BenchmarkResult]
}

/// The steps of one source with one way of sharing, as rank 0 timed them.
package struct BenchmarkResult: Sendable {
    package let source: BenchmarkSource
    package let sharing: Sharing
    /// Useful FLOPs over what the ranks could have done in the time.
    package let mfu: Spread
    /// Seconds of a step.
    package let seconds: Spread
    /// Medians of the parts of a step, in seconds.
    package let phases: StepReport.Seconds
    /// Pairs of a step.
    package let pairs: Int
    /// Tokens that a step computes.
    package let tokensComputed: Int
    /// Times as fast as the step without sharing of the same turn; nil where that was not measured.
    package let speedup: Spread?
    /// FLOPs without sharing over FLOPs with it.
    package let flopRatio: Double
    /// The most memory that any rank had held when these steps ended, also before them.
    package let peakBytes: Int

    /// - Parameter plain: The same turns without sharing, where they were measured.
    init(_ series: BenchmarkSeries, plain: BenchmarkSeries?, peakRate: Double) {
        source = series.source
        sharing = series.sharing
        mfu = Spread(series.reports.map { $0.utilization(peakRate: peakRate) })
        seconds = Spread(series.reports.map(\.seconds.total))
        phases = StepReport.Seconds(medians: series.reports.map(\.seconds))
        pairs = series.reports[0].pairs
        tokensComputed = series.reports[0].tokensComputed
        speedup = plain.map { plain in
            Spread(zip(plain.reports, series.reports).map { $0.seconds.total / $1.seconds.total })
        }
        flopRatio = series.flopRatio
        peakBytes = series.peakBytes
    }

    /// At the median time of a step.
    package var pairsPerSecond: Double { Double(pairs) / seconds.median }
    /// At the median time of a step.
    package var tokensComputedPerSecond: Double { Double(tokensComputed) / seconds.median }
}
