internal import Reporting
internal import Testing
internal import Training

/// The times of ranks, and their statistics.
struct RankTimesTests {
    @Test("the imbalance is the slowest rank's time over the mean, the spread that of seconds per planned cost")
    func evenness() {
        let times = RankTimes(seconds: [3, 1, 2], costs: [30, 10, 20])
        #expect(times.seconds == 2 && times.imbalance == 1.5 && times.spread < 1e-15)
        // Seconds per unit of cost: 1 and 3, with mean 2 and deviation √2.
        let uneven = RankTimes(seconds: [4, 6, 0], costs: [4, 2, 0])
        #expect(abs(uneven.spread - 2.0.squareRoot() / 2) < 1e-15 && uneven.imbalance == 6 * 3 / 10.0)
        let alone = RankTimes(seconds: [5], costs: [1])
        #expect(alone.imbalance == 1 && alone.spread == 0)
    }

    @Test(
        "a deviation is that of a sample, relative to the mean",
        arguments: [([1, 3], 0.5 * 2.0.squareRoot()), ([7], 0), ([], 0)] as [([Double], Double)]
    )
    func deviation(values: [Double], expected: Double) {
        #expect(abs(relativeDeviation(values) - expected) < 1e-15)
    }
}
