internal import Collectives
internal import Testing

/// The processors that a rank gets of its host's.
struct HostShareTests {
    @Test(
        "a processor counts for a rank as one over the ranks that may run there",
        arguments: [
            // Alone; bound to processors of its own; not bound, of 1, 2, 3 and 6 ranks.
            (Array(repeating: 1, count: 6), 6), ([1, 1], 2), (Array(repeating: 2, count: 6), 3),
            (Array(repeating: 3, count: 6), 2), (Array(repeating: 6, count: 6), 1), (Array(repeating: 3, count: 7), 2),
            // Three processors of its own and four that two ranks share; fewer processors than ranks.
            ([1, 1, 1, 2, 2, 2, 2], 5), ([3, 3], 1), ([4], 1),
        ]
    )
    func share(ranksByProcessor: [Int], processors: Int) {
        let share = HostShare(ranks: ranksByProcessor.max() ?? 1, ranksByProcessor: ranksByProcessor)
        #expect(share.processors == processors)
    }
}
