/// Median, minimum and maximum of repeated measurements.
package struct SummaryStatistics: Sendable, Equatable {
    package let median: Double
    package let minimum: Double
    package let maximum: Double

    /// Summarizes at least one value; the median of an even number of values is the mean of the middle two.
    package init(_ values: [Double]) {
        precondition(!values.isEmpty, "at least one value")
        let sorted = values.sorted()
        median = (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
        (minimum, maximum) = (sorted[0], sorted[sorted.count - 1])
    }
}

/// The sample standard deviation divided by the mean; 0 for fewer than two values.
package func relativeDeviation(_ values: [Double]) -> Double {
    let mean = values.reduce(0, +) / Double(max(values.count, 1))
    guard values.count > 1, mean > 0 else { return 0 }
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return (squares / Double(values.count - 1)).squareRoot() / mean
}
