internal import Foundation

/// An axis: the values that it covers, its scale, and its ticks.
package struct Axis: Sendable {
    /// How values are placed.
    package enum Scale: Sendable {
        case linear, logarithmic
    }

    package let title: String
    package let range: ClosedRange<Double>
    package let scale: Scale
    package let ticks: [Tick]

    /// An axis of a range; from 0 to 1, or from 1 to 10, if it cannot be drawn, since it has no finite width.
    ///
    /// - Parameters:
    ///   - range: On a logarithmic axis of values above 0.
    ///   - ticks: Those within the range are drawn; nil for those that suit it.
    package init(
        _ title: String,
        _ range: ClosedRange<Double>,
        scale: Scale = .linear,
        ticks: [Tick]? = nil,
        unit: String = ""
    ) {
        let isLinear = scale == .linear
        let (low, high) = (range.lowerBound, range.upperBound)
        let width = isLinear ? high - low : log2(high) - log2(low)
        let range = width > 0 && width.isFinite ? range : isLinear ? 0...1 : 1...10
        (self.title, self.range, self.scale) = (title, range, scale)
        let suited = isLinear ? Tick.linear(range, unit: unit) : Tick.logarithmic(range, unit: unit)
        self.ticks = (ticks ?? suited).filter { range.contains($0.value) }
    }

    /// An axis that shows all finite values among these, with a margin.
    ///
    /// Values of one size have an axis around them. Without values it covers 0 to 1.
    ///
    /// - Parameters:
    ///   - bounds: Limits of what the axis shows beyond the values: its ends are not moved past them by the margin.
    ///   - included: Values that the axis shows in any case.
    package static func fitting(
        _ title: String,
        _ values: [Double],
        scale: Scale = .linear,
        within bounds: ClosedRange<Double> = -.infinity ... .infinity,
        including included: [Double] = [],
        unit: String = ""
    ) -> Axis {
        let shown = (values + included).filter { $0.isFinite && (scale == .linear || $0 > 0) }
        guard let low = shown.min(), let high = shown.max() else { return Axis(title, 0...1, unit: unit) }
        guard scale == .linear else {
            let range = low / 1.15...max(high, 1.5 * low) * 1.15
            return Axis(title, range, scale: .logarithmic, unit: unit)
        }
        let size = max(abs(low), abs(high))
        let isConstant = high - low <= 1e-9 * size
        let margin = isConstant ? (size > 0 ? size / 2 : 0.5) : (high - low) * 0.05
        let start = max(low - margin, min(bounds.lowerBound, low))
        let end = min(high + margin, max(bounds.upperBound, high))
        return Axis(title, start < end ? start...end : start - margin...end + margin, unit: unit)
    }
}

/// Where an axis is in a drawing.
struct Placement {
    private let scale: Axis.Scale
    private let low: Double
    private let high: Double
    /// The ends of the axis, in units of the drawing.
    let start: Double
    let end: Double

    init(_ axis: Axis, from start: Double, to end: Double) {
        (scale, self.start, self.end) = (axis.scale, start, end)
        low = axis.scale == .linear ? axis.range.lowerBound : log2(axis.range.lowerBound)
        high = axis.scale == .linear ? axis.range.upperBound : log2(axis.range.upperBound)
    }

    /// The position of a value, in units of the drawing; not finite for one that the axis cannot show.
    func callAsFunction(_ value: Double) -> Double {
        let scaled = scale == .linear ? value : value > 0 ? log2(value) : .nan
        return start + (scaled - low) / (high - low) * (end - start)
    }
}
