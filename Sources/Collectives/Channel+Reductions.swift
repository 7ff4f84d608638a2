extension Channel {
    /// The ranks of the job, once the hosts are set.
    private var size: Int { leaders.count }

    /// The collectives that are worth measuring on these hosts, all of which sum in the same order.
    package var candidates: [Collective] {
        var candidates = [Collective.direct]
        if halves.count > 1 { candidates.append(.halving) }
        if let count = ranksOnHost, count > 1, count < size, count.nonzeroBitCount == 1 {
            candidates.append(.hierarchical)
        }
        return candidates
    }

    /// Makes a reduction over the ranks of the hosts that are set.
    ///
    /// - Parameters:
    ///   - collective: Any but `auto`.
    ///   - capacity: Elements of the largest bucket.
    /// - Throws: `HostError` if the hosts do not suit the collective.
    package func makeReduction(
        _ collective: Collective,
        _ dtype: ReduceDType,
        capacity: Int
    ) throws -> any SlicedReduction {
        let base: any SlicedReduction
        switch collective {
        case .auto: preconditionFailure("one of the candidates is chosen before")
        case .mpi: base = LibraryExchange(rank: rank, size: size, channel: self, capacity: capacity)
        case .ring: base = RingExchange(rank: rank, size: size, channel: self, capacity: capacity)
        case .direct: base = staged([size], capacity)
        case .halving: base = staged(halves, capacity)
        case .hierarchical:
            guard let count = ranksOnHost else { throw HostError(leaders: leaders) }
            base = staged([count, size / count], capacity)
        }
        guard dtype == .bfloat16 else { return base }
        return BFloat16Exchange(rank: rank, size: size, channel: self, base: base, capacity: capacity)
    }

    private func staged(_ sizes: [Int], _ capacity: Int) -> StagedExchange {
        StagedExchange(rank: rank, sizes: sizes, channel: self, capacity: capacity)
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
        return "--collective hierarchical needs equally many ranks on each host, with consecutive numbers; found "
            + "\(counts.joined(separator: ", ")); start them so (\(MPILibrary.built.evenPlacement)), or "
            + "take another collective"
    }
}
