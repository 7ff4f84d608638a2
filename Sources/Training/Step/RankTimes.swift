internal import Preferences
internal import Reporting

/// The times of ranks for their forward and backward passes of a step, without waiting for each other.
package struct RankTimes: Sendable, Equatable, Codable {
    /// The mean over ranks, in seconds.
    package var seconds = 0.0
    /// The slowest rank's seconds over the mean; 1 for equal times.
    package var imbalance = 0.0
    /// The standard deviation of seconds per cost over ranks with work, relative to their mean; 0 for a single rank.
    package var spread = 0.0

    /// No steps.
    package init() {}

    /// The times of one step.
    ///
    /// - Parameters:
    ///   - seconds: The seconds of each rank.
    ///   - costs: The planned cost of each rank.
    package init(seconds: [Double], costs: [Double]) {
        self.seconds = seconds.reduce(0, +) / Double(max(seconds.count, 1))
        imbalance = LoadPartition.imbalance(of: seconds)
        spread = relativeDeviation(zip(seconds, costs).filter { $1 > 0 }.map { $0 / $1 })
    }

    /// Adds the times of a later step, field by field.
    mutating func add(_ other: RankTimes) {
        seconds += other.seconds
        imbalance += other.imbalance
        spread += other.spread
    }
}
