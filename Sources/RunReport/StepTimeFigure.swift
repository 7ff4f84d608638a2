internal import Charts
internal import Reporting

/// Where the time of a step goes, stacked: over the steps of one run, or as a column for each of several.
struct StepTimeFigure {
    private static let parts = Metric.parts
    private static let title = "Where the time of a step goes"
    private static let axis = "seconds per step"
    /// The most groups of steps along the axis.
    private static let mostGroups = 80

    private let runs: [RecordedRun]

    init(_ runs: [RecordedRun]) {
        self.runs = runs.filter { $0.steps.contains(.stepSeconds) }
    }

    /// The figure, if any run records times.
    var all: [Figure] {
        guard !runs.isEmpty else { return [] }
        return [runs.count == 1 && runs[0].steps.count > 1 ? areas(runs[0]) : columns]
    }

    private static var styles: [Style] { parts.indices.map { .area($0) } + [.rest] }

    /// The parts with the rest, in the order in which they are stacked.
    private static var legend: [Figure.Key] {
        zip(styles, parts.map(\.name) + ["rest"]).map { Figure.Key($0, .area, $1) }
    }

    private func figure(_ plot: Plot, label: String, order: String) -> Figure {
        Figure(
            title: Self.title,
            legend: Self.legend,
            plot: plot.svg(label: label),
            note: "Of rank 0, in the order of the legend \(order)."
        )
    }

    // MARK: One run

    private func areas(_ run: RecordedRun) -> Figure {
        let values = Self.parts.map { run.perStep($0) }
        let totals = run.perStep(.stepSeconds)
        let groups = Curve.ranges(of: run.steps.count, most: Self.mostGroups, groups: Self.mostGroups)
        let places = groups.map {
            (Double(run.steps.steps[$0.lowerBound]) + Double(run.steps.steps[$0.upperBound - 1])) / 2
        }
        let stacks = groups.map { group in
            Self.stack(values.map { Self.mean($0[group]) }, total: Self.mean(totals[group]))
        }
        let tops = stacks.map { $0.last ?? 0 }
        let y = Axis.fitting(Self.axis, tops, within: 0 ... .infinity, including: [0])
        var plot = Plot(x: CurveFigure.stepAxis(places), y: y)
        for (index, style) in Self.styles.enumerated() {
            let layer = zip(places, stacks).map { ($0, index == 0 ? 0 : $1[index - 1], $1[index]) }
            plot.band(layer, style, isSolid: true)
        }
        return figure(plot, label: "\(Self.title). \(Self.description(run))", order: "from the bottom")
    }

    // MARK: Several runs

    private var columns: Figure {
        let stacks = runs.map { Self.stack($0) }
        let most = Int(Plot.innerWidth / Double(runs.count) / 7.5)
        let ticks = runs.enumerated().map { index, run in
            let isShort = run.name.count <= most
            return Tick(Double(index), isShort ? run.name : "…" + run.name.suffix(max(1, most - 1)))
        }
        let tops = stacks.map { $0.last ?? 0 }
        var plot = Plot(
            x: Axis("run", -0.6...Double(runs.count) - 0.4, ticks: ticks),
            y: .fitting(Self.axis, tops, within: 0 ... .infinity, including: [0])
        )
        let width = min(64, 0.6 * Plot.innerWidth / Double(runs.count))
        for (place, stack) in stacks.enumerated() {
            for (index, style) in Self.styles.enumerated() {
                let low = index == 0 ? 0 : stack[index - 1]
                guard stack[index] > low else { continue }
                plot.column(Double(place), width: width, from: low, to: stack[index], style)
            }
        }
        let label = runs.map { "\($0.name): \(Self.description($0))" }.joined(separator: ". ")
        return figure(plot, label: "\(Self.title). \(label)", order: "from the bottom")
    }

    // MARK: Values

    /// The upper ends of the parts and of the rest, laid on top of each other; times that are not finite count as 0.
    private static func stack(_ parts: [Double], total: Double) -> [Double] {
        var ends: [Double] = []
        for part in parts { ends.append((ends.last ?? 0) + (part.isFinite ? max(0, part) : 0)) }
        let end = ends.last ?? 0
        return ends + [total.isFinite ? max(end, total) : end]
    }

    /// The means over all steps of a run.
    private static func stack(_ run: RecordedRun) -> [Double] {
        let count = max(1, run.stepCounts.reduce(0) { $0 + Double($1) })
        return stack(parts.map { (run.sum($0) ?? 0) / count }, total: (run.sum(.stepSeconds) ?? 0) / count)
    }

    private static func mean(_ values: ArraySlice<Double>) -> Double {
        let finite = values.filter(\.isFinite)
        return finite.reduce(0, +) / Double(finite.count)
    }

    private static func description(_ run: RecordedRun) -> String {
        let ends = stack(run)
        let sizes = zip(ends, [0] + ends).map { $0 - $1 }
        return zip(parts.map(\.name) + ["rest"], sizes).map { "\($0) \(legible($1))" }.joined(separator: ", ")
            + " seconds per step"
    }
}
