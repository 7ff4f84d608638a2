/// The division of a run over ranks: the shards of each step, the buckets of the parameters, and the slice of each bucket
/// that a rank reduces, updates, and keeps the moments of.
///
/// Buckets are sent one after the other. A rank updates its own slices and keeps their moments: ZeRO stage 1
/// (Rajbhandari et al. 2020).
package struct RankPartition {
    private let rank: Int
    /// The shards of a step, over all ranks.
    package let shardCount: Int
    /// The shards of each step that this rank computes; every rank has the same number.
    package let shards: Range<Int>
    /// The elements of each bucket, ascending, without gaps; a single rank has one bucket.
    package let buckets: [Range<Int>]
    /// Carries slices between ranks; nil for a single rank.
    package let reduction: (any SlicedReduction)?
    /// The collective of `reduction`, never `auto`; nil for a single rank.
    package let collective: Collective?
    /// The collectives that were measured, with the seconds of one bucket, reduced and gathered, on the slowest rank.
    package let trials: [(collective: Collective, seconds: Double)]

    /// Divides a run over the ranks of `communicator`, and measures the candidates where `collective` is `auto`.
    ///
    /// Collective.
    ///
    /// - Parameters:
    ///   - parameters: Elements of the flat buffers.
    ///   - shards: Shards of a step over all ranks, a multiple of the ranks.
    ///   - bucketElements: Elements of a bucket, in whole units of `reductionUnit`.
    /// - Throws: `RankFailure` on every rank if the hosts do not suit the collective.
    package static func establish(
        parameters: Int,
        shards: Int,
        bucketElements: Int,
        collective: Collective,
        dtype: ReduceDType = .float32,
        communicator: any Communicator
    ) throws -> RankPartition {
        let channel = try communicator.channel()
        let (reduction, trials) =
            try channel.map { channel in
                try select(
                    collective,
                    dtype,
                    channel: channel,
                    capacity: min(bucketElements, parameters),
                    communicator: communicator
                )
            } ?? (nil, [])
        let length = reduction == nil ? parameters : bucketElements
        return RankPartition(
            rank: communicator.rank,
            shardCount: shards,
            shards: communicator.ownShards(of: shards),
            buckets: stride(from: 0, to: parameters, by: max(length, 1)).map { $0..<min($0 + length, parameters) },
            reduction: reduction?.reduction,
            collective: reduction?.collective,
            trials: trials
        )
    }

    /// A rank's slice of every bucket, some of which may be empty.
    package func slices(of rank: Int) -> [Range<Int>] {
        guard let reduction else { return buckets }
        return buckets.map { bucket in
            let slice = reduction.slice(of: rank, count: bucket.count)
            return bucket.lowerBound + slice.lowerBound..<bucket.lowerBound + slice.upperBound
        }
    }

    /// This rank's slices.
    package var ownSlices: [Range<Int>] { slices(of: rank) }

    /// For each rank the sum over its shards of `shardValues`, one value a shard.
    package func rankSums(of shardValues: [Double]) -> [Double] {
        stride(from: 0, to: shardCount, by: shards.count).map { first in
            shardValues[first..<first + shards.count].reduce(0, +)
        }
    }
}

// MARK: Selection of the collective

extension RankPartition {
    private typealias Selection = (collective: Collective, reduction: any SlicedReduction)

    /// Makes the collective that is asked for, the fastest candidate for `auto`.
    private static func select(
        _ wanted: Collective,
        _ dtype: ReduceDType,
        channel: Channel,
        capacity: Int,
        communicator: any Communicator
    ) throws -> (Selection?, [(collective: Collective, seconds: Double)]) {
        channel.setHosts(leaders: try communicator.hostLeaders())
        let made: [Selection] = try (wanted == .auto ? channel.candidates : [wanted]).map { candidate in
            do {
                return (candidate, try channel.makeReduction(candidate, dtype, capacity: capacity))
            } catch {
                throw RankFailure(rank: 0, error: error)
            }
        }
        guard made.count > 1 else { return (made[0], []) }
        let trials = try made.map { collective, reduction in
            (collective: collective, seconds: try measure(reduction, capacity: capacity, communicator))
        }
        // All ranks have the same numbers.
        let best = trials.indices.min { trials[$0].seconds < trials[$1].seconds } ?? 0
        return (made[best], trials)
    }

    /// The seconds of one bucket, reduced and gathered, on the slowest rank: the better of two runs, after one that opens
    /// connections.
    private static func measure(
        _ reduction: any SlicedReduction,
        capacity: Int,
        _ communicator: any Communicator
    ) throws -> Double {
        var bucket = [Float](repeating: 0, count: capacity)
        let times = try (0..<3).map { _ in
            try communicator.barrier()
            let start = ContinuousClock().now
            var values = bucket.mutableSpan
            try reduction.reduceScatter(&values)
            try reduction.allGather(&values)
            return try communicator.maximum((ContinuousClock().now - start) / .seconds(1))
        }
        return min(times[1], times[2])
    }
}

extension Communicator {
    /// The shards that this rank computes, of `count` over all ranks, a multiple of their number.
    package func ownShards(of count: Int) -> Range<Int> {
        let each = count / size
        return rank * each..<(rank + 1) * each
    }
}
