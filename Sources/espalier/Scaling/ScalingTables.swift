internal import Formats
internal import Reporting
internal import ScalingStudy

/// A table of results, for the terminal and the web page.
struct ScalingTable {
    let title: String
    let columns: [(name: String, width: Int)]
    let rows: [[String]]
    /// The meaning of the columns.
    let legend: [String]

    /// The table as lines of at most 100 columns.
    var lines: [String] {
        let texts = [columns.map(\.name)] + rows
        return [title] + texts.map { zip($0, columns).map { aligned($0, $1.width) }.joined() } + legend
    }
}

/// The tables of a report.
struct ScalingTables {
    private let report: ScalingReport

    init(_ report: ScalingReport) {
        self.report = report
    }

    /// All tables for which there is data.
    var all: [ScalingTable] { [throughput, parts] + [forecast, validation].compactMap { $0 } }

    /// The description of what was run, as names and texts.
    var subject: [(name: String, text: String)] {
        let (study, subject) = (report.study, report.study.subject)
        let million = rounded(Double(subject.parameters) / 1e6, 1)
        let rows = counted(study.rows, "example") + (study.mode == .weak ? " per rank" : " per step")
        let steps = study.runs.map(\.steps.count).max() ?? 0
        // The study may come from an untrusted file.
        let (model, data, sharing) = (
            subject.model.printable(), subject.data.printable(), subject.sharing.printable()
        )
        return [
            ("model", "\(model), \(million) million parameters"),
            ("data", "\(data), sharing \(sharing), packed sequences of at most \(subject.rowTokens) tokens"),
            ("scaling", "\(study.mode.rawValue): \(rows), \(counted(subject.threads, "thread")) per rank"),
            ("runs", "\(counted(study.turns, "turn")) of \(counted(steps, "step")) per number of ranks"),
        ]
    }

    // MARK: Measured

    private var throughput: ScalingTable {
        let digits = decimals(forSeconds: report.points.map(\.seconds.median).min() ?? 1)
        return ScalingTable(
            title: "measured",
            columns: [
                ("ranks", 5), ("pairs", 7), ("seconds", 18), ("pairs/s", 9), ("tokens/s", 10), ("speed-up", 17),
                ("efficiency %", 18), ("Karp–Flatt", 12),
            ],
            rows: report.points.map { point in
                [
                    "\(point.ranks)",
                    "\(point.pairs)",
                    medianAndRange(point.seconds, digits),
                    rounded(point.pairsPerSecond.median, 2),
                    rounded(point.tokensPerSecond.median, 0),
                    medianAndRange(point.speedup, 2),
                    medianAndRange(point.efficiency, scale: 100, 1),
                    point.karpFlatt.map { rounded($0.median, 3) } ?? "–",
                ]
            },
            legend: [
                "medians over turns of medians over steps, with minimum–maximum over turns; pairs and seconds:",
                "per step; speed-up in useful FLOP/s; Karp–Flatt: the serial fraction that would explain it",
            ]
        )
    }

    private var parts: ScalingTable {
        let digits = max(2, decimals(forSeconds: report.points.map(\.seconds.median).min() ?? 1))
        func seconds(_ statistics: SummaryStatistics) -> String { rounded(statistics.median, digits) }
        return ScalingTable(
            title: "parts of a step in seconds, balance and rates",
            columns: [
                ("ranks", 5), ("compute", 10), ("waiting", 9), ("exposed", 9), ("rest", 8), ("comm.", 9),
                ("planned", 9), ("measured", 10), ("GB/s", 8), ("mfu %", 8), ("GFLOP/s", 9),
            ],
            rows: report.points.map { point in
                [
                    "\(point.ranks)",
                    seconds(point.compute),
                    seconds(point.waiting),
                    seconds(point.exposed),
                    seconds(point.rest),
                    seconds(point.communication),
                    rounded(point.plannedImbalance.median, 3),
                    rounded(point.measuredImbalance.median, 3),
                    point.busBandwidth.map { rounded($0.median / 1e9, 2) } ?? "–",
                    rounded(100 * point.utilization.median, 1),
                    rounded(point.peakGflops.median, 0),
                ]
            },
            legend: [
                "compute, waiting: means over ranks; exposed: communication (comm.) that is not overlapped;",
                "planned, measured: work and time of the slowest rank over the mean; GB/s: bus bandwidth, 2(P-1)/P",
                "of the gradient bytes over comm.; GFLOP/s: peak of a rank",
            ] + disturbance
        )
    }

