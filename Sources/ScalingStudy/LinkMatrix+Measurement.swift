package import Collectives
internal import Formats

extension LinkMatrix {
    /// Round trips of small messages, of which the shortest counts, and of large ones.
    private static let (smallTrips, largeTrips) = (100, 5)
    /// Of more hosts, or of more ranks of a single one, so many are taken, evenly spaced.
    private static let (mostHosts, mostRanks) = (64, 8)

    /// Measures links between a rank of each host, of a single host between its ranks; nil where there is but one rank.
    ///
    /// Half of the shortest round trip counts: what a link can do, whatever else happens meanwhile. Pairs measure as in a
    /// tournament: in each of `n - 1` rounds (`n` where that is odd) everyone with another, so that no host serves two
    /// pairs at once; pairs of a round share what lies between hosts, as in an all-reduce. A round moves some 40 MiB over
    /// each link and takes 0.04 s at 10 Gbit/s: 64 hosts take 3 s, and 25 s at 1 Gbit/s.
    ///
    /// Every rank calls it, and all get the same.
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
                // One of the two tells both directions, which a round trip does not tell apart.
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

    /// At most so many of these, evenly spaced.
    private static func spaced(_ values: [Int], most: Int) -> [Int] {
        values.count > most ? (0..<most).map { values[$0 * values.count / most] } : values
    }

    /// Seconds of a small and of a large message to or from another rank, which calls it too.
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

    /// Rounds in which each of `count` meets each other once.
    package static func rounds(of count: Int) -> Int { count % 2 == 0 ? count - 1 : count }

    /// Whom one of `count` meets in a round, by the circle method; nil where it has none to meet.
    ///
    /// In round `r` of `m` those meet whose numbers add up to `2r` modulo `m`. The one that would meet itself meets the
    /// last, number `m`, who is there where `count` is even.
    package static func partner(of player: Int, round: Int, of count: Int) -> Int? {
        let rounds = rounds(of: count)
        let other =
            player == rounds ? round : player == round ? rounds : (2 * round - player + rounds) % rounds
        return other < count ? other : nil
    }
}
