package import Objectives

/// The result of an evaluation: TRL's metrics, and their sampling uncertainty.
///
/// Examples are independent, pairs of one example are not: each example is left out as a whole. The variance of a
/// metric `m` over `G` examples is the jackknife's, `(G-1)/G · Σ (m without example g - m)²`, which is robust to
/// clusters ("CV3" in MacKinnon, Nielsen & Webb 2023). If each example has one pair, it equals for a mean over pairs
/// the usual `Σ (x - m)² / (G (G-1))`.
package struct EvaluationReport: Sendable {
    /// The statistics of all examples.
    package let statistics: PreferenceStatistics
    /// Examples, `G`.
    package let rows: Int
    /// The examples whose loss is not finite.
    package let nonFiniteRows: [Int]
    private let lossIsMeanOverPairs: Bool
    private let hasReference: Bool
    /// For each metric the sum over examples of `(m without the example - m)²`.
    private let squares: [Double]

    /// Computes the report on all examples.
    ///
    /// Sums, then sums of squares, are in float64, in the order of examples.
    ///
    /// - Parameters:
    ///   - lossIsMeanOverPairs: Whether leaving out an example leaves the losses of other examples unchanged.
    ///   - hasReference: Whether there is a reference model, or the objective uses none; without it neither rewards nor the loss
    ///     are defined.
    package init(_ rows: [PreferenceStatistics], lossIsMeanOverPairs: Bool = true, hasReference: Bool = true) {
        (self.lossIsMeanOverPairs, self.hasReference) = (lossIsMeanOverPairs, hasReference)
        var sums = PreferenceStatistics().sums
        for row in rows { for (index, value) in row.sums.enumerated() { sums[index] += value } }
        statistics = PreferenceStatistics(sums: sums)
        self.rows = rows.count
        nonFiniteRows = rows.indices.filter { !rows[$0][.loss].isFinite }
        var squares = [Double](repeating: 0, count: Self.metricNames.count)
        let whole = Self.metrics(of: statistics)
        for row in rows {
            let rest = PreferenceStatistics(sums: zip(statistics.sums, row.sums).map(-))
            for (index, metric) in Self.metrics(of: rest).enumerated() {
                let change = metric.value - whole[index].value
                squares[index] += change * change
            }
        }
        self.squares = squares
    }

    /// The names of all metrics, without `eval_`.
    package static var metricNames: [String] { metrics(of: PreferenceStatistics()).map(\.name) }

    /// The metrics under TRL's names, without `eval_`, and the accuracy of the policy's log-probabilities; NaN if they are not
    /// defined.
    package var metrics: [(name: String, value: Double)] {
        Self.metrics(of: statistics).map { name, value in
            let isRelative = name == "loss" || name.hasPrefix("rewards/")
            return (name, isRelative && !hasReference ? .nan : value)
        }
    }

    /// A metric by its name, with or without `eval_`; NaN for an unknown name.
    package subscript(name: String) -> Double {
        let plain = name.hasPrefix("eval_") ? String(name.dropFirst(5)) : name
        return metrics.first { $0.name == plain }?.value ?? .nan
    }

    /// A 95 % interval for each of `metrics`.
    ///
    /// Not finite for a single example, and for a loss that is not a mean over pairs.
    package var intervals: [ConfidenceInterval] {
        zip(metrics, squares).map { metric, square in
            let isKnown = lossIsMeanOverPairs || metric.name != "loss"
            let variance = isKnown ? square * Double(rows - 1) / Double(rows) : .nan
            guard metric.name.hasSuffix("accuracies") else {
                return ConfidenceInterval(mean: metric.value, standardError: variance.squareRoot())
            }
            return ConfidenceInterval(share: metric.value, trials: trials(share: metric.value, variance: variance))
        }
    }

    /// The number of independent trials with the same variance: that of pairs, if each example has one.
    ///
    /// The effective sample size of Korn & Graubard 1998; the number of examples if the proportion is 0 or 1, which has
    /// no variance.
    private func trials(share: Double, variance: Double) -> Double {
        let effective = share * (1 - share) / variance * Double(rows) / Double(rows - 1)
        return effective.isNaN ? Double(rows) : min(effective, statistics[.pairs])
    }

    private static func metrics(of statistics: PreferenceStatistics) -> [(name: String, value: Double)] {
        statistics.metrics + [("logps/accuracies", statistics.mean(.logpAccuracy))]
    }
}

extension MetricsRecord {
    /// Adds the metrics with the prefix `eval_`, each with its interval, and the duration of the evaluation.
    ///
    /// - Parameter seconds: Above 0.
    package mutating func add(_ report: EvaluationReport, seconds: Double) {
        for (metric, interval) in zip(report.metrics, report.intervals) {
            add("eval_" + metric.name, metric.value)
            add("eval_" + metric.name + "_ci", numbers: [interval.low, interval.high])
        }
        add("eval_runtime", seconds)
        add("eval_pairs_per_second", report.statistics[.pairs] / seconds)
    }
}
