package import Collectives
internal import Formats

extension LinkMatrix {
    /// The number of round trips with small messages, of which the shortest counts, and with large ones.
    private static let (smallTrips, largeTrips) = (100, 5)
    /// The most hosts, or ranks of a single host, that are measured, evenly spaced.
    private static let (mostHosts, mostRanks) = (64, 8)

    /// Measures the links between one rank of each host, or between the ranks of a single host; nil for a single rank.
    ///
    /// Collective.
    ///
    /// Half of the shortest round trip counts: the capability of the link without other load. Pairs measure as in a
    /// tournament: in each of `n - 1` rounds (`n` if that is odd) every rank with another, so that no host serves two
    /// pairs at once; pairs of a round share the links between switches, as in an all-reduce. A round transfers some 40
    /// MiB over each link and takes 0.04 s at 10 Gbit/s: 64 hosts take 3 s, and 25 s at 1 Gbit/s.
    ///
    /// All ranks receive the same matrix.
    package static func measure(_ communicator: any Communicator) throws -> LinkMatrix? {
        guard communicator.size > 1 else { return nil }
        let leaders = try communicator.hostLeaders()
        let hosts = Set(leaders).sorted()
        let joinsHosts = hosts.count > 1
        let candidates = joinsHosts ? hosts : Array(leaders.indices)
        let ranks = Self.spaced(candidates, most: joinsHosts ? Self.mostHosts : Self.mostRanks)
        let names = try ranks.map { try communicator.broadcast(Host.name, root: $0) }
        let count = ranks.count
        var seconds = [Double](repeating: 0, count: 2 * count * count)
        if let own = ranks.firstIndex(of: communicator.rank) {
            for round in 0..<Self.rounds(of: count) {
                guard let other = Self.partner(of: own, round: round, of: count) else { continue }
                let times = try Self.times(with: ranks[other], leads: own < other, communicator)
                // One of the two reports both directions, which a round trip does not distinguish.
                guard own < other else { continue }
                for place in [own * count + other, other * count + own] {
                    (seconds[place], seconds[count * count + place]) = (times.small, times.large)
                }
            }
        }
        seconds = try communicator.sum(seconds)
        return LinkMatrix(
            places: zip(ranks, names).map { Place(rank: $0, host: $1) },
            joinsHosts: joinsHosts,
            candidates: candidates.count,
            small: Array(seconds[..<(count * count)]),
            large: Array(seconds[(count * count)...])
        )
    }

    /// At most `most` of the values, evenly spaced.
    private static func spaced(_ values: [Int], most: Int) -> [Int] {
        values.count > most ? (0..<most).map { values[$0 * values.count / most] } : values
    }

    /// Measures the seconds of a small and of a large message to or from another rank, which calls it too.
    private static func times(
        with other: Int,
        leads: Bool,
        _ communicator: any Communicator
    ) throws -> (small: Double, large: Double) {
        func shortest(of trips: Int, bytes: Int) throws -> Double {
            var message = [UInt8](repeating: 1, count: bytes)
            var shortest = Double.infinity
            for _ in 0..<trips {
                let start = ContinuousClock().now
                if leads { try communicator.send(message.span, to: other) }
                var span = message.mutableSpan
                try communicator.receive(&span, from: other)
                if !leads { try communicator.send(message.span, to: other) }
                shortest = min(shortest, (ContinuousClock().now - start) / .seconds(1) / 2)
            }
            return shortest
        }
        return (try shortest(of: smallTrips, bytes: smallBytes), try shortest(of: largeTrips, bytes: largeBytes))
    }

    // MARK: Tournament

    /// The number of rounds in which each of `count` meets every other once.
    package static func rounds(of count: Int) -> Int { count % 2 == 0 ? count - 1 : count }

    /// The partner of `player` in a round, by the circle method; nil if it has none.
    ///
    /// In round `r` of `m` players whose numbers add up to `2r` modulo `m` meet. The one that would meet itself meets
    /// the last, number `m`, which exists if `count` is even.
    package static func partner(of player: Int, round: Int, of count: Int) -> Int? {
        let rounds = rounds(of: count)
        let other =
            player == rounds ? round : player == round ? rounds : (2 * round - player + rounds) % rounds
        return other < count ? other : nil
    }
}
