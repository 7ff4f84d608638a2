internal import Foundation
internal import Objectives
internal import Preferences
internal import Reporting
internal import Testing
internal import Training

/// The metrics of one step and of several combined.
struct StepReportTests {
    /// Two examples of a prompt of 3 tokens and two responses of 2 without a common prefix.
    private func plan(examples rows: [Int], shards: Int = 1) throws -> StepPlan {
        let dataset = try PreferenceDataset(
            promptIDs: [1, 2, 3, 4, 5, 6],
            promptOffsets: [0, 3, 6],
            responseIDs: Array(1...8),
            responseOffsets: [0, 2, 4, 6, 8],
            exampleOffsets: [0, 2, 4]
        )
        let cost = CostModel(bodyParameters: 5, layers: 0, heads: 0, headDimension: 0, vocabulary: 0, width: 0)
        return Planner(dataset: dataset, sharing: .prompt, rowTokens: 99, shards: shards, cost: cost).plan(
            examples: rows
        )
    }

    private func report(pairs: Int, loss: Double, norm: Double, rate: Double, plan: StepPlan) -> StepReport {
        var statistics = PreferenceStatistics()
        statistics[.pairs] = Double(pairs)
        statistics[.loss] = Double(pairs) * loss
        return StepReport(
            statistics: statistics,
            gradientNorm: norm,
            learningRate: rate,
            plan: plan,
            seconds: .init(
                total: 2,
                forward: 0.5,
                backward: 0.75,
                head: 0.25,
                waiting: 0.125,
                communication: 0.0625,
                exposedCommunication: 0.046875,
                optimizer: 0.03125,
                system: 0.015625
            ),
            ranks: RankTimes(seconds: [3, 1], costs: [2, 1])
        )
    }

    private func fields(_ record: MetricsRecord) throws -> [String: Double] {
        let object = try JSONSerialization.jsonObject(with: Data(record.line.utf8)) as? [String: Any]
        return (object ?? [:]).compactMapValues { ($0 as? NSNumber)?.doubleValue }
    }

    @Test("combined steps have the mean over their pairs, the last norm and rate, and the sums of tokens and times")
    func window() throws {
        var window = StepReport()
        window.add(report(pairs: 1, loss: 4, norm: 9, rate: 0.5, plan: try plan(examples: [0])))
        window.add(report(pairs: 3, loss: 2, norm: 7, rate: 0.25, plan: try plan(examples: [0, 1])))
        // Useful FLOPs: three times 2 * 5 for each of 7, then 14 tokens.
        #expect(window.utilization(peakRate: 100) == 3 * 10 * 21 / (4.0 * 100))
        var total = window
        total.add(report(pairs: 0, loss: 0, norm: 0, rate: 0, plan: try plan(examples: [1])))
        let found = try fields(window.record(step: 2, epoch: 0.5, total: total, sharing: .prompt, peakRate: 100))
        let expected: [String: Double] = [
            "step": 2, "epoch": 0.5, "loss": 2.5, "grad_norm": 7, "learning_rate": 0.25, "pairs_per_second": 1,
            "tokens_computed": 21, "tokens_unshared": 30, "num_tokens": 40, "mfu": 1.575, "step_seconds": 4,
            "forward_seconds": 1, "backward_seconds": 1.5, "head_seconds": 0.5, "waiting_seconds": 0.25,
            "communication_seconds": 0.125, "exposed_communication_seconds": 0.09375, "optimizer_seconds": 0.0625,
            "system_seconds": 0.03125, "imbalance": 1, "measured_imbalance": 1.5, "rewards/chosen": 0,
        ]
        for (name, value) in expected { #expect(found[name] == value, "\(name)") }
        #expect(window.pairs == 4 && total.pairs == 4)
    }

    @Test("a skipped step counts with its time and tokens, and does not change the metrics of the others")
    func skipped() throws {
        let sound = report(pairs: 2, loss: 0.5, norm: 1, rate: 1, plan: try plan(examples: [0]))
        let broken = report(pairs: 2, loss: .nan, norm: .nan, rate: 1, plan: try plan(examples: [1]))
        var window = sound
        window.add(broken.asSkipped)
        #expect(window.steps == 2 && window.skipped == 1 && window.pairs == 2)
        let found = try fields(window.record(step: 2, epoch: 1, total: window, sharing: .prompt, peakRate: 1))
        #expect(found["loss"] == 0.5 && found["grad_norm"] == nil && found["skipped_steps"] == 1)
        #expect(found["tokens_computed"] == 14 && found["step_seconds"] == 4)
        let alone = try fields(sound.record(step: 1, epoch: 1, total: sound, sharing: .prompt, peakRate: 1))
        #expect(alone["skipped_steps"] == nil)
    }

    @Test("a report that is encoded and decoded has the same bits")
    func roundTrip() throws {
        var report = report(pairs: 3, loss: 1.0 / 3, norm: 0.1, rate: 1e-7, plan: try plan(examples: [0, 1]))
        report.add(report.asSkipped)
        let found = try JSONDecoder().decode(StepReport.self, from: JSONEncoder().encode(report))
        let (a, b) = (found, report)
        let lines = [a, b].map { $0.record(step: 1, epoch: 1, total: $0, sharing: .none, peakRate: 3).line }
        #expect(lines[0] == lines[1] && found.steps == 2 && found.skipped == 1)
    }

    @Test("the imbalance is the mean over steps")
    func imbalance() throws {
        var window = StepReport()
        window.add(report(pairs: 1, loss: 1, norm: 1, rate: 1, plan: try plan(examples: [0], shards: 2)))
        window.add(report(pairs: 1, loss: 1, norm: 1, rate: 1, plan: try plan(examples: [0, 1], shards: 2)))
        let found = try fields(window.record(step: 2, epoch: 1, total: window, sharing: .prompt, peakRate: 1))
        // One example on two shards leaves one idle; two examples are balanced.
        #expect(found["imbalance"] == 1.5)
    }

    @Test("a record starts with the most important metrics, and has every metric once")
    func order() throws {
        let report = report(pairs: 2, loss: 0.5, norm: 1, rate: 1e-6, plan: try plan(examples: [0]))
        let line = report.record(step: 1, epoch: 1, total: report, sharing: .none, peakRate: 1).line
        #expect(line.hasPrefix(#"{"step": 1, "epoch": 1.0, "loss": 0.5, "grad_norm": 1.0, "learning_rate": 1e-06, "#))
        #expect(line.contains(#""sharing": "none""#))
        for (name, _) in report.statistics.metrics {
            #expect(line.components(separatedBy: "\"\(name)\": ").count == 2, "\(name)")
        }
        // No counted tokens: no entropy, and JSON has no NaN.
        #expect(line.contains(#""entropy": null"#))
    }

    @Test("the details of the progress line are short")
    func details() throws {
        let report = report(pairs: 2, loss: 0.693147, norm: 1, rate: 1, plan: try plan(examples: [0]))
        #expect(
            report.details(step: 3, of: 20, pairsPerSecond: 1.2345)
                == "step 3/20  loss 0.6931  accuracy 0.00  1.23 pairs/s"
        )
    }
}
