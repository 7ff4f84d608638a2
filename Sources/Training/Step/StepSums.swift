internal import Collectives
internal import Objectives

/// The values that ranks exchange in a step in addition to gradients, in one reduction.
///
/// Each rank fills its own slots, and the others hold zero there, so that the reduction is exact; each then adds up
/// shard by shard, in the same order for any number of ranks.
struct StepSums {
    let statistics: PreferenceStatistics
    /// Whether any rank received a signal to stop, known to all at the same step.
    let isStopRequested: Bool
    /// The seconds of each rank's passes.
    let rankSeconds: [Double]
    /// The shortest wait of a rank for its buckets, in seconds: that of the rank that was ready last.
    let shortestDrain: Double

    /// Reduces the values of all ranks; collective.
    ///
    /// - Parameters:
    ///   - own: The statistics of this rank's shards.
    ///   - passSeconds: The duration of this rank's forward and backward passes.
    ///   - drainSeconds: The time that this rank waited for its buckets.
    static func reduce(
        _ own: [PreferenceStatistics],
        partition: RankPartition,
        isStopRequested: Bool,
        passSeconds: Double,
        drainSeconds: Double,
        communicator: any Communicator
    ) throws -> StepSums {
        let width = PreferenceStatistics().sums.count
        let drains = partition.shardCount * width
        let passes = drains + communicator.size
        var values = [Double](repeating: 0, count: passes + communicator.size + 1)
        for (shard, statistics) in zip(partition.shards, own) {
            values.replaceSubrange(shard * width..<(shard + 1) * width, with: statistics.sums)
        }
        values[drains + communicator.rank] = drainSeconds
        values[passes + communicator.rank] = passSeconds
        values[values.count - 1] = isStopRequested ? 1 : 0
        values = try communicator.sum(values)
        var sums = PreferenceStatistics().sums
        for shard in 0..<partition.shardCount {
            for index in 0..<width { sums[index] += values[shard * width + index] }
        }
        return StepSums(
            statistics: PreferenceStatistics(sums: sums),
            isStopRequested: values[values.count - 1] > 0,
            rankSeconds: Array(values[passes..<values.count - 1]),
            shortestDrain: values[drains..<passes].min() ?? 0
        )
    }
}
