internal import Collectives
internal import Testing

/// A rank's share of the processors of its host.
struct HostShareTests {
    @Test(
        "a rank gets each of its processors divided by the number of ranks that may run there",
        arguments: [
            // A single rank; bound to two processors; unbound, one of 2, 3, 6 and 3 ranks.
            (Array(repeating: 1, count: 6), 6), ([1, 1], 2), (Array(repeating: 2, count: 6), 3),
            (Array(repeating: 3, count: 6), 2), (Array(repeating: 6, count: 6), 1), (Array(repeating: 3, count: 7), 2),
            // Three exclusive processors and four shared by two ranks; fewer processors than ranks.
            ([1, 1, 1, 2, 2, 2, 2], 5), ([3, 3], 1), ([4], 1),
        ]
    )
    func share(ranksByProcessor: [Int], processors: Int) {
        let share = HostShare(ranks: ranksByProcessor.max() ?? 1, ranksByProcessor: ranksByProcessor)
        #expect(share.processors == processors)
    }
}
