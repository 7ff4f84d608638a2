internal import Reporting
internal import Testing

struct SummaryStatisticsTests {
    @Test(
        "the median is the middle value, or the mean of the middle two",
        arguments: [
            ([3], 3, 3, 3), ([5, 1], 3, 1, 5), ([9, 1, 4], 4, 1, 9), ([8, 2, 4, 1], 3, 1, 8),
        ] as [([Double], Double, Double, Double)]
    )
    func median(values: [Double], median: Double, minimum: Double, maximum: Double) {
        let spread = SummaryStatistics(values)
        #expect(spread.median == median && spread.minimum == minimum && spread.maximum == maximum)
    }
}
