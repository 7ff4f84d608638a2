internal import Charts
internal import Reporting

/// Curves of metrics over steps, with evaluations as points.
struct CurveFigure {
    /// A curve with its evaluations.
    private struct Series {
        let name: String
        let metric: Metric
        let style: Style
        /// The style of the evaluations.
        let pointStyle: Style
        let curve: Curve
        let evaluations: [(x: Double, y: Double, low: Double, high: Double)]
        let rollbacks: [Double]

        var isEmpty: Bool { !curve.points.contains { $0.y.isFinite } && evaluations.isEmpty }

        /// All values that are drawn.
        func values(withSpread: Bool) -> [Double] {
            let drawn = withSpread ? curve.extremes : (curve.smoothed ?? curve.points).map(\.y)
            return drawn + evaluations.flatMap { [$0.y, $0.low, $0.high] }
        }
    }

    /// The most evaluations of a curve that are drawn.
    static let mostEvaluations = 60

    private let title: String
    private let axis: String
    private let series: [Series]
    private let note: String?
    /// Whether the spread of noisy values around their means is drawn, which would hide other runs.
    private let showsSpread: Bool

    /// The metrics of a chart, of one run.
    init(_ chart: RunCharts.Chart, of run: RecordedRun) {
        (title, axis, note) = (chart.title, chart.axis, nil)
        let isSingle = chart.metrics.count == 1
        series = chart.metrics.enumerated().map { index, metric in
            let points = Style.series(isSingle ? 1 : index)
            return Self.series(metric, of: run, name: metric.name, .series(index), points: points)
        }
        showsSpread = true
    }

    /// One metric of a chart, of several runs.
    init(_ chart: RunCharts.Chart, _ metric: Metric, of runs: [RecordedRun], _ comparison: RunComparison) {
        title = chart.metrics.count > 1 ? "\(chart.title): \(metric.name)" : chart.title
        (axis, note) = (chart.axis, comparison.obstacle(to: metric))
        series = runs.enumerated().map { index, run in
            Self.series(metric, of: run, name: run.name, .series(index), points: .series(index))
        }
        showsSpread = false
    }

    private static func series(
        _ metric: Metric,
        of run: RecordedRun,
        name: String,
        _ style: Style,
        points: Style
    ) -> Series {
        let (values, intervals) = (run.evaluations[metric], run.evaluations.interval(metric))
        let shown = values.indices.filter { values[$0].isFinite }
        let evaluations = Curve.evenly(shown.count, most: mostEvaluations).map { place in
            let index = shown[place]
            let x = Double(run.evaluations.steps[index])
            return (x: x, y: values[index], low: intervals[index].low, high: intervals[index].high)
        }
        return Series(
            name: name,
            metric: metric,
            style: style,
            pointStyle: points,
            curve: Curve(steps: run.steps.steps, values: run.values(of: metric)),
            evaluations: evaluations,
            rollbacks: run.rollbacks.map { Double($0.step) }
        )
    }

    // MARK: Drawing

    /// The figure; nil without a value.
    var figure: Figure? {
        let drawn = series.filter { !$0.isEmpty }
        guard let metric = drawn.first?.metric else { return nil }
        let values = drawn.flatMap { $0.values(withSpread: showsSpread) }
        let isLogarithmic = metric.maySpike && Self.hasSpikes(values)
        let y = Axis.fitting(
            axis,
            values,
            scale: isLogarithmic ? .logarithmic : .linear,
            within: metric.bounds,
            unit: metric.unit
        )
        var plot = Plot(x: Self.stepAxis(drawn.flatMap { $0.curve.points.map(\.x) + $0.evaluations.map(\.x) }), y: y)
        for one in drawn { draw(one, in: &plot) }
        let notes = [note, isLogarithmic ? "Logarithmic axis." : nil].compactMap { $0 }
        return Figure(
            title: title,
            legend: legend(drawn),
            plot: plot.svg(label: "\(title). " + drawn.map(description).joined(separator: ". ")),
            note: notes.isEmpty ? nil : notes.joined(separator: " ")
        )
    }

