internal import Preferences
internal import Testing

/// Work is partitioned so that the slowest shard finishes early.
struct LoadPartitionTests {
    /// The smallest makespan of any partition, by exhaustive search.
    private func smallestMakespan(_ costs: [Double], _ speeds: [Double]) -> Double {
        var best = Double.infinity
        func place(_ piece: Int, _ loads: [Double]) {
            guard piece < costs.count else {
                best = min(best, zip(loads, speeds).map { $0 / $1 }.max() ?? 0)
                return
            }
            for shard in loads.indices {
                var loads = loads
                loads[shard] += costs[piece]
                place(piece + 1, loads)
            }
        }
        place(0, Array(repeating: 0, count: speeds.count))
        return best
    }

    @Test(
        "the makespan of a few pieces is within a tenth of the optimum",
        arguments: [[1, 1], [1, 1, 1], [1, 0.5], [3, 1, 2]]
    )
    func bruteForce(speeds: [Double]) {
        var (random, ratios) = (TestRandom(seed: 4), [Double]())
        for count in 1...8 {
            for _ in 0..<12 {
                let costs = (0..<count).map { _ in Double(Int.random(in: 1...50, using: &random)) }
                let partition = LoadPartition(costs, speeds: speeds)
                let end = partition.times.max() ?? 0
                let best = smallestMakespan(costs, speeds)
                #expect(end >= best && end <= 1.1 * best, "\(costs)")
                ratios.append(end / best)
            }
        }
        #expect(ratios.count == 96 && ratios.reduce(0, +) / 96 < 1.01, "nearly all are optimal")
    }

    @Test("every piece is in one shard, whose load is their sum", arguments: [0, 1, 2, 7, 64, 301], [1, 2, 3, 8, 50])
    func everyPieceOnce(count: Int, shards: Int) {
        var random = TestRandom(seed: UInt64(count + shards))
        let costs = (0..<count).map { _ in Double(Int.random(in: 0...999, using: &random)) }
        let speeds = (0..<shards).map { _ in Double(Int.random(in: 1...4, using: &random)) }
        let partition = LoadPartition(costs, speeds: speeds)
        #expect(partition.pieces.joined().sorted() == Array(0..<count))
        #expect(partition.loads == partition.pieces.map { $0.reduce(0) { $0 + costs[$1] } })
        #expect(partition.imbalance >= 1 - 1e-12)
        #expect(partition == LoadPartition(costs, speeds: speeds), "the same every time")
    }

    @Test("the local search is never worse than longest processing time first")
    func notWorse() {
        var (random, gains) = (TestRandom(seed: 9), 0)
        for _ in 0..<50 {
            let costs = (0..<40).map { _ in Double.random(in: 0...1, using: &random) }.sorted(by: >)
            var loads = Array(repeating: 0.0, count: 6)
            for cost in costs { loads[loads.indices.min { loads[$0] < loads[$1] }!] += cost }
            let end = LoadPartition(costs, speeds: Array(repeating: 1, count: 6)).times.max() ?? 0
            #expect(end <= loads.max()! + 1e-12)
            gains += end < loads.max()! - 1e-9 ? 1 : 0
        }
        #expect(gains > 40)
    }
}
