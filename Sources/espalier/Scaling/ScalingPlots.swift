internal import Charts
internal import Reporting
internal import ScalingStudy

/// The plots of a study.
struct ScalingPlots {
    private static let (measured, predicted) = (Style.series(0), Style.area(1))

    private let report: ScalingReport
    private let points: [ScalingPoint]

    init(_ report: ScalingReport) {
        (self.report, points) = (report, report.points)
    }

    /// All figures for which there is data.
    var all: [Figure] { [speedup, efficiency, parts] + (forecast.map { [$0] } ?? []) }

    // MARK: Measured

    /// The fewest ranks, and the most, or twice the fewest if there is only one number.
    private var rankRange: (fewest: Double, most: Double) {
        let fewest = points.first.map { Double($0.ranks) } ?? 1
        return (fewest, max(points.last.map { Double($0.ranks) } ?? 1, 2 * fewest))
    }

    private var rankAxis: Axis {
        let (fewest, most) = rankRange
        let ticks = points.map { Tick(Double($0.ranks), "\($0.ranks)") }
        return Axis("ranks", fewest / 1.2...most * 1.2, scale: .logarithmic, ticks: ticks)
    }

    private var speedup: Figure {
        let (fewest, most) = rankRange
        let low = min(fewest, points.map(\.speedup.minimum).min() ?? fewest)
        let high = max(most, points.map(\.speedup.maximum).max() ?? most)
        let range = low / 1.2...high * 1.2
        let ticks = Tick.powersOfTwo(low...high)
        var plot = Plot(x: rankAxis, y: Axis("speed-up", range, scale: .logarithmic, ticks: ticks))
        plot.curve([(fewest, fewest), (most, most)], .reference)
        plot.curve(points.map { (Double($0.ranks), $0.speedup.median) }, Self.measured)
        for point in points { plot.add(point.speedup, at: Double(point.ranks), Self.measured) }
        return Figure(
            title: "Speed-up",
            legend: [
                .init(Self.measured, .point, "measured, with minimum and maximum"), .init(.reference, .line, "linear"),
            ],
            plot: plot.svg(label: "Speed-up: " + described { "\(rounded($0.speedup.median, 2)) times" })
        )
    }

    private var efficiency: Figure {
        let (fewest, most) = rankRange
        var plot = Plot(x: rankAxis, y: Axis("efficiency", percentRange(points.map(\.efficiency)), unit: " %"))
        plot.curve([(fewest, 100), (most, 100)], .reference)
        plot.curve(points.map { (Double($0.ranks), 100 * $0.efficiency.median) }, Self.measured)
        for point in points { plot.add(point.efficiency, scale: 100, at: Double(point.ranks), Self.measured) }
        return Figure(
            title: "Efficiency",
            legend: [
                .init(Self.measured, .point, "measured, with minimum and maximum"), .init(.reference, .line, "100 %"),
            ],
            plot: plot.svg(label: "Efficiency: " + described { "\(rounded(100 * $0.efficiency.median, 1)) percent" })
        )
    }

    private var parts: Figure {
        let names = ["compute", "waiting for the slowest", "exposed communication", "plan, update and the rest"]
        let styles = [Style.area(0), .area(1), .area(2), .rest]
        func values(_ point: ScalingPoint) -> [Double] {
            [point.compute, point.waiting, point.exposed, point.rest].map(\.median)
        }
        let tops = points.map { max($0.seconds.maximum, values($0).reduce(0, +)) }
        let columns = points.enumerated().map { Tick(Double($0.offset), "\($0.element.ranks)") }
        var plot = Plot(
            x: Axis("ranks", -0.6...Double(max(points.count, 1)) - 0.4, ticks: columns),
            y: .fitting("seconds per step", tops, within: 0 ... .infinity, including: [0])
        )
        let width = min(64, 260 / Double(max(points.count, 1)))
        for (index, point) in points.enumerated() {
            var low = 0.0
            for (value, style) in zip(values(point), styles) where value > 0 {
                plot.column(Double(index), width: width, from: low, to: low + value, style)
                low += value
            }
            plot.errorBar(Double(index), from: point.seconds.minimum, to: point.seconds.maximum, .ink)
        }
        return Figure(
            title: "Where the time of a step goes",
            legend: zip(styles, names).map { .init($0, .area, $1) },
            plot: plot.svg(label: "Seconds per step: " + described { rounded($0.seconds.median, 3) })
        )
    }

    // MARK: Predicted

    private var forecast: Figure? {
        guard let forecast = report.forecast, let last = forecast.points.last, last.nodes > 1 else { return nil }
        let perNode = forecast.allReduce.ranksPerNode
        let measured = points.filter { $0.ranks % perNode == 0 && $0.ranks / perNode <= last.nodes }
        let bands = forecast.points.map { SummaryStatistics([$0.low, $0.efficiency, $0.high]) }
        let range = percentRange(bands + measured.map(\.efficiency))
        let nodes = 1...Double(last.nodes)
        let ticks = Tick.powersOfTwo(nodes)
        var plot = Plot(
            x: Axis("nodes", 1 / 1.2...nodes.upperBound * 1.2, scale: .logarithmic, ticks: ticks),
            y: Axis("efficiency", range, unit: " %")
        )
        let target = 100 * ScalingForecast.target
        if range.contains(target) { plot.curve([(1, target), (nodes.upperBound, target)], .reference) }
        plot.band(forecast.points.map { (Double($0.nodes), 100 * $0.low, 100 * $0.high) }, Self.predicted)
        plot.curve(forecast.points.map { (Double($0.nodes), 100 * $0.efficiency) }, Self.predicted)
        for point in measured {
            plot.add(point.efficiency, scale: 100, at: Double(point.ranks / perNode), Self.measured)
        }
        let text = forecast.points.map { "\($0.nodes) nodes \(rounded(100 * $0.efficiency, 1)) percent" }
        return Figure(
            title: "Predicted efficiency on \(forecast.allReduce.network.name)",
            legend: [
                .init(Self.predicted, .line, "predicted"), .init(Self.predicted, .band, "90 % interval"),
                .init(Self.measured, .point, "measured"), .init(.reference, .line, "\(rounded(target, 0)) %"),
            ],
            plot: plot.svg(label: "Predicted efficiency: " + text.joined(separator: ", "))
        )
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

extension Plot {
    /// Adds a point at the median with an error bar from minimum to maximum.
    fileprivate mutating func add(_ value: SummaryStatistics, scale: Double = 1, at x: Double, _ style: Style) {
        errorBar(x, from: scale * value.minimum, to: scale * value.maximum, style)
        point((x, scale * value.median), style)
    }
}
