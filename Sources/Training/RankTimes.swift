internal import Preferences

/// How long ranks took for their shares of a step, in forward and backward passes, where no rank waits for another.
package struct RankTimes: Sendable, Equatable, Codable {
    /// Seconds, the mean over ranks.
    package var seconds = 0.0
    /// The slowest rank's seconds over the mean: 1 where all took equally long.
    package var imbalance = 0.0
    /// How much ranks differ in seconds for the same cost: the standard deviation over those with work, by their mean; 0 for one.
    package var spread = 0.0

    /// Nothing yet.
    package init() {}

    /// Of one step.
    ///
    /// - Parameters:
    ///   - seconds: Of each rank.
    ///   - costs: What each rank had to do by the plan.
    package init(seconds: [Double], costs: [Double]) {
        self.seconds = seconds.reduce(0, +) / Double(max(seconds.count, 1))
        imbalance = LoadPartition.imbalance(of: seconds)
        spread = relativeDeviation(zip(seconds, costs).filter { $1 > 0 }.map { $0 / $1 })
    }

    /// Adds those of a later step, field by field.
    mutating func add(_ other: RankTimes) {
        seconds += other.seconds
        imbalance += other.imbalance
        spread += other.spread
    }
}

/// The sample standard deviation over the mean; 0 for fewer than two values.
package func relativeDeviation(_ values: [Double]) -> Double {
    let mean = values.reduce(0, +) / Double(max(values.count, 1))
    guard values.count > 1, mean > 0 else { return 0 }
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return (squares / Double(values.count - 1)).squareRoot() / mean
}
