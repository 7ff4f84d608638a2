internal import Reporting
internal import ScalingStudy

/// The plots of a study.
struct ScalingPlots {
    /// A plot with title and legend.
    struct Figure {
        let title: String
        /// The entries of the legend, as a style and a text.
        let legend: [(style: String, text: String)]
        let svg: String
    }

    private let report: ScalingReport
    private let points: [ScalingPoint]

    init(_ report: ScalingReport) {
        (self.report, points) = (report, report.points)
    }

    /// All figures for which there is data.
    var all: [Figure] { [speedup, efficiency, parts] + (forecast.map { [$0] } ?? []) }

    // MARK: Measured

    private var speedup: Figure {
        let fewest = points.first.map { Double($0.ranks) } ?? 1
        let most = max(points.last.map { Double($0.ranks) } ?? 1, 2 * fewest)
        let low = min(fewest, points.map(\.speedup.minimum).min() ?? fewest)
        let high = max(most, points.map(\.speedup.maximum).max() ?? most)
        var plot = Plot(x: fewest / 1.2...most * 1.2, y: low / 1.2...high * 1.2, isLogarithmic: (true, true))
        plot.markY(powers(from: low, to: high), title: "speed-up")
        plot.markX(rankTicks, title: "ranks")
        plot.curve([(fewest, fewest), (most, most)], "ideal")
        plot.curve(points.map { (Double($0.ranks), $0.speedup.median) }, "line a")
        for point in points { plot.point(Double(point.ranks), point.speedup, "a") }
        return Figure(
            title: "Speed-up",
            legend: [("a", "measured, with minimum and maximum"), ("ideal", "linear")],
            svg: plot.svg(label: "Speed-up: " + described { "\(rounded($0.speedup.median, 2)) times" })
        )
    }

    private var efficiency: Figure {
        let fewest = points.first.map { Double($0.ranks) } ?? 1
        let most = max(points.last.map { Double($0.ranks) } ?? 1, 2 * fewest)
        let range = percentRange(points.map(\.efficiency))
        var plot = Plot(x: fewest / 1.2...most * 1.2, y: range, isLogarithmic: (true, false))
        plot.markY(ticks(range).map { ($0, "\(rounded($0, 0)) %") }, title: "efficiency")
        plot.markX(rankTicks, title: "ranks")
        plot.curve([(fewest, 100), (most, 100)], "ideal")
        plot.curve(points.map { (Double($0.ranks), 100 * $0.efficiency.median) }, "line a")
        for point in points { plot.point(Double(point.ranks), point.efficiency, scale: 100, "a") }
        return Figure(
            title: "Efficiency",
            legend: [("a", "measured, with minimum and maximum"), ("ideal", "100 %")],
            svg: plot.svg(label: "Efficiency: " + described { "\(rounded(100 * $0.efficiency.median, 1)) percent" })
        )
    }

    private var parts: Figure {
        let names = ["compute", "waiting for the slowest", "exposed communication", "plan, update and the rest"]
        let styles = ["a", "b", "c", "d"]
        func values(_ point: ScalingPoint) -> [Double] {
            [point.compute, point.waiting, point.exposed, point.rest].map(\.median)
        }
        let tops = points.map { max($0.seconds.maximum, values($0).reduce(0, +)) }
        let high = 1.1 * (tops.max() ?? 1)
        var plot = Plot(x: -0.6...Double(points.count) - 0.4, y: 0...high)
        let decimals = high < 1 ? 2 : high < 10 ? 1 : 0
        plot.markY(ticks(0...high).map { ($0, rounded($0, decimals)) }, title: "seconds per step")
        let columns = points.enumerated().map { (Double($0.offset), "\($0.element.ranks)") }
        plot.markX(columns, title: "ranks")
        let width = min(64, 260 / Double(max(points.count, 1)))
        for (index, point) in points.enumerated() {
            var low = 0.0
            for (value, style) in zip(values(point), styles) where value > 0 {
                plot.column(Double(index), width: width, from: low, to: low + value, style)
                low += value
            }
            plot.errorBar(Double(index), point.seconds, "ink")
        }
        return Figure(
            title: "Where the time of a step goes",
            legend: Array(zip(styles, names)),
            svg: plot.svg(label: "Seconds per step: " + described { rounded($0.seconds.median, 3) })
        )
    }

    // MARK: Predicted

    private var forecast: Figure? {
        guard let forecast = report.forecast, let last = forecast.points.last, last.nodes > 1 else { return nil }
        let perNode = forecast.allReduce.ranksPerNode
        let measured = points.filter { $0.ranks % perNode == 0 && $0.ranks / perNode <= last.nodes }
        let bands = forecast.points.map { SummaryStatistics([$0.low, $0.efficiency, $0.high]) }
        let range = percentRange(bands + measured.map(\.efficiency))
        var plot = Plot(x: 1 / 1.2...Double(last.nodes) * 1.2, y: range, isLogarithmic: (true, false))
        plot.markY(ticks(range).map { ($0, "\(rounded($0, 0)) %") }, title: "efficiency")
        plot.markX(powers(from: 1, to: Double(last.nodes)), title: "nodes")
        let target = 100 * ScalingForecast.target
        if range.contains(target) { plot.curve([(1, target), (Double(last.nodes), target)], "ideal") }
        plot.band(forecast.points.map { (Double($0.nodes), 100 * $0.low, 100 * $0.high) }, "band")
        plot.curve(forecast.points.map { (Double($0.nodes), 100 * $0.efficiency) }, "line b")
        for point in measured { plot.point(Double(point.ranks / perNode), point.efficiency, scale: 100, "a") }
        let text = forecast.points.map { "\($0.nodes) nodes \(rounded(100 * $0.efficiency, 1)) percent" }
        return Figure(
            title: "Predicted efficiency on \(forecast.allReduce.network.name)",
            legend: [
                ("b", "predicted, with 90 % interval"), ("a", "measured"), ("ideal", "\(rounded(target, 0)) %"),
            ],
            svg: plot.svg(label: "Predicted efficiency: " + text.joined(separator: ", "))
        )
    }

    // MARK: Ticks

    private var rankTicks: [(value: Double, text: String)] { points.map { (Double($0.ranks), "\($0.ranks)") } }

    /// The powers of two between two values, every other one if there are many.
    private func powers(from low: Double, to high: Double) -> [(value: Double, text: String)] {
        let all = (-8...20).map { Double(sign: .plus, exponent: $0, significand: 1) }.filter { low <= $0 && $0 <= high }
        let kept = all.count > 7 ? all.enumerated().filter { $0.offset % 2 == 0 }.map(\.element) : all
        return kept.map { ($0, rounded($0, $0 < 1 ? 2 : 0)) }
    }

    /// The axis range in percent that contains these fractions and 100, in multiples of ten.
    private func percentRange(_ fractions: [SummaryStatistics]) -> ClosedRange<Double> {
        let low = 100 * (fractions.map(\.minimum).min() ?? 1)
        let high = 100 * (fractions.map(\.maximum).max() ?? 1)
        return max(0, ((low - 5) / 10).rounded(.down) * 10)...max(105, ((high + 5) / 10).rounded(.up) * 10)
    }

    private func described(_ value: (ScalingPoint) -> String) -> String {
        points.map { "\(counted($0.ranks, "rank")) \(value($0))" }.joined(separator: ", ")
    }
}
