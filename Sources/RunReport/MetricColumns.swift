internal import Formats

/// The numbers of some lines of `metrics.jsonl`: the step of each, and a column for each metric that occurs.
///
/// Memory is bounded by some tens of times the lines, since only known metrics have a column.
struct MetricColumns {
    private(set) var steps: [Int] = []
    private var columns: [String: [Double]] = [:]

    /// Values beyond this size cannot be drawn, and count as not finite; those below its reciprocal count as 0.
    private static let largest = 1e150

    var count: Int { steps.count }

    /// Whether any line has a metric.
    func contains(_ metric: Metric) -> Bool { columns[metric.key] != nil }

    /// The values of a metric line by line, scaled; NaN where a line has none, or one that is not finite.
    subscript(metric: Metric) -> [Double] {
        let values = column(metric.key)
        return metric.scale == 1 ? values : values.map { $0 * metric.scale }
    }

    /// The ends of a metric's confidence interval line by line, scaled; NaN where a line has none.
    func interval(_ metric: Metric) -> [(low: Double, high: Double)] {
        zip(column(metric.key + Self.low), column(metric.key + Self.high)).map {
            ($0 * metric.scale, $1 * metric.scale)
        }
    }

    /// Adds a line.
    ///
    /// - Parameter prefix: What the keys of metrics begin with in the record.
    mutating func append(_ metrics: [Metric], of record: [String: JSONValue], prefix: String = "", step: Int) {
        for metric in metrics {
            guard let value = record[prefix + metric.key] else { continue }
            set(metric.key, Self.number(value))
            guard let interval = record[prefix + metric.key + "_ci"]?.array, interval.count == 2 else { continue }
            set(metric.key + Self.low, Self.number(interval[0]))
            set(metric.key + Self.high, Self.number(interval[1]))
        }
        steps.append(step)
    }

    private static let (low, high) = (" low", " high")

    private func column(_ key: String) -> [Double] {
        let values = columns[key] ?? []
        return values + Array(repeating: .nan, count: count - values.count)
    }

    /// Sets a value of the line that is added, after those of earlier lines, some of which may lack it.
    private mutating func set(_ key: String, _ value: Double) {
        let count = count
        func add(to column: inout [Double]) {
            while column.count < count { column.append(.nan) }
            column.append(value)
        }
        add(to: &columns[key, default: []])
    }

    private static func number(_ value: JSONValue) -> Double {
        guard let number = value.double, abs(number) < largest else { return .nan }
        return abs(number) > 1 / largest ? number : 0
    }
}