    /// The axis of steps.
    static func stepAxis(_ steps: [Double]) -> Axis {
        let fitted = Axis.fitting("step", steps, within: 0 ... .infinity)
        guard let low = steps.min(), let high = steps.max(), low < high else {
            return Axis("step", fitted.range, ticks: steps.first.map { [Tick($0, whole($0))] } ?? [])
        }
        // Without a margin: a curve begins and ends at the ends of its axis.
        return Axis("step", low...high, ticks: Tick.whole(low...high, count: 6))
    }

    /// Whether a few values would flatten all others on a linear axis.
    private static func hasSpikes(_ values: [Double]) -> Bool {
        let sorted = values.filter(\.isFinite).sorted()
        guard let low = sorted.first, let high = sorted.last, low > 0 else { return false }
        return high > 20 * sorted[sorted.count / 2]
    }

    private func draw(_ series: Series, in plot: inout Plot) {
        for step in series.rollbacks.suffix(20) { plot.rule(at: step, series.style) }
        let curve = series.curve
        if showsSpread, !curve.band.isEmpty { plot.band(curve.band, series.style) }
        if let smoothed = curve.smoothed {
            if showsSpread, curve.band.isEmpty { plot.curve(curve.points, series.style, .faint) }
            plot.curve(smoothed, series.style)
        } else {
            plot.curve(curve.points, series.style)
        }
        for point in series.evaluations {
            plot.errorBar(point.x, from: point.low, to: point.high, series.pointStyle)
            let interval = point.low.isFinite ? " [\(text(point.low, series)), \(text(point.high, series))]" : ""
            let title = "held-out \(series.name), step \(whole(point.x)): \(text(point.y, series))\(interval)"
            plot.point((point.x, point.y), series.pointStyle, title: title)
        }
    }

    private func legend(_ series: [Series]) -> [Figure.Key] {
        let lines = series.filter { one in one.curve.points.contains { $0.y.isFinite } }
        let evaluated = series.filter { !$0.evaluations.isEmpty }
        let hasIntervals = evaluated.contains { one in one.evaluations.contains { $0.low.isFinite } }
        let suffix = hasIntervals ? ", with 95 % interval" : ""
        let keys = lines.map { Figure.Key($0.style, .line, $0.name) }
        guard showsSpread else {
            // The points of a run have its colour.
            let points = Figure.Key(.ink, .point, "held-out\(suffix)")
            return (keys.isEmpty ? evaluated.map { Figure.Key($0.style, .point, $0.name) } : keys)
                + (evaluated.isEmpty ? [] : [points])
        }
        let points = evaluated.map { Figure.Key($0.pointStyle, .point, "held-out \($0.name)\(suffix)") }
        // The title says enough about a single curve.
        return keys.count + points.count > 1 || keys.isEmpty ? keys + points : []
    }

    /// The curve in words.
    private func description(_ series: Series) -> String {
        let finite = series.curve.points.filter(\.y.isFinite)
        var parts: [String] = []
        if let first = finite.first, let last = finite.last {
            let (low, high) = (finite.map(\.y).min() ?? .nan, finite.map(\.y).max() ?? .nan)
            parts.append(
                "from \(text(first.y, series)) at step \(whole(first.x)) to \(text(last.y, series)) at step \(whole(last.x)), "
                    + "between \(text(low, series)) and \(text(high, series))"
            )
        }
        if let last = series.evaluations.last {
            parts.append("held-out \(text(last.y, series)) at step \(whole(last.x))")
        }
        return "\(series.name): \(parts.joined(separator: "; "))"
    }

    private func text(_ value: Double, _ series: Series) -> String { legible(value, unit: series.metric.unit) }
}

extension RecordedRun {
    /// The values of a metric line by line, also of those that are computed from others.
    func values(of metric: Metric) -> [Double] {
        guard metric.key == Metric.savedTokens.key else { return steps[metric] }
        return zip(steps[.tokensComputed], steps[.tokensUnshared]).map { metric.scale * (1 - $0 / $1) }
    }
}
