package import Collectives
internal import Formats

/// How ranks share a step; no setting changes the result beyond rounding.
package struct CommunicationSettings: Codable, Sendable, Equatable {
    /// The shards of every step, a power of two and a multiple of the ranks; nil for one per rank.
    package var shards: Int?
    /// The collective that sums gradients over ranks.
    package var collective = Collective.auto
    /// The type to which gradients are rounded before transfer.
    package var reduceDType = ReduceDType.float32
    /// The bucket size in MiB, above 0, at most 1024.
    package var bucketMiB = 25.0
    /// Whether transfers overlap with computation, if MPI allows it.
    package var overlaps = true
    /// Steps between two comparisons of the ranks' weights, each before the update, at least 0; 0 for comparisons
    /// before checkpoints only.
    package var rankCheckSteps = 100

    package enum CodingKeys: String, CodingKey, CaseIterable {
        case shards, collective
        case reduceDType = "reduce_dtype"
        case bucketMiB = "ddp_bucket_cap_mb"
        case overlaps = "overlap_comm"
        case rankCheckSteps = "rank_check_steps"
    }

    /// One shard per rank, the fastest collective, float32.
    package init() {}

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        shards = try values.decodeIfPresent(Int.self, forKey: .shards)
        try values.choose(.collective, into: &collective)
        try values.choose(.reduceDType, into: &reduceDType)
        try values.read(.bucketMiB, into: &bucketMiB)
        try values.read(.overlaps, into: &overlaps)
        try values.read(.rankCheckSteps, into: &rankCheckSteps)
    }

    /// Checks ranges, and that no other setting breaks the bit-identity of `shards`.
    ///
    /// - Throws: `TrainingError` for the first invalid setting.
    package func validate() throws {
        func check(_ key: CodingKeys, _ isValid: Bool, _ expected: String, _ found: some Any) throws {
            guard isValid else { throw TrainingError.invalid(key: key.rawValue, expected: expected, found: "\(found)") }
        }
        let isPower = shards.map { (1...1 << 20).contains($0) && $0.nonzeroBitCount == 1 } ?? true
        try check(.shards, isPower, "a power of two up to 2^20", shards ?? 0)
        try check(.bucketMiB, bucketMiB > 0 && bucketMiB <= 1024, "above 0, at most 1024", bucketMiB)
        try check(.rankCheckSteps, rankCheckSteps >= 0, "at least 0", rankCheckSteps)
        guard shards != nil else { return }
        // Both make sums depend on the number of ranks.
        try check(
            .collective,
            collective.keepsOrder,
            "auto, halving, direct or hierarchical with shards",
            collective.rawValue
        )
        try check(.reduceDType, reduceDType == .float32, "float32 with shards", reduceDType.rawValue)
    }

    /// The number of shards of a step over `ranks` ranks.
    ///
    /// - Throws: `TrainingError.unevenShards` if ranks would have different numbers of shards.
    package func shardCount(ranks: Int) throws -> Int {
        guard let shards else { return ranks }
        guard shards % ranks == 0 else { throw TrainingError.unevenShards(shards: shards, ranks: ranks) }
        return shards
    }

    /// Elements of a bucket, in whole units of `reductionUnit`.
    package var bucketElements: Int {
        max(1, Int(bucketMiB * 1_048_576) / MemoryLayout<Float>.stride / reductionUnit) * reductionUnit
    }
}
