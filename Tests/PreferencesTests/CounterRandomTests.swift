internal import Testing

internal import Preferences

struct CounterRandomTests {
    @Test("the generator is SplitMix64")
    func splitMix() {
        // The finalizer maps 0 to 0, so that this seed and stream start the counter at 0. The numbers are those of
        // the reference implementation in C for the seed 0.
        var random = CounterRandom(seed: 0, stream: 0 &- 0x9E37_79B9_7F4A_7C15)
        #expect(random.next() == 0xE220_A839_7B1D_CDAF)
        #expect(random.next() == 0x6E78_9E6A_A1B9_65F4)
        #expect(random.next() == 0x06C4_5D18_8009_454F)
    }

    @Test("numbers below a bound are uniform", arguments: [1, 2, 3, 5, 6, 7, 10] as [UInt64])
    func unbiased(bound: UInt64) {
        let draws = 40_000
        var counts = Array(repeating: 0, count: Int(bound))
        var random = CounterRandom(seed: 7, stream: bound)
        for _ in 0..<draws { counts[Int(random.next(below: bound))] += 1 }
        let expected = Double(draws) / Double(bound)
        let chiSquare = counts.reduce(0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
        // Mean k and variance 2k for k degrees of freedom: five deviations above it.
        let freedom = Double(bound - 1)
        #expect(chiSquare <= freedom + 5 * (2 * freedom).squareRoot())
        #expect(counts.reduce(0, +) == draws)
    }

    @Test("a bound of three quarters of all numbers has no modulo bias")
    func largeBound() {
        // Without rejection the last quarter would map to the lowest: five eighths below the middle, not half.
        let bound: UInt64 = 3 << 62
        var random = CounterRandom(seed: 3, stream: 0)
        let draws = 20_000
        let low = (0..<draws).count { _ in random.next(below: bound) < bound / 2 }
        // A fair coin's deviation is sqrt(draws) / 2.
        #expect(abs(low - draws / 2) < 5 * 71)
    }

    @Test("normal numbers have mean 0, variance 1, and the expected fraction beyond two deviations")
    func normal() {
        var random = CounterRandom(seed: 4, stream: 2)
        let count = 40_000
        let numbers = (0..<count).map { _ in random.nextNormal() }
        // The mean deviates by 1 / sqrt(n), the variance by sqrt(2 / n): five of each.
        #expect(abs(numbers.reduce(0, +) / Double(count)) < 5 * 0.005)
        #expect(abs(numbers.reduce(0) { $0 + $1 * $1 } / Double(count) - 1) < 5 * 0.0071)
        let beyond = Double(numbers.count { abs($0) > 2 }) / Double(count)
        #expect(abs(beyond - 0.0455) < 5 * 0.00104)
    }

    @Test("uniform numbers lie between 0 and 1, half of them below a half")
    func uniform() {
        var random = CounterRandom(seed: 5, stream: 2)
        let numbers = (0..<20_000).map { _ in random.nextUniform() }
        #expect(numbers.allSatisfy { $0 > 0 && $0 < 1 })
        #expect(abs(numbers.count { $0 < 0.5 } - 10_000) < 5 * 71)
    }

    @Test("seeds and streams give different numbers")
    func keyed() {
        var firsts: Set<UInt64> = []
        for seed in 0..<30 as Range<UInt64> {
            for stream in 0..<30 as Range<UInt64> {
                var random = CounterRandom(seed: seed, stream: stream)
                firsts.insert(random.next())
            }
        }
        #expect(firsts.count == 900)
    }
}
