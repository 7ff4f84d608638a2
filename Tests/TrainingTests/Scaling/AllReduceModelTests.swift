internal import Testing
internal import Training

/// The time of an all-reduce, against messages that are sent one round after the other.
struct AllReduceModelTests {
    private let network = Network(name: "", latency: 3e-5, bandwidth: 2e6, summing: 1e-8)
    private let elementBytes = 4.0

    /// Nodes with a vector each, who exchange parts of it; a round takes as long as its longest message.
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
    }

    private func nodes(_ count: Int, elements: Int) -> (nodes: Nodes, sum: [Double]) {
        var random = CounterSequence()
        let vectors = (0..<count).map { _ in (0..<elements).map { _ in random.next() } }
        let sum = (0..<elements).map { index in vectors.reduce(0) { $0 + $1[index] } }
        return (Nodes(vectors: vectors, network: network), sum)
    }

    /// Small whole numbers, whose sums are exact in any order.
    private struct CounterSequence {
        var state = 7

        mutating func next() -> Double {
            state = (state * 31 + 11) % 1009
            return Double(state)
        }
    }

    @Test("a ring's rounds add up every vector, in the time of the formula", arguments: [2, 3, 4, 5, 6, 8, 12])
    func ring(count: Int) {
        let elements = 120
        var (nodes, sum) = nodes(count, elements: elements)
        let size = elements / count
        func part(_ index: Int) -> Range<Int> {
            let index = (index % count + count) % count
            return index * size..<(index + 1) * size
        }
        for round in 0..<count - 1 {
            nodes.exchange((0..<count).map { ($0, ($0 + 1) % count, part($0 - round), true) })
        }
        for round in 0..<count - 1 {
            nodes.exchange((0..<count).map { ($0, ($0 + 1) % count, part($0 + 1 - round), false) })
        }
        #expect(nodes.vectors.allSatisfy { $0 == sum })
        let bytes = elementBytes * Double(elements)
        #expect(agrees(AllReduceModel(network: network).ring(bytes: bytes, nodes: count), nodes.seconds))
    }

    @Test("halving's rounds add up every vector, in the time of the formula", arguments: [2, 3, 4, 5, 6, 7, 8, 11, 16])
    func halving(count: Int) {
        let elements = 96
        var (nodes, sum) = nodes(count, elements: elements)
        let power = [16, 8, 4, 2].first { $0 <= count } ?? 1
        let extra = power..<count
        let whole = 0..<elements
        if !extra.isEmpty { nodes.exchange(extra.map { ($0, $0 - power, whole, true) }) }
        var parts = Array(repeating: whole, count: power)
        var distances: [Int] = []
        var distance = power / 2
        while distance > 0 {
            let halves = parts.enumerated().map { node, part in
                let middle = (part.lowerBound + part.upperBound) / 2
                let (low, high) = (part.lowerBound..<middle, middle..<part.upperBound)
                return node & distance == 0 ? (kept: low, sent: high) : (kept: high, sent: low)
            }
            nodes.exchange((0..<power).map { ($0, $0 ^ distance, halves[$0].sent, true) })
            parts = halves.map(\.kept)
            distances.append(distance)
            distance /= 2
        }
        for distance in distances.reversed() {
            nodes.exchange((0..<power).map { ($0, $0 ^ distance, parts[$0], false) })
            parts = parts.indices.map { node in
                let (own, other) = (parts[node], parts[node ^ distance])
                return min(own.lowerBound, other.lowerBound)..<max(own.upperBound, other.upperBound)
            }
        }
        if !extra.isEmpty { nodes.exchange(extra.map { ($0 - power, $0, whole, false) }) }
        #expect(nodes.vectors.allSatisfy { $0 == sum })
        let bytes = elementBytes * Double(elements)
        #expect(agrees(AllReduceModel(network: network).halving(bytes: bytes, nodes: count), nodes.seconds))
    }

    @Test("at 1,024 nodes and 30 µs a ring pays 61 ms of latency for each piece, halving 0.6 ms")
    func latency() {
        let model = AllReduceModel(network: Network(name: "", latency: 30e-6, bandwidth: .infinity, summing: 0))
        #expect(agrees(model.ring(bytes: 1e6, nodes: 1024), 0.06138))
        #expect(agrees(model.halving(bytes: 1e6, nodes: 1024), 0.0006))
        // Of 100 MB there are four pieces of 25 MiB.
        #expect(agrees(model.ring(bytes: 1e8, nodes: 1024), 4 * 0.06138))
    }

    @Test("the best algorithm is taken: rings where nodes are few or odd, halving where they are many")
    func choice() {
        let model = AllReduceModel(network: Network("10gbe") ?? network)
        #expect(model.seconds(bytes: 5e8, nodes: 6).algorithm == .ring)
        let many = model.seconds(bytes: 5e8, nodes: 1024)
        #expect(many.algorithm == .halving && many.seconds < model.ring(bytes: 5e8, nodes: 1024))
        #expect(model.seconds(bytes: 5e8, nodes: 1).seconds == 0)
        // Four ranks of a node add up at 2 GB/s first.
        let nodes = AllReduceModel(network: network, ranksPerNode: 4, nodeBandwidth: 2e9)
        let hierarchical = nodes.seconds(bytes: 1e9, nodes: 8)
        #expect(hierarchical.algorithm == .hierarchical)
        #expect(
            agrees(hierarchical.seconds - AllReduceModel(network: network).seconds(bytes: 1e9, nodes: 8).seconds, 0.75)
        )
    }

    @Test("more nodes never take less", arguments: Network.known)
    func monotonicity(network: Network) {
        let model = AllReduceModel(network: network)
        let times = (0...12).map { model.seconds(bytes: 5e8, nodes: 1 << $0).seconds }
        #expect(zip(times, times.dropFirst()).allSatisfy { $0 < $1 })
    }

    @Test(
        "a network has a name or two numbers",
        arguments: [
            ("10gbe", 30e-6, 1.175e9), ("ib-hdr", 2e-6, 24.375e9), ("25:9.4", 25e-6, 1.175e9), ("0:0.4", 0, 5e7),
        ] as [(String, Double, Double)]
    )
    func names(text: String, latency: Double, bandwidth: Double) throws {
        let found = try #require(Network(text))
        #expect(found.name == text && agrees(found.latency, latency) && agrees(found.bandwidth, bandwidth))
    }

    @Test(
        "other texts are no network",
        arguments: ["", "10", "10:", ":10", "a:1", "1:0", "-1:5", "1:2:3", "nan:1", "1:inf"]
    )
    func notANetwork(text: String) {
        #expect(Network(text) == nil)
    }

    @Test("latency and bandwidth are recovered from what rings took")
    func recovery() throws {
        let made = SyntheticStudy(ranks: [1, 2, 3, 6], latency: 2e-4, bandwidth: 3e8)
        let found = try #require(Network(measuredBy: made.study.runs, gradientBytes: made.gradientBytes))
        #expect(agrees(found.latency, 2e-4, within: 1e-6) && agrees(found.bandwidth, 3e8, within: 1e-6))
        // Two ranks alone tell one number: all counts as bandwidth.
        let pair = SyntheticStudy(ranks: [1, 2], latency: 0, bandwidth: 3e8)
        let one = try #require(Network(measuredBy: pair.study.runs, gradientBytes: pair.gradientBytes))
        #expect(one.latency == 0 && agrees(one.bandwidth, 3e8))
        let alone = SyntheticStudy(ranks: [1]).study
        #expect(Network(measuredBy: alone.runs, gradientBytes: 4) == nil)
    }
}
