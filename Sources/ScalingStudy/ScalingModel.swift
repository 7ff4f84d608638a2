internal import Foundation
internal import Reporting

/// The time of a step on any number of ranks, by a few parameters that are fitted to measured runs.
///
/// `step = compute · imbalance + compute · σ √(2 ln P) + exposed communication + rest`. The factor `σ √(2 ln P)` is the
/// expected excess of the slowest of `P` ranks over the mean if their times are normal (the maximum's growth: David &
/// Nagaraja, *Order Statistics*, 2003, §10.5).
package struct ScalingModel: Sendable {
    /// The work of one step, over all ranks.
    package struct StepWork: Sendable, Equatable {
        package var pairs: Double
        package var tokens: Double
        /// Useful FLOPs, forward and backward.
        package var flops: Double

        /// A step of this size.
        package init(pairs: Double, tokens: Double, flops: Double) {
            (self.pairs, self.tokens, self.flops) = (pairs, tokens, flops)
        }

        /// The work of a run's step.
        package init(_ run: ScalingRun) {
            self.init(pairs: Double(run.pairs), tokens: Double(run.tokens), flops: run.flops)
        }

        /// The work of `pairs` pairs of the same kind.
        package func with(pairs: Double) -> StepWork {
            StepWork(pairs: pairs, tokens: tokens * pairs / self.pairs, flops: flops * pairs / self.pairs)
        }
    }

    /// The parts of a step's time, in seconds.
    package struct Parts: Sendable, Equatable {
        package var compute = 0.0
        /// The mean wait of a rank for the slowest.
        package var waiting = 0.0
        package var exposed = 0.0
        package var rest = 0.0
        /// All communication: `exposed`, and what overlaps with passes.
        package var communication = 0.0

        /// The time of the step.
        package var total: Double { compute + waiting + exposed + rest }
    }

    /// The parameters that differ between a single rank and several, which share a host's memory and power.
    private struct Rates {
        /// Seconds of one rank per FLOP.
        let perFLOP: Double
        /// Seconds of a step outside passes and communication.
        let rest: Double

        init(_ runs: [ScalingRun]) {
            perFLOP = SummaryStatistics(runs.map { $0.median(\.compute) * Double($0.ranks) / $0.flops }).median
            rest = SummaryStatistics(runs.map { $0.median(\.rest) }).median
        }
    }

    private let fewest: Rates
    private let most: Rates
    private let fewestRanks: Int
    /// The work of runs with the most ranks, which have the most examples.
    package let work: StepWork
    /// The planned cost of the costliest rank over the mean, at worst.
    package let plannedImbalance: Double
    /// σ: the deviation of ranks in seconds for the same work, relative to their mean.
    package let spread: Double
    /// The fraction of communication that overlapped with passes.
    package let overlap: Double
    private let gradientBytes: Double
    private let rowTokens: Double

    /// Fits the model to runs of a study.
    package static func fit(_ runs: [ScalingRun], of subject: ScalingStudy.Subject) -> ScalingModel {
        let ranks = runs.map(\.ranks)
        let (low, high) = (ranks.min() ?? 1, ranks.max() ?? 1)
        let largest = runs.filter { $0.ranks == high }
        let steps = runs.filter { $0.ranks > 1 }.flatMap(\.steps)
        let total = steps.reduce(0) { $0 + $1.communication }
        return ScalingModel(
            fewest: Rates(runs.filter { $0.ranks == low }),
            most: Rates(largest),
            fewestRanks: low,
            work: StepWork(largest[0]),
            plannedImbalance: runs.map(\.plannedImbalance).max() ?? 1,
            spread: spread(of: runs),
            overlap: total > 0 ? max(0, 1 - steps.reduce(0) { $0 + $1.exposedCommunication } / total) : 0,
            gradientBytes: Double(subject.gradientBytes),
            rowTokens: Double(subject.rowTokens)
        )
    }

    /// The root mean square over steps; for runs on one rank the deviation of their steps.
    private static func spread(of runs: [ScalingRun]) -> Double {
        let several = runs.filter { $0.ranks > 1 }
        let alone = runs.map { relativeDeviation($0.steps.map(\.compute)) }
        let values = several.isEmpty ? alone : several.flatMap { $0.steps.map(\.spread) }
        return (values.reduce(0) { $0 + $1 * $1 } / Double(values.count)).squareRoot()
    }

    /// The parts of a step with this work on `nodes` nodes.
    package func step(_ work: StepWork, nodes: Int, allReduce: AllReduceModel) -> Parts {
        let ranks = nodes * allReduce.ranksPerNode
        let rates = ranks <= fewestRanks ? fewest : most
        var parts = Parts()
        parts.compute = rates.perFLOP * work.flops / Double(ranks)
        parts.waiting = parts.compute * (imbalance(of: work, ranks: ranks) - 1 + spread * Self.straggling(ranks: ranks))
        parts.rest = rates.rest
        parts.communication = allReduce.seconds(bytes: gradientBytes, nodes: nodes).seconds
        let hidden = min(overlap * parts.communication, window(of: work, compute: parts.compute, ranks: ranks))
        parts.exposed = parts.communication - hidden
        return parts
    }

    /// `√(2 ln P)`: the expected excess of the slowest of `P` ranks over the mean, in standard deviations.
    package static func straggling(ranks: Int) -> Double { (2 * log(Double(ranks))).squareRoot() }

    /// The planned imbalance if each rank has enough examples, and at least that of whole examples.
    private func imbalance(of work: StepWork, ranks: Int) -> Double {
        guard ranks > 1 else { return 1 }
        let share = work.pairs / Double(ranks)
        return max(plannedImbalance, share.rounded(.up) / share)
    }

    /// The seconds in which transfers overlap with passes: the backward pass of a rank's last packed sequence.
    private func window(of work: StepWork, compute: Double, ranks: Int) -> Double {
        let tokens = work.tokens / Double(ranks)
        return 2 / 3 * compute * min(1, rowTokens / max(tokens, 1))
    }
}
