internal import Objectives
internal import Testing

struct PreferenceStatisticsTests {
    /// Four pairs: won, lost, won against the policy's own order, and tied.
    private static let pairs = [
        PairLogps(-10, -20, reference: (-12, -16)),
        PairLogps(-8, -6, reference: (-7, -9)),
        PairLogps(-30, -25, reference: (-34, -27)),
        PairLogps(-5, -4, reference: (-7, -6)),
    ]

    private func rewards(_ pair: PairLogps) -> (chosen: Double, rejected: Double) {
        (0.5 * pair.chosenLogRatio, 0.5 * pair.rejectedLogRatio)
    }

    private func statistics(_ pairs: some Sequence<PairLogps>) -> PreferenceStatistics {
        var statistics = PreferenceStatistics()
        for (index, pair) in pairs.enumerated() {
            statistics.add(pair, rewards: rewards(pair))
            statistics.add(loss: 0.25 * Double(index + 1))
        }
        return statistics
    }

    private func metric(_ name: String, of statistics: PreferenceStatistics) -> Double? {
        statistics.metrics.first { $0.name == name }?.value
    }

    @Test("the metrics have TRL's definitions and names")
    func metrics() {
        var statistics = statistics(Self.pairs)
        statistics.addResponse(tokens: 3, entropy: 6, top1: 2, isBest: true)
        statistics.addResponse(tokens: 5, entropy: 2, top1: 5, isBest: false)
        statistics.addResponse(tokens: 1, entropy: 1, top1: 1, isBest: true)
        // Log-ratios: chosen 2, -1, 4, 2; rejected -4, 3, 2, 2. Each halved is a reward.
        let expected = [
            ("loss", 0.625), ("rewards/chosen", 0.875), ("rewards/rejected", 0.375), ("rewards/accuracies", 0.5),
            ("rewards/margins", 0.5), ("logps/chosen", -13.25), ("logps/rejected", -13.75), ("entropy", 1),
            ("mean_token_accuracy", 0.75),
        ]
        #expect(statistics.metrics.map(\.name) == expected.map(\.0))
        for (name, value) in expected { #expect(metric(name, of: statistics) == value, "\(name)") }
        // By log-probability only the first pair is ranked correctly.
        #expect(statistics[.pairs] == 4 && statistics.mean(.logpAccuracy) == 0.25)
    }

    @Test("equal rewards do not count as accurate")
    func tie() {
        let statistics = statistics([PairLogps(-5, -5, reference: (-6, -6))])
        #expect(metric("rewards/accuracies", of: statistics) == 0 && statistics.mean(.logpAccuracy) == 0)
        #expect(metric("rewards/margins", of: statistics) == 0)
    }

    @Test("statistics of parts add up to those of the whole", arguments: 0...4)
    func parts(split: Int) {
        var first = statistics(Self.pairs.prefix(split))
        let second = statistics(Self.pairs.dropFirst(split))
        first.addResponse(tokens: 3, entropy: 6, top1: 2, isBest: true)
        let merged = PreferenceStatistics(sums: zip(first.sums, second.sums).map(+))
        var whole = PreferenceStatistics()
        for part in [Self.pairs.prefix(split), Self.pairs.dropFirst(split)] {
            for (index, pair) in part.enumerated() {
                whole.add(pair, rewards: rewards(pair))
                whole.add(loss: 0.25 * Double(index + 1))
            }
        }
        whole.addResponse(tokens: 3, entropy: 6, top1: 2, isBest: true)
        // All values are small multiples of 1/4: sums are exact in any order.
        #expect(merged == whole && merged[.pairs] == 4 && merged[.loss] > 0)
        #expect(merged.sums.count == PreferenceStatistics.Sum.allCases.count)
    }

    @Test("only best responses count for the token accuracy, all for the entropy")
    func responses() {
        var statistics = PreferenceStatistics()
        statistics.addResponse(tokens: 4, entropy: 8, top1: 4, isBest: false)
        #expect(statistics[.chosenTokens] == 0 && statistics[.chosenTop1] == 0)
        #expect(metric("entropy", of: statistics) == 2)
        statistics.addResponse(tokens: 4, entropy: 0, top1: 1, isBest: true)
        #expect(metric("entropy", of: statistics) == 1 && metric("mean_token_accuracy", of: statistics) == 0.25)
    }

    @Test("without pairs every mean is NaN, not 0")
    func nothing() {
        #expect(PreferenceStatistics().metrics.allSatisfy { $0.value.isNaN })
        #expect(PreferenceStatistics().metrics.count == 9)
    }
}
