package import Collectives
package import Reporting

/// How the flat buffers are divided: in buckets, and each bucket in a slice for every rank.
///
/// Buckets are sent one after the other. A rank updates its slices alone, and keeps their moments: ZeRO's first stage
/// (Rajbhandari et al. 2020).
package struct ParameterSlices {
    /// Ascending, with nothing between.
    package let buckets: [Range<Int>]
    private let rank: Int
    /// Nil for a rank that is alone.
    private let reduction: (any SlicedReduction)?

    /// All for a rank that is alone.
    package init(count: Int) {
        (buckets, rank, reduction) = ([0..<count], 0, nil)
    }

    /// Buckets of `bucketElements`, whole units, divided as `reduction` does.
    package init(count: Int, bucketElements: Int, rank: Int, reduction: any SlicedReduction) {
        buckets = stride(from: 0, to: count, by: bucketElements).map { $0..<min($0 + bucketElements, count) }
        (self.rank, self.reduction) = (rank, reduction)
    }

    /// A rank's slice of every bucket, some of which may be empty.
    package func slices(of rank: Int) -> [Range<Int>] {
        guard let reduction else { return buckets }
        return buckets.map { bucket in
            let slice = reduction.slice(of: rank, count: bucket.count)
            return bucket.lowerBound + slice.lowerBound..<bucket.lowerBound + slice.upperBound
        }
    }

    /// This rank's.
    package var own: [Range<Int>] { slices(of: rank) }
}

/// What falls to this rank: slices of the parameters, and shards of each step.
package struct RankShare {
    package let slices: ParameterSlices
    /// Of each step, ascending: a run of as many as every rank has.
    package let shards: Range<Int>
    /// Of all ranks.
    package let shardCount: Int
    /// How slices cross ranks; nil for a rank that is alone.
    package let choice: CollectiveChoice?

    /// What each rank's shards come to, of a number for each shard.
    package func rankSums(of shardValues: [Double]) -> [Double] {
        stride(from: 0, to: shardCount, by: shards.count).map { first in
            shardValues[first..<first + shards.count].reduce(0, +)
        }
    }

    /// Divides a model of so many parameters; every rank calls it alike.
    ///
    /// - Throws: `RankFailure` on every rank where shards or hosts do not suit the ranks.
    package init(_ settings: CommunicationSettings, parameters: Int, communicator: any Communicator) throws {
        let (rank, size) = (communicator.rank, communicator.size)
        shardCount = try communicator.agree { try settings.shardCount(ranks: size) }
        shards = ownShards(of: shardCount, communicator)
        let bucket = min(settings.bucketElements, parameters)
        choice = try CollectiveChoice(
            settings.collective,
            dtype: settings.reduceDType,
            capacity: bucket,
            communicator: communicator
        )
        slices =
            choice.map {
                let elements = settings.bucketElements
                return ParameterSlices(
                    count: parameters,
                    bucketElements: elements,
                    rank: rank,
                    reduction: $0.reduction
                )
            } ?? ParameterSlices(count: parameters)
    }
}

extension CollectiveChoice {
    /// Adds which collective was chosen, and how long those took that were tried.
    package func addSummary(to record: inout MetricsRecord) {
        record.add("collective", collective.rawValue)
        guard !trials.isEmpty else { return }
        record.add(
            "collective_trials",
            trials.map { trial in
                var line = MetricsRecord()
                line.add("collective", trial.collective.rawValue)
                line.add("bucket_seconds", trial.seconds)
                return line
            }
        )
    }
}

/// The shards that fall to this rank, of so many.
func ownShards(of count: Int, _ communicator: any Communicator) -> Range<Int> {
    let each = count / communicator.size
    return communicator.rank * each..<(communicator.rank + 1) * each
}
