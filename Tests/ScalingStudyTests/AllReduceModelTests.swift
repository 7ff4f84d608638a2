internal import ScalingStudy
internal import Testing

/// The time of an all-reduce, against messages that are sent in rounds.
struct AllReduceModelTests {
    private let network = Network(name: "", latency: 3e-5, bandwidth: 2e6, summing: 1e-8)
    private let elementBytes = 4.0

    /// Nodes that exchange parts of a vector each; a round takes as long as its longest message.
    private struct Nodes {
        var vectors: [[Double]]
        var seconds = 0.0
        let network: Network

        typealias Message = (from: Int, to: Int, part: Range<Int>, isAdded: Bool)

        mutating func exchange(_ messages: [Message]) {
            let before = vectors
            var longest = 0.0
            for message in messages {
                let bytes = 4 * Double(message.part.count)
                longest = max(longest, bytes / network.bandwidth + (message.isAdded ? bytes * network.summing : 0))
                for index in message.part {
                    let value = before[message.from][index]
                    vectors[message.to][index] = value + (message.isAdded ? before[message.to][index] : 0)
                }
            }
            seconds += network.latency + longest
        }

        /// In each group every node sends each other node its share; returns the share of each node.
        @discardableResult
        mutating func reduceScatter(_ wholes: [Range<Int>], groups: [[Int]]) -> [Range<Int>] {
            exchange(wholes, groups, isAdded: true)
            var shares = wholes
            for group in groups {
                for (place, node) in group.enumerated() {
                    shares[node] = Self.share(place, of: wholes[node], group.count)
                }
            }
            return shares
        }

        /// In each group every node sends its share to each other node.
        mutating func allGather(_ wholes: [Range<Int>], groups: [[Int]]) { exchange(wholes, groups, isAdded: false) }

        /// In round `s` every node sends to the node `s` places after it in its group.
        private mutating func exchange(_ wholes: [Range<Int>], _ groups: [[Int]], isAdded: Bool) {
            for round in 1..<groups[0].count {
                var messages: [Message] = []
                for group in groups {
                    for (place, node) in group.enumerated() {
                        let other = (place + round) % group.count
                        let part = Self.share(isAdded ? other : place, of: wholes[node], group.count)
                        messages.append((node, group[other], part, isAdded))
                    }
                }
                exchange(messages)
            }
        }

        private static func share(_ place: Int, of whole: Range<Int>, _ size: Int) -> Range<Int> {
            let length = whole.count / size
            return whole.lowerBound + place * length..<whole.lowerBound + (place + 1) * length
        }
    }

    private func nodes(_ count: Int, elements: Int) -> (nodes: Nodes, sum: [Double]) {
        var random = CounterSequence()
        let vectors = (0..<count).map { _ in (0..<elements).map { _ in random.next() } }
        let sum = (0..<elements).map { index in vectors.reduce(0) { $0 + $1[index] } }
        return (Nodes(vectors: vectors, network: network), sum)
    }

    /// Small integers, whose sums are exact in any order.
    private struct CounterSequence {
        var state = 7

        mutating func next() -> Double {
            state = (state * 31 + 11) % 1009
            return Double(state)
        }
    }

    @Test("halving sums all vectors, in the time of the formula", arguments: [2, 3, 4, 5, 6, 7, 8, 12, 16])
    func halving(count: Int) {
        let elements = 1680
        var (nodes, sum) = nodes(count, elements: elements)
        let halves = count.trailingZeroBitCount
        let sizes = (Array(repeating: 2, count: halves) + [count >> halves]).filter { $0 > 1 }
        var (wholes, distance) = (Array(repeating: 0..<elements, count: count), 1)
        var stages: [(wholes: [Range<Int>], groups: [[Int]])] = []
        for size in sizes {
            let firsts = (0..<count).filter { $0 / distance % size == 0 }
            let groups = firsts.map { first in (0..<size).map { first + $0 * distance } }
            stages.append((wholes, groups))
            wholes = nodes.reduceScatter(wholes, groups: groups)
            distance *= size
        }
        for stage in stages.reversed() { nodes.allGather(stage.wholes, groups: stage.groups) }
        #expect(nodes.vectors.allSatisfy { $0 == sum })
        let bytes = elementBytes * Double(elements)
        #expect(agrees(AllReduceModel(network: network).seconds(bytes: bytes, nodes: count).seconds, nodes.seconds))
    }

