package import Reporting

/// The results of a scaling study for one number of ranks: medians over steps, summarized over turns.
package struct ScalingPoint: Sendable {
    package let ranks: Int
    /// Pairs of a step.
    package let pairs: Int
    package let seconds: SummaryStatistics
    package let pairsPerSecond: SummaryStatistics
    /// Computed tokens, after sharing.
    package let tokensPerSecond: SummaryStatistics
    /// Useful FLOPs per second over those of the fewest ranks in the same turn, times their number.
    ///
    /// FLOPs, since the examples of a weak study depend on the number of ranks; in a strong study the ratio of times.
    package let speedup: SummaryStatistics
    /// Speed-up over ranks.
    package let efficiency: SummaryStatistics
    /// The serial fraction of the work that would explain the speed-up; nil for the fewest ranks.
    ///
    /// `(1/S - 1/P) / (1 - 1/P)`, Karp & Flatt 1990, with the fewest ranks as one processor.
    package let karpFlatt: SummaryStatistics?
    /// Parts of a step in seconds, whose sum is about `seconds`.
    package let compute: SummaryStatistics
    package let waiting: SummaryStatistics
    package let exposed: SummaryStatistics
    package let rest: SummaryStatistics
    /// Communication, including what overlaps with passes.
    package let communication: SummaryStatistics
    /// `2 (P-1)/P` of the gradient's bytes over the time of communication, in bytes a second; nil for one rank.
    package let busBandwidth: SummaryStatistics?
    package let plannedImbalance: SummaryStatistics
    package let measuredImbalance: SummaryStatistics
    /// Useful FLOPs over those at the registers' peak rate.
    package let utilization: SummaryStatistics
    /// The peak rate of a rank's registers, in GFLOP/s.
    package let peakGflops: SummaryStatistics

    /// - Parameters:
    ///   - runs: The runs with this number of ranks.
    ///   - base: For each run the one with the fewest ranks in the same turn.
    init(_ runs: [ScalingRun], base: [ScalingRun], gradientBytes: Int) {
        func summary(_ value: (ScalingRun) -> Double) -> SummaryStatistics { SummaryStatistics(runs.map(value)) }
        func medians(_ field: (ScalingRun.Step) -> Double) -> SummaryStatistics { summary { $0.median(field) } }
        let (ranks, fewest) = (runs[0].ranks, base[0].ranks)
        (self.ranks, pairs) = (ranks, runs[0].pairs)
        seconds = medians(\.seconds)
        pairsPerSecond = summary { Double($0.pairs) / $0.median(\.seconds) }
        tokensPerSecond = summary { Double($0.tokens) / $0.median(\.seconds) }
        let ratios = zip(runs, base).map { $0.rate / $1.rate }
        speedup = SummaryStatistics(ratios.map { $0 * Double(fewest) })
        efficiency = SummaryStatistics(ratios.map { $0 * Double(fewest) / Double(ranks) })
        let processors = Double(ranks) / Double(fewest)
        karpFlatt =
            ranks == fewest
            ? nil : SummaryStatistics(ratios.map { Self.serialShare(speedup: $0, processors: processors) })
        (compute, waiting, exposed) = (medians(\.compute), medians(\.waiting), medians(\.exposedCommunication))
        (rest, communication) = (medians(\.rest), medians(\.communication))
        let moved = Self.busBytes(gradientBytes, ranks: ranks)
        busBandwidth = moved > 0 && communication.minimum > 0 ? summary { moved / $0.median(\.communication) } : nil
        plannedImbalance = summary(\.plannedImbalance)
        measuredImbalance = medians(\.imbalance)
        utilization = summary { $0.rate / ($0.peakGflops * 1e9) }
        peakGflops = summary { $0.peakGflops / Double($0.ranks) }
    }

    /// Karp & Flatt's experimentally determined serial fraction.
    package static func serialShare(speedup: Double, processors: Double) -> Double {
        (1 / speedup - 1 / processors) / (1 - 1 / processors)
    }

    /// The fewest bytes that an all-reduce must move over each rank's link.
    package static func busBytes(_ bytes: Int, ranks: Int) -> Double {
        2 * Double(ranks - 1) / Double(ranks) * Double(bytes)
    }
}

extension ScalingStudy {
    /// The results for each number of ranks, ascending.
    package var points: [ScalingPoint] {
        let fewest = runs.filter { $0.ranks == ranks.first }
        return ranks.map { ranks in
            let own = runs.filter { $0.ranks == ranks }
            let base = own.map { run in fewest.first { $0.turn == run.turn } ?? fewest[0] }
            return ScalingPoint(own, base: base, gradientBytes: subject.gradientBytes)
        }
    }
}
