package import Objectives
package import Reporting

/// What a judgement on preferences comes to: TRL's metrics, and how far the choice of rows may have moved them.
///
/// Rows of the data are taken as independent, pairs of one row are not: a row is left out as a whole. The variance of a
/// metric `m` over `G` rows is the jackknife's, `(G-1)/G · Σ (m without row g - m)²`, which is robust to clusters ("CV3"
/// in MacKinnon, Nielsen & Webb 2023). Where each row has one pair, it is for a mean over pairs the usual
/// `Σ (x - m)² / (G (G-1))`.
package struct EvaluationReport: Sendable {
    /// Of all rows.
    package let statistics: PreferenceStatistics
    /// Rows of the data, `G`.
    package let rows: Int
    private let lossIsMeanOverPairs: Bool
    /// For each metric the sum over rows of `(m without the row - m)²`.
    private let squares: [Double]

    /// The report on all rows.
    ///
    /// Sums, then sums of squares, are in float64, row by row.
    ///
    /// - Parameter lossIsMeanOverPairs: Whether rows' losses stay what they are when another row is left out.
    package init(_ rows: [PreferenceStatistics], lossIsMeanOverPairs: Bool = true) {
        self.lossIsMeanOverPairs = lossIsMeanOverPairs
        var sums = PreferenceStatistics().sums
        for row in rows { for (index, value) in row.sums.enumerated() { sums[index] += value } }
        statistics = PreferenceStatistics(sums: sums)
        self.rows = rows.count
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

    /// The metrics by TRL's names, without `eval_`, and how often the chosen response is the likelier one.
    package var metrics: [(name: String, value: Double)] { Self.metrics(of: statistics) }

    /// One metric by its name, with `eval_` in front or without; NaN where there is none of that name.
    package subscript(name: String) -> Double {
        let plain = name.hasPrefix("eval_") ? String(name.dropFirst(5)) : name
        return metrics.first { $0.name == plain }?.value ?? .nan
    }

    /// A 95 % interval for each of `metrics`.
    ///
    /// Not finite where one row alone tells nothing of the spread, and for a loss that is not a mean over pairs.
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

    /// The independent trials whose share would vary as much: the pairs, where each row has one.
    ///
    /// The effective sample size of Korn & Graubard 1998. Where the share is 0 or 1, and no variance is seen, the rows.
    private func trials(share: Double, variance: Double) -> Double {
        let effective = share * (1 - share) / variance * Double(rows) / Double(rows - 1)
        return effective.isNaN ? Double(rows) : min(effective, statistics[.pairs])
    }

    private static func metrics(of statistics: PreferenceStatistics) -> [(name: String, value: Double)] {
        statistics.metrics + [("logps/accuracies", statistics.mean(.logpAccuracy))]
    }
}

extension MetricsRecord {
    /// Adds the metrics with `eval_` in front, and the time that they took.
    ///
    /// - Parameter seconds: More than 0.
    mutating func add(_ report: EvaluationReport, intervals: Bool, seconds: Double) {
        for (metric, interval) in zip(report.metrics, report.intervals) {
            add("eval_" + metric.name, metric.value)
            if intervals { add("eval_" + metric.name + "_ci", numbers: [interval.low, interval.high]) }
        }
        add("eval_runtime", seconds)
        add("eval_pairs_per_second", report.statistics[.pairs] / seconds)
    }
}
