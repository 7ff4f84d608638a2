internal import Foundation

/// The values of a metric over steps, thinned so that a run of any length can be drawn, and smoothed if they are noisy.
struct Curve {
    /// The most values that are drawn one by one.
    static let mostPoints = 400
    /// The number of groups that more values are summarized in.
    static let groups = 200

    /// The values, or the means of groups; one that is not finite is a gap.
    let points: [(x: Double, y: Double)]
    /// Minimum and maximum of each group; empty if the values are drawn one by one.
    let band: [(x: Double, low: Double, high: Double)]
    /// Weighted means of the points around each one; nil if they are not noisy.
    let smoothed: [(x: Double, y: Double)]?

    /// - Parameter values: One for each step; those that are not finite are gaps.
    init(steps: [Int], values: [Double]) {
        precondition(steps.count == values.count, "a value for each step")
        let groups = Self.ranges(of: steps.count).map { Group(steps[$0], values[$0]) }
        let isThinned = groups.count < steps.count
        points = groups.map { ($0.x, $0.mean) }
        band = isThinned ? groups.map { ($0.x, $0.low, $0.high) } : []
        let means = groups.map(\.mean)
        smoothed = Self.isNoisy(means) ? Array(zip(groups.map(\.x), Self.smooth(means))) : nil
    }

    /// The values that an axis has to show.
    var extremes: [Double] { band.isEmpty ? points.map(\.y) : band.flatMap { [$0.low, $0.high] } }

    // MARK: Thinning

    /// Some successive values.
    private struct Group {
        /// The middle of their steps.
        let x: Double
        /// The mean of those that are finite; NaN if none is.
        let mean: Double
        let low: Double
        let high: Double

        init(_ steps: ArraySlice<Int>, _ values: ArraySlice<Double>) {
            let finite = values.filter(\.isFinite)
            x = (Double(steps.first ?? 0) + Double(steps.last ?? 0)) / 2
            mean = finite.reduce(0, +) / Double(finite.count)
            (low, high) = (finite.min() ?? .nan, finite.max() ?? .nan)
        }
    }

    /// Ranges of almost the same size that cover `count` values: of one value each if there are few of them.
    static func ranges(of count: Int, most: Int = mostPoints, groups: Int = groups) -> [Range<Int>] {
        guard count > most else { return (0..<count).map { $0..<$0 + 1 } }
        return (0..<groups).map { count * $0 / groups..<count * ($0 + 1) / groups }
    }

    /// About `most` indices of `count` elements at equal distances, with the first and the last.
    static func evenly(_ count: Int, most: Int) -> [Int] {
        guard count > most else { return Array(0..<count) }
        return (0..<most).map { $0 * (count - 1) / (most - 1) }
    }

    // MARK: Smoothing

    /// Whether a curve goes up and down so often that the eye needs help: its changes add up to several times its range.
    private static func isNoisy(_ values: [Double]) -> Bool {
        let finite = values.filter(\.isFinite)
        guard finite.count >= 20, let low = finite.min(), let high = finite.max(), high > low else { return false }
        let changes = zip(finite, finite.dropFirst()).reduce(0) { $0 + abs($1.0 - $1.1) }
        return changes > 4 * (high - low)
    }

    /// The standard deviation of the weights, in points: a fortieth of the curve.
    static func width(points count: Int) -> Double { max(1, Double(count) / 40) }

    /// Means weighted by a Gaussian, over the finite values; gaps stay.
    private static func smooth(_ values: [Double]) -> [Double] {
        let width = width(points: values.count)
        let weights = (0...Int(3 * width)).map { exp(-0.5 * pow(Double($0) / width, 2)) }
        return values.indices.map { index in
            guard values[index].isFinite else { return .nan }
            var (sum, total) = (0.0, 0.0)
            for other in max(0, index - weights.count + 1)..<min(values.count, index + weights.count)
            where values[other].isFinite {
                let weight = weights[abs(other - index)]
                (sum, total) = (sum + weight * values[other], total + weight)
            }
            return sum / total
        }
    }
}
