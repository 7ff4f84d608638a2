internal import ScalingStudy
internal import Testing

/// The latency and bandwidth between ranks, and how they are reported.
struct LinkMatrixTests {
    @Test("in a tournament each player meets each other once, one at a time", arguments: [2, 3, 4, 5, 8, 13, 64])
    func tournament(count: Int) {
        var met: Set<[Int]> = []
        for round in 0..<LinkMatrix.rounds(of: count) {
            let partners = (0..<count).map { LinkMatrix.partner(of: $0, round: round, of: count) }
            for (player, partner) in partners.enumerated() {
                guard let partner else { continue }
                #expect(partner != player && partners[partner] == player)
                #expect(partner < player || met.insert([player, partner]).inserted)
            }
            #expect(partners.count { $0 == nil } == count % 2, "one pauses if the number is odd")
        }
        #expect(met.count == count * (count - 1) / 2)
    }

    /// Four places whose links have 25 µs and 1.176 GB/s, except the one between the second and the last.
    private func matrix(joinsHosts: Bool = true, candidates: Int = 4, slow: Double = 1) -> LinkMatrix {
        let names = ["a", "node-b", "c", "d"]
        let places = names.enumerated().map { LinkMatrix.Place(rank: 2 * $0, host: $1) }
        let large = Double(LinkMatrix.largeBytes) / 1.176e9
        var seconds = Array(repeating: large, count: 16)
        for place in [1 * 4 + 3, 3 * 4 + 1] { seconds[place] = slow * large }
        return LinkMatrix(
            places: places,
            joinsHosts: joinsHosts,
            candidates: candidates,
            small: Array(repeating: 25e-6, count: 16),
            large: seconds
        )
    }

    @Test("a table lists latency and bandwidth between all pairs")
    func table() {
        #expect(
            matrix(slow: 4).table == """
                    µs of a small message
                                   0       2       4       6
                    0 a            -    25.0    25.0    25.0
                    2 node-b    25.0       -    25.0    25.0
                    4 c         25.0    25.0       -    25.0
                    6 d         25.0    25.0    25.0       -
                    GB/s of messages of 4 MiB
                                   0       2       4       6
                    0 a            -    1.18    1.18    1.18
                    2 node-b    1.18       -    1.18   0.294
                    4 c         1.18    1.18       -    1.18
                    6 d         1.18   0.294    1.18       -

                """
        )
    }

    @Test("the medians are a network for forecasts, by a name that --network takes")
    func network() throws {
        let network = matrix().network
        #expect(network.name == "25.0:9.41" && network.latency == 25e-6 && abs(network.bandwidth / 1.176e9 - 1) < 1e-12)
        let read = try #require(Network(network.name))
        #expect(abs(read.latency - network.latency) < 1e-7 && abs(read.bandwidth / network.bandwidth - 1) < 0.005)
        #expect(read.summing == network.summing)
        #expect(matrix().summary == "4 hosts: 25.0 µs, 1.18 GB/s; for --network: 25.0:9.41")
    }

    @Test("a pair with less than half of the best bandwidth is named, and no other")
    func slowPair() throws {
        #expect(matrix().slowPair == nil && matrix(slow: 1.99).slowPair == nil)
        let pair = try #require(matrix(slow: 2.01).slowPair)
        #expect(pair.first == LinkMatrix.Place(rank: 2, host: "node-b") && pair.second.rank == 6)
        #expect(
            matrix(candidates: 200, slow: 4).summary
                == "4 of 200 hosts: 25.0 µs, 1.18 GB/s; for --network: 25.0:9.41; 0.294 GB/s between rank 2 (node-b) "
                + "and rank 6 (d), 1.18 at best"
        )
    }

    @Test("links within a host are reported but neither compared nor used as a network")
    func oneHost() {
        #expect(matrix(joinsHosts: false, slow: 4).summary == "4 ranks of one host: 25.0 µs, 1.18 GB/s")
    }
}
