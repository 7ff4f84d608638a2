internal import Foundation
internal import Objectives
internal import Reporting
internal import Testing

/// The metrics of an evaluation, and their confidence intervals.
struct EvaluationReportTests {
    /// A report of examples whose pairs have these losses, won if the loss is below 1.
    private func report(_ rows: [[Double]], lossIsMeanOverPairs: Bool = true) -> EvaluationReport {
        let statistics = rows.map { losses in
            var statistics = PreferenceStatistics()
            for loss in losses {
                statistics[.pairs] += 1
                statistics[.loss] += loss
                statistics[.accuracy] += loss < 1 ? 1 : 0
            }
            return statistics
        }
        return EvaluationReport(statistics, lossIsMeanOverPairs: lossIsMeanOverPairs)
    }

    private func interval(_ name: String, _ report: EvaluationReport) throws -> ConfidenceInterval {
        let index = try #require(report.metrics.firstIndex { $0.name == name })
        return report.intervals[index]
    }

    private func isClose(_ a: ConfidenceInterval, _ low: Double, _ high: Double, within: Double = 1e-12) -> Bool {
        abs(a.low - low) <= within && abs(a.high - high) <= within
    }

    @Test("the interval of a mean over examples of one pair is the textbook's")
    func mean() throws {
        let losses = [0.5, 2, 1.25, 0.75, 3, 0.125, 0.5]
        let found = report(losses.map { [$0] })
        let mean = losses.reduce(0, +) / 7
        let variance = losses.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (7 * 6)
        let reach = 1.959963984540054 * variance.squareRoot()
        #expect(try isClose(interval("loss", found), mean - reach, mean + reach))
        #expect(found["eval_loss"] == mean && found["loss"] == mean && found["eval_los"].isNaN && found.rows == 7)
    }

    @Test("without a reference rewards and loss are not defined, nor are their intervals, and log-probabilities are")
    func withoutReference() throws {
        let rows = [1.0, 2].map { logp in
            var statistics = PreferenceStatistics(sums: PreferenceStatistics().sums.map { _ in 1 })
            statistics[.chosenLogp] = logp
            return statistics
        }
        let (found, whole) = (EvaluationReport(rows, hasReference: false), EvaluationReport(rows))
        let names = found.metrics.filter(\.value.isNaN).map(\.name)
        let rewards = ["chosen", "rejected", "accuracies", "margins"].map { "rewards/\($0)" }
        #expect(names == ["loss"] + rewards && whole.metrics.allSatisfy { $0.value.isFinite })
        for (metric, interval) in zip(found.metrics, found.intervals) {
            #expect(interval.low.isNaN == names.contains(metric.name) && interval.low.isNaN == interval.high.isNaN)
        }
        #expect(found["logps/chosen"] == 1.5 && found["logps/accuracies"] == 1)
    }

    @Test("the interval of an accuracy over examples of one pair is Wilson's for their number")
    func accuracy() throws {
        let found = report([0, 0, 2, 0, 0, 2, 0, 0, 2, 0].map { [$0] })
        let wilson = ConfidenceInterval(share: 0.7, trials: 10)
        #expect(try isClose(interval("rewards/accuracies", found), wilson.low, wilson.high))
        let all = report([0, 0, 0].map { [$0] })
        #expect(try interval("rewards/accuracies", all) == ConfidenceInterval(share: 1, trials: 3))
    }

    @Test(
        "Wilson's interval equals published tables",
        arguments: [
            (0.7, 10.0, 0.3967781, 0.8922087), (0, 10, 0, 0.2775328), (1, 1, 0.2065493, 1),
            (0.5, 100, 0.4038315, 0.5961685),
        ]
    )
    func wilson(share: Double, trials: Double, low: Double, high: Double) {
        #expect(isClose(ConfidenceInterval(share: share, trials: trials), low, high, within: 1e-6))
    }

    @Test("identical pairs of one example carry the information of a single pair")
    func clusters() throws {
        let losses = [0.5, 2, 1.25, 0.75, 3]
        let (once, thrice) = (report(losses.map { [$0] }), report(losses.map { [$0, $0, $0] }))
        for name in ["loss", "rewards/accuracies"] {
            let (a, b) = (try interval(name, once), try interval(name, thrice))
            #expect(isClose(b, a.low, a.high) && a.low < a.high)
        }
        // As independent examples the same pairs carry more information.
        let apart = try interval("loss", report((losses + losses + losses).map { [$0] }))
        #expect(try apart.high - apart.low < 0.7 * (interval("loss", thrice).high - interval("loss", thrice).low))
    }

    @Test("examples are weighted by their pairs, with the variance of the jackknife")
    func jackknife() throws {
        let rows = [[1.0, 2, 3], [0.5], [4, 4], [2], [0.25, 1, 0.5, 3]]
        let all = rows.joined().reduce(0, +) / 11
        let without = rows.indices.map { left in
            let rest = rows.enumerated().filter { $0.offset != left }.flatMap(\.element)
            return rest.reduce(0, +) / Double(rest.count)
        }
        let variance = without.reduce(0) { $0 + ($1 - all) * ($1 - all) } * 4 / 5
        let reach = 1.959963984540054 * variance.squareRoot()
        #expect(try isClose(interval("loss", report(rows)), all - reach, all + reach))
    }

    @Test("an accuracy that is equal in all examples still has an interval")
    func even() throws {
        let found = try interval("rewards/accuracies", report([[0, 2], [2, 0], [0, 2]]))
        #expect(found == ConfidenceInterval(share: 0.5, trials: 6))
    }

    @Test("a loss that is not a mean over pairs has no interval; other metrics have one")
    func unknown() throws {
        let (known, unknown) = (report([[0.5], [2]]), report([[0.5], [2]], lossIsMeanOverPairs: false))
        let loss = try interval("loss", unknown)
        #expect(loss.low.isNaN && loss.high.isNaN && unknown["loss"] == 1.25)
        #expect(try interval("rewards/accuracies", unknown) == interval("rewards/accuracies", known))
    }

    @Test("one example gives no interval of a mean, and a wide one of an accuracy")
    func single() throws {
        let found = report([[0.5, 0.75]])
        #expect(try interval("loss", found).low.isNaN)
        #expect(try interval("rewards/accuracies", found) == ConfidenceInterval(share: 1, trials: 1))
    }
}
