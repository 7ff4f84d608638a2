internal import Testing
internal import Transformer

/// The division of the vocabulary over threads.
struct HeadDivisionTests {
    @Test(
        "threads get parts of equal size of a vocabulary, also on nodes with many cores",
        arguments: [32_000, 49_152, 128_256, 151_936, 262_144],
        [1, 2, 3, 7, 24, 32, 48, 64, 96, 128]
    )
    func even(vocabulary: Int, threads: Int) {
        let slices = HeadDivision(vocabulary: vocabulary, threads: threads).slices
        let shares = (0..<threads).map { thread in
            slices[slices.count * thread / threads..<slices.count * (thread + 1) / threads].reduce(0) { $0 + $1.count }
        }
        #expect(shares.reduce(0, +) == vocabulary)
        // The slowest thread has at most a hundredth more than an even part.
        #expect(Double(shares.max()!) <= 1.01 * Double(vocabulary) / Double(threads) + 1)
        #expect(slices.allSatisfy { $0.count <= 2048 })
    }

    @Test(
        "slices are contiguous and cover the vocabulary, however small it is",
        arguments: [1, 2, 127, 131, 300],
        [1, 2, 64]
    )
    func whole(vocabulary: Int, threads: Int) {
        let slices = HeadDivision(vocabulary: vocabulary, threads: threads).slices
        #expect(slices.first?.lowerBound == 0 && slices.last?.upperBound == vocabulary)
        for (slice, next) in zip(slices, slices.dropFirst()) { #expect(slice.upperBound == next.lowerBound) }
        #expect(slices.allSatisfy { !$0.isEmpty } && slices.count <= max(1, vocabulary / 128))
    }
}
