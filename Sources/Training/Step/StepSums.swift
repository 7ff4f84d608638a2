internal import Collectives
internal import Objectives

/// What ranks tell each other of a step beside gradients, in one sum.
///
/// Each rank fills the places of its own, where the others hold zero, so that nothing is rounded on the way; each then
/// adds up shard by shard, in the same order whatever the number of ranks.
struct StepSums {
    let statistics: PreferenceStatistics
    /// Whether any rank was asked to stop, so that all know it at the same step.
    let isAskedToStop: Bool
    /// What each rank's passes took, in seconds.
    let rankSeconds: [Double]
    /// What the rank that was ready last has waited for its buckets, in seconds.
    let shortestDrain: Double

    /// Sums what every rank gives; collective.
    ///
    /// - Parameters:
    ///   - own: Of this rank's shards.
    ///   - passSeconds: What this rank's forward and backward passes took.
    ///   - drainSeconds: What it has waited for its buckets.
    static func reduce(
        _ own: [PreferenceStatistics],
        partition: RankPartition,
        isAskedToStop: Bool,
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
        values[values.count - 1] = isAskedToStop ? 1 : 0
        values = try communicator.sum(values)
        var sums = PreferenceStatistics().sums
        for shard in 0..<partition.shardCount {
            for index in 0..<width { sums[index] += values[shard * width + index] }
        }
        return StepSums(
            statistics: PreferenceStatistics(sums: sums),
            isAskedToStop: values[values.count - 1] > 0,
            rankSeconds: Array(values[passes..<values.count - 1]),
            shortestDrain: values[drains..<passes].min() ?? 0
        )
    }
}