    @Test("a latency of 30 µs costs 0.6 ms per bucket on 1,024 nodes, and 61 ms on 1,023")
    func latency() {
        let model = AllReduceModel(network: Network(name: "", latency: 30e-6, bandwidth: .infinity, summing: 0))
        #expect(agrees(model.seconds(bytes: 1e6, nodes: 1024).seconds, 0.0006))
        // 1,023 is 3 · 11 · 31.
        #expect(agrees(model.seconds(bytes: 1e6, nodes: 1023).seconds, 0.06132))
        // 100 MB are four buckets of 25 MiB.
        #expect(agrees(model.seconds(bytes: 1e8, nodes: 1024).seconds, 4 * 0.0006))
    }

    @Test("halving is chosen for even numbers of nodes from four, after a reduction within nodes")
    func choice() {
        let model = AllReduceModel(network: Network("10gbe") ?? network)
        #expect([1, 2, 3, 7].allSatisfy { model.seconds(bytes: 5e8, nodes: $0).algorithm == .direct })
        #expect([4, 6, 1024].allSatisfy { model.seconds(bytes: 5e8, nodes: $0).algorithm == .halving })
        #expect(model.seconds(bytes: 5e8, nodes: 1).seconds == 0)
        // First the four ranks of a node add up, at 2 GB/s.
        let nodes = AllReduceModel(network: network, ranksPerNode: 4, nodeBandwidth: 2e9)
        let hierarchical = nodes.seconds(bytes: 1e9, nodes: 8)
        #expect(hierarchical.algorithm == .hierarchical)
        #expect(
            agrees(hierarchical.seconds - AllReduceModel(network: network).seconds(bytes: 1e9, nodes: 8).seconds, 0.75)
        )
    }

    @Test("more nodes never take less time", arguments: Network.known)
    func monotonicity(network: Network) {
        let model = AllReduceModel(network: network)
        let times = (0...12).map { model.seconds(bytes: 5e8, nodes: 1 << $0).seconds }
        #expect(zip(times, times.dropFirst()).allSatisfy { $0 < $1 })
    }

    @Test(
        "a network is given by name or by latency and bandwidth",
        arguments: [
            ("10gbe", 30e-6, 1.175e9), ("ib-hdr", 2e-6, 24.375e9), ("25:9.4", 25e-6, 1.175e9), ("0:0.4", 0, 5e7),
        ] as [(String, Double, Double)]
    )
    func names(text: String, latency: Double, bandwidth: Double) throws {
        let found = try #require(Network(text))
        #expect(found.name == text && agrees(found.latency, latency) && agrees(found.bandwidth, bandwidth))
    }

    @Test(
        "other texts are refused",
        arguments: ["", "10", "10:", ":10", "a:1", "1:0", "-1:5", "1:2:3", "nan:1", "1:inf"]
    )
    func notANetwork(text: String) {
        #expect(Network(text) == nil)
    }

    @Test("latency and bandwidth are recovered from the times of exchanges")
    func recovery() throws {
        let made = SyntheticStudy(ranks: [1, 2, 3, 6], latency: 2e-4, bandwidth: 3e8)
        let found = try #require(Network.fit(made.study.runs, gradientBytes: made.gradientBytes))
        #expect(agrees(found.latency, 2e-4, within: 1e-6) && agrees(found.bandwidth, 3e8, within: 1e-6))
        // Two ranks determine one parameter only: all time counts as bandwidth.
        let pair = SyntheticStudy(ranks: [1, 2], latency: 0, bandwidth: 3e8)
        let one = try #require(Network.fit(pair.study.runs, gradientBytes: pair.gradientBytes))
        #expect(one.latency == 0 && agrees(one.bandwidth, 3e8))
        let alone = SyntheticStudy(ranks: [1]).study
        #expect(Network.fit(alone.runs, gradientBytes: 4) == nil)
    }
}
