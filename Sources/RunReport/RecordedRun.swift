internal import Formats

/// A run as its files record it.
package struct RecordedRun: Sendable {
    /// A return to a checkpoint after a spike.
    struct Rollback: Sendable {
        let step: Int
        let from: Int
        let loss: Double
    }

    /// A part of its path that distinguishes the run from others.
    package var name: String
    /// The lines of `metrics.jsonl` for steps.
    var steps = MetricColumns()
    /// Its lines for evaluations, where metrics have the keys of those for steps.
    var evaluations = MetricColumns()
    var rollbacks: [Rollback] = []
    /// The settings of `espalier.yaml`, in its order.
    var settings: [(key: String, text: String)] = []
    /// The members of `summary.json`, in its order; nil for a run without one, which has not finished.
    var summary: [(name: String, value: JSONValue)]?
    /// Whether the last line of `metrics.jsonl` is cut.
    var isCut = false
    /// The errors of files other than `metrics.jsonl`, which are not used.
    var faults: [String] = []

    /// The text of a setting; nil if it is not set.
    func setting(_ key: String) -> String? { settings.first { $0.key == key }?.text }

    /// A number of the summary; nil if it has none.
    func total(_ name: String) -> Double? { summary?.first { $0.name == name }?.value.double }

    /// A text of the summary; nil if it has none.
    func word(_ name: String) -> String? { summary?.first { $0.name == name }?.value.string }

    /// The last step that a line records.
    var lastStep: Int { max(steps.steps.last ?? 0, evaluations.steps.last ?? 0) }

    // MARK: Sums over lines

    /// The mean of a metric over the first or last tenth of the lines, at least one; nil without a finite value.
    func mean(_ metric: Metric, ofLast isLast: Bool) -> (value: Double, lines: Int)? {
        let values = steps[metric].filter(\.isFinite)
        guard !values.isEmpty else { return nil }
        let count = max(1, values.count / 10)
        let chosen = isLast ? values.suffix(count) : values.prefix(count)
        return (chosen.reduce(0, +) / Double(count), count)
    }

    /// The sum of a metric over all lines; nil if none has it.
    func sum(_ metric: Metric) -> Double? {
        steps.contains(metric) ? steps[metric].filter(\.isFinite).reduce(0, +) : nil
    }

    /// A metric that a line sums over the steps since the line before, per step.
    func perStep(_ metric: Metric) -> [Double] {
        zip(steps[metric], stepCounts).map { $0 / Double($1) }
    }

    /// The number of steps of each line: those since the line before.
    var stepCounts: [Int] {
        zip(steps.steps, [0] + steps.steps).map { max(1, $0 - $1) }
    }

    /// The newest value of a metric in the evaluations, with its step and its interval; nil without one.
    func newest(_ metric: Metric) -> (step: Int, value: Double, interval: (low: Double, high: Double))? {
        let values = evaluations[metric]
        guard let index = values.lastIndex(where: \.isFinite) else { return nil }
        return (evaluations.steps[index], values[index], evaluations.interval(metric)[index])
    }
}