    /// A warning if the peak of a rank depends on the number of ranks: efficiency and predictions then reflect the machine.
    private var disturbance: [String] {
        let peaks = report.points.map(\.peakGflops.median)
        guard let highest = peaks.max(), let lowest = peaks.min(), lowest < 0.85 * highest else { return [] }
        return [
            "warning: the peak of a rank differs, \(rounded(lowest, 0)) to \(rounded(highest, 0)) GFLOP/s: other "
                + "programs, turbo, or shared cores;",
            "efficiency and predictions reflect that more than communication; repeat on a quiet machine",
        ]
    }

    // MARK: Predicted

    private var forecast: ScalingTable? {
        guard let forecast = report.forecast, forecast.points.count > 1 else { return nil }
        let (network, model) = (forecast.allReduce.network, forecast.model)
        let perNode = forecast.allReduce.ranksPerNode
        let digits = max(2, decimals(forSeconds: forecast.points.map(\.parts.total).min() ?? 1))
        let rate = network.bandwidth.isFinite ? "\(rounded(network.bandwidth * 8e-9, 1)) Gbit/s" : "unlimited bandwidth"
        return ScalingTable(
            title: "predicted on \(network.name): \(rounded(network.latency * 1e6, 1)) µs and \(rate), "
                + "\(counted(perNode, "rank")) per node",
            columns: [
                ("nodes", 6), ("pairs", 9), ("seconds", 9), ("waiting", 9), ("comm.", 9), ("exposed", 9),
                ("efficiency %", 19), ("by", 13), ("pairs for 95 %", 16),
            ],
            rows: forecast.points.map { point in
                [
                    "\(point.nodes)",
                    "\(point.pairs)",
                    rounded(point.parts.total, digits),
                    rounded(point.parts.waiting, digits),
                    rounded(point.parts.communication, digits),
                    rounded(point.parts.exposed, digits),
                    "\(percent(point.efficiency)) \(percent(point.low))–\(percent(point.high))",
                    point.nodes > 1 || perNode > 1 ? point.algorithm.rawValue : "–",
                    point.sufficientPairs.map { "\($0)" } ?? "none",
                ]
            },
            legend: [
                "efficiency relative to independent nodes, with 90 % bootstrap interval; pairs: per step; speed of",
                "ranks varies by \(percent(model.spread)) %, planned load imbalance is "
                    + "\(rounded(model.plannedImbalance, 3)), \(percent(model.overlap)) % of comm. is overlapped",
            ]
        )
    }

    private var validation: ScalingTable? {
        guard let validation = report.validation else { return nil }
        let digits = decimals(forSeconds: validation.points.map(\.measured.median).min() ?? 1)
        return ScalingTable(
            title: "prediction compared with another study: error at most \(percent(validation.worst)) %",
            columns: [("ranks", 6), ("measured", 20), ("predicted", 12), ("error %", 10)],
            rows: validation.points.map { point in
                [
                    "\(point.ranks)", medianAndRange(point.measured, digits), rounded(point.predicted, digits),
                    percent(point.error),
                ]
            },
            legend: ["seconds per step"]
        )
    }

    private func percent(_ share: Double) -> String { rounded(100 * share, 1) }
}

/// The summary that `espalier scaling` prints.
struct ScalingSummary {
    let text: String

    init(_ report: ScalingReport) {
        let tables = ScalingTables(report)
        let heading = tables.subject.map { padded($0.name, 9) + $0.text }
        text = ([heading] + tables.all.map(\.lines)).map { $0.joined(separator: "\n") }.joined(separator: "\n\n")
    }
}

extension ScalingReport {
    /// The results as comma-separated values: one line per number of ranks, then one per predicted number of nodes.
    var csv: String {
        func marked(_ kind: String, _ record: MetricsRecord) -> MetricsRecord {
            var marked = MetricsRecord()
            marked.add("kind", kind)
            marked.add(contentsOf: record)
            return marked
        }
        let measured = points.map { marked("measured", $0.record) }
        return MetricsRecord.csv(measured + (forecast?.points ?? []).map { marked("foretold", $0.record) })
    }
}
