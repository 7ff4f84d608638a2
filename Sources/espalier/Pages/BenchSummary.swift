internal import Benchmarking
internal import Configuration
internal import Preferences
internal import Reporting
internal import SystemPackage
internal import Training

/// The summary that `espalier bench` prints.
struct BenchSummary {
    private let report: BenchmarkReport

    init(_ report: BenchmarkReport) {
        self.report = report
    }

    var text: String {
        ([heading, table, legend, gains].filter { !$0.isEmpty }.map { $0.joined(separator: "\n") } + phases).joined(
            separator: "\n\n"
        )
    }

    // MARK: Parts

    private var heading: [String] {
        let training = report.settings.training
        let memory = report.results.map(\.peakBytes).max() ?? 0
        let lines = [
            "model    \(report.model), \(rounded(Double(report.parameters) / 1e6, 1)) million parameters",
            "ranks    \(report.ranks), each \(counted(report.threads, "thread"))",
            peak,
            "steps    \(report.settings.repeats) of \(counted(training.globalBatchSize, "example")) "
                + "in packed sequences of at most \(training.rowTokens) tokens"
                + (training.gradientCheckpointing ? ", activations recomputed" : ""),
            "memory   at most \(rounded(Double(memory) / 1e9, 2)) GB per rank",
        ]
        return report.ranks > 1 ? lines + [balance] : lines
    }

    /// The rates of all ranks together.
    private var peak: String {
        let rates = report.peakRates
        let bfloat16 = rates.bfloat16.map { ", \(medianAndRange($0, scale: 1e-9, 0)) in bfloat16" } ?? ""
        return "peak     \(medianAndRange(rates.limit, scale: 1e-9, 0)) GFLOP/s in registers\(bfloat16); "
            + "OpenBLAS's products \(medianAndRange(rates.library, scale: 1e-9, 0))"
    }

    private var balance: String {
        let planned = report.results.map(\.plannedImbalance).max() ?? 1
        let measured = report.results.map(\.measuredImbalance.median).max() ?? 1
        return "balance  load imbalance (maximum over mean) at most \(rounded(planned, 3)) planned, "
            + "\(rounded(measured, 3)) measured"
    }

    private var table: [String] {
        var lines = [line("data", "sharing", ["seconds", "mfu %", "pairs/s", "tokens/s", "×", "× flop", "paper"])]
        var previous: BenchmarkSource?
        for result in report.results {
            lines.append(line(result.source == previous ? "" : name(of: result.source), result))
            previous = result.source
        }
        return lines
    }

    private var legend: [String] {
        [
            "medians, with minimum–maximum; seconds per step; mfu: useful FLOP/s over the registers' peak",
            "×: speed-up over none, median over turns; × flop: FLOPs of none over those of the mode",
            "paper: × in arXiv 2410.20305",
        ]
    }

    /// How far time follows FLOPs, if pairs were measured, and the memory of activations.
    private var gains: [String] {
        guard report.results.contains(where: { $0.gainOverPairs != nil }) else { return [] }
        let title = "data            sharing over none: ×  × flop  ratio over pairs: ×  × flop  ratio     GB"
        let lines = report.results.map { result in
            let cells =
                gain(result.gainOverNone) + gain(result.gainOverPairs) + [rounded(Double(result.packed.bytes) / 1e9, 2)]
            let name = padded(name(of: result.source), 16) + padded(result.sharing.rawValue, 8)
            return name + zip(cells, [12, 8, 7, 14, 8, 7, 7]).map { aligned($0, $1) }.joined()
        }
        let legend = [
            "ratio: gain in time over gain in FLOPs; pairs: \(report.settings.training.pairs.rawValue), each an example",
            "GB: activations of the largest packed sequence",
        ]
        return [title] + lines + legend
    }

    private func gain(_ gain: BenchmarkGain?) -> [String] {
        guard let gain else { return ["–", "–", "–"] }
        return [gain.speedup.median, gain.flopRatio, gain.ofFLOPs].map { rounded($0, 2) }
    }

    /// The table of phases of each result that was profiled.
    private var phases: [String] {
        report.results.compactMap { result in
            result.profile.map { "\(name(of: result.source)), \(result.sharing.rawValue)\n\($0.table.dropLast())" }
        }
    }

    // MARK: Lines

    private func line(_ name: String, _ result: BenchmarkResult) -> String {
        line(
            name,
            result.sharing.rawValue,
            [
                medianAndRange(result.seconds, decimals(forSeconds: result.seconds.median)),
                medianAndRange(result.mfu, scale: 100, 1),
                rounded(result.pairsPerSecond, 2),
                rounded(result.tokensComputedPerSecond, 0),
                result.speedup.map { rounded($0.median, 2) } ?? "–",
                rounded(result.flopRatio, 2),
                result.sharing == .none ? "" : result.source.paperSpeedup.map { rounded($0, 2) } ?? "",
            ]
        )
    }

    private func line(_ name: String, _ sharing: String, _ cells: [String]) -> String {
        let widths = [18, 17, 9, 9, 6, 8, 7]
        let text = padded(name, 16) + padded(sharing, 8) + zip(cells, widths).map { aligned($0, $1) }.joined()
        return String(text.reversed().drop { $0 == " " }.reversed())
    }

    /// The label of a source; a file by its name, since the JSON report has its path.
    private func name(of source: BenchmarkSource) -> String {
        guard case .file(let path) = source else { return source.label }
        return path.lastComponent?.string ?? source.label
    }
}
