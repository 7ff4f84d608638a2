/// How gradients are added up over ranks, and weights spread.
package enum Collective: String, Codable, CaseIterable, Sendable {
    /// The fastest, as measured at the start, of those that sum in the same order: direct, halving, hierarchical.
    case auto
    /// The MPI library's own algorithm.
    case mpi
    case ring
    /// Recursive halving, nearest rank first.
    case halving
    /// Every rank sends each slice to its owner.
    case direct
    /// Direct exchange between the ranks of each host, then between hosts.
    case hierarchical

    /// Whether sums have the same bits as those of all other collectives with this property.
    package var keepsOrder: Bool { self != .mpi && self != .ring }
}

/// The number format in which gradients are sent.
package enum ReduceDType: String, Codable, CaseIterable, Sendable {
    case float32, bfloat16
}

/// A collective that was chosen, ready for use.
package struct CollectiveChoice {
    package let reduction: any SlicedReduction
    /// Never `auto`.
    package let collective: Collective
    /// Of those that were tried, the seconds of a bucket there and back, of the slowest rank.
    package let trials: [(collective: Collective, seconds: Double)]

    /// Makes the collective that is asked for; every rank calls it alike.
    ///
    /// - Parameters:
    ///   - capacity: Elements of the largest bucket, by which candidates are measured.
    /// - Returns: Nil for a rank that is alone.
    /// - Throws: `RankFailure` on every rank where the hosts do not suit the collective.
    package init?(
        _ wanted: Collective,
        dtype: ReduceDType = .float32,
        capacity: Int,
        communicator: any Communicator
    ) throws {
        guard let channel = try communicator.channel() else { return nil }
        let maker = ReductionMaker(
            rank: communicator.rank,
            leaders: try communicator.hostLeaders(),
            channel: channel,
            capacity: capacity
        )
        let candidates = wanted == .auto ? maker.candidates : [wanted]
        var made: [(collective: Collective, reduction: any SlicedReduction)] = []
        for candidate in candidates {
            do {
                made.append((candidate, try maker.reduction(candidate, dtype)))
            } catch {
                throw RankFailure(rank: 0, error: error)
            }
        }
        var trials: [(collective: Collective, seconds: Double)] = []
        if made.count > 1 {
            for (collective, reduction) in made {
                trials.append((collective, try Self.measure(reduction, capacity: capacity, communicator)))
            }
        }
        // All ranks have the same numbers.
        let best = trials.indices.min { trials[$0].seconds < trials[$1].seconds } ?? 0
        (collective, reduction) = made[best]
        self.trials = trials
    }

    /// The seconds of a bucket there and back, of the slowest rank: the better of two, after one that opens connections.
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

/// Makes reductions for the ranks and hosts of a job.
package struct ReductionMaker {
    let rank: Int
    /// For each rank the lowest on its host.
    let leaders: [Int]
    let channel: Channel
    let capacity: Int

    /// - Parameter capacity: Elements of the largest bucket.
    package init(rank: Int, leaders: [Int], channel: Channel, capacity: Int) {
        (self.rank, self.leaders, self.channel, self.capacity) = (rank, leaders, channel, capacity)
        channel.setHosts(leaders: leaders)
    }

    private var size: Int { leaders.count }

    /// Those that are worth a trial, all of which add up in the same order.
    package var candidates: [Collective] {
        var candidates = [Collective.direct]
        if halves.count > 1 { candidates.append(.halving) }
        if let count = ranksOnHost, count > 1, count < size, count.nonzeroBitCount == 1 {
            candidates.append(.hierarchical)
        }
        return candidates
    }

    /// - Throws: `HostError` where hosts do not suit the collective.
    package func reduction(_ collective: Collective, _ dtype: ReduceDType) throws -> any SlicedReduction {
        let base: any SlicedReduction
        switch collective {
        case .auto: preconditionFailure("one of the candidates is chosen before")
        case .mpi: base = LibraryExchange(rank: rank, size: size, channel: channel, capacity: capacity)
        case .ring: base = RingExchange(rank: rank, size: size, channel: channel, capacity: capacity)
        case .direct: base = staged([size])
        case .halving: base = staged(halves)
        case .hierarchical:
            guard let count = ranksOnHost else { throw HostError(leaders: leaders) }
            base = staged([count, size / count])
        }
        guard dtype == .bfloat16 else { return base }
        return BFloat16Exchange(rank: rank, size: size, channel: channel, base: base, capacity: capacity)
    }

    private func staged(_ sizes: [Int]) -> StagedExchange {
        StagedExchange(rank: rank, sizes: sizes, channel: channel, capacity: capacity)
    }

    /// Groups of two as long as the number of ranks is even, and one of the rest.
    private var halves: [Int] {
        let twos = Array(repeating: 2, count: size.trailingZeroBitCount)
        let rest = size >> size.trailingZeroBitCount
        return rest > 1 ? twos + [rest] : twos
    }

    /// The ranks on each host; nil where hosts differ in their number, or their ranks are not consecutive.
    private var ranksOnHost: Int? {
        let count = leaders.filter { $0 == leaders[0] }.count
        let isEven = size % count == 0 && leaders == leaders.indices.map { $0 - $0 % count }
        return isEven ? count : nil
    }
}

/// Hosts have different numbers of ranks, or take turns.
package struct HostError: Error, CustomStringConvertible {
    let leaders: [Int]

    package var description: String {
        let counts = Set(leaders).sorted().map { leader in "\(leaders.filter { $0 == leader }.count)" }
        return "--collective hierarchical wants as many ranks on each host, with consecutive numbers; found "
            + "\(counts.joined(separator: ", ")); start them so (mpirun --map-by ppr:N:node), or take another collective"
    }
}
