internal import Collectives
internal import Compute
internal import TestSupport
internal import Testing
internal import Training

/// The comparison of weights over ranks.
struct RankComparisonTests {
    /// Rank 0 of three, some of which hold other values.
    private final class Fake: Communicator {
        let rank = 0
        let size = 3
        let hostShare = HostShare(ranks: 3, ranksByProcessor: [3])
        private let odd: [Int]

        init(odd: [Int]) { self.odd = odd }

        func gather(_ values: Span<Double>, root: Int) -> [Double]? {
            (0..<size).flatMap { rank in
                values.indices.map { values[$0] + (odd.contains(rank) && $0 == values.count - 1 ? 1 : 0) }
            }
        }

        func allReduceSum(_ values: inout MutableSpan<Float>) {}
        func allReduceSum(_ values: inout MutableSpan<Double>) {}
        func allReduceMax(_ values: inout MutableSpan<Double>) {}
        func broadcast(_ bytes: inout MutableSpan<UInt8>, root: Int) {}
        func barrier() {}
        func hostLeaders() -> [Int] { [0, 0, 0] }
        func channel() -> Channel? { nil }
        func send(_ bytes: Span<UInt8>, to rank: Int) {}
        func receive(_ bytes: inout MutableSpan<UInt8>, from rank: Int) {}
        func abort(code: Int32) -> Never { preconditionFailure("no rank aborts") }
    }

    @Test("the first rank whose weights differ is named, and all stop", arguments: [[], [1, 2], [2]])
    func mismatch(odd: [Int]) throws {
        let policy = try Policy.read(directory: Golden.tied.directory, team: ThreadTeam.start(count: 2))
        let comparison = RankComparison(policy, communicator: Fake(odd: odd))
        guard let first = odd.first else { return try comparison.check(step: 7) }
        let error = #expect(throws: RankFailure.self) { try comparison.check(step: 7) }
        let expected = "after step 7 the weights of rank \(first) differ from those of rank 0: "
        #expect(error?.message.hasPrefix(expected) == true)
    }
}
