internal import Foundation
internal import Reporting

/// A linear or logarithmic axis.
struct Axis {
    let values: ClosedRange<Double>
    let isLogarithmic: Bool
    /// The ends of the axis, in units of the drawing.
    let start: Double
    let end: Double

    /// The position of a value, in units of the drawing.
    func callAsFunction(_ value: Double) -> Double {
        func scaled(_ value: Double) -> Double { isLogarithmic ? log2(value) : value }
        let (low, high) = (scaled(values.lowerBound), scaled(values.upperBound))
        return start + (scaled(value) - low) / (high - low) * (end - start)
    }
}

/// An SVG plot with two axes; the style sheet of the page defines the colours of the classes.
struct Plot {
    static let (width, height) = (480.0, 300.0)
    private static let (left, right, top, bottom) = (66.0, 18.0, 12.0, 42.0)

    let x: Axis
    let y: Axis
    private var shapes: [String] = []

    /// An empty plot with these ranges of values.
    init(
        x: ClosedRange<Double>,
        y: ClosedRange<Double>,
        isLogarithmic: (x: Bool, y: Bool) = (false, false)
    ) {
        self.x = Axis(values: x, isLogarithmic: isLogarithmic.x, start: Self.left, end: Self.width - Self.right)
        self.y = Axis(values: y, isLogarithmic: isLogarithmic.y, start: Self.height - Self.bottom, end: Self.top)
    }

    /// The plot as SVG, with a label for screen readers.
    func svg(label: String) -> String {
        """
        <svg viewBox="0 0 \(Int(Self.width)) \(Int(Self.height))" role="img" aria-label="\(escaped(label))">
        \(shapes.joined(separator: "\n"))
        </svg>
        """
    }

    // MARK: Axes

    /// Adds horizontal grid lines with labels at the left.
    mutating func markY(_ ticks: [(value: Double, text: String)], title: String) {
        for (value, text) in ticks {
            line((x.start, y(value)), (x.end, y(value)), "grid")
            self.text(text, at: (x.start - 7, y(value) + 4), "tick end")
        }
        let middle = (y.start + y.end) / 2
        shapes.append(
            "<text class=\"axis\" transform=\"translate(12 \(number(middle))) rotate(-90)\">\(escaped(title))</text>"
        )
    }

    /// Adds the base line with labels below.
    mutating func markX(_ ticks: [(value: Double, text: String)], title: String) {
        line((x.start, y.start), (x.end, y.start), "base")
        for (value, text) in ticks { self.text(text, at: (x(value), y.start + 17), "tick") }
        text(title, at: ((x.start + x.end) / 2, y.start + 35), "axis")
    }

    // MARK: Marks

    /// Adds a line through points.
    mutating func curve(_ points: [(Double, Double)], _ style: String) {
        let places = points.map { "\(number(x($0.0))),\(number(y($0.1)))" }
        shapes.append("<polyline class=\"\(style)\" points=\"\(places.joined(separator: " "))\"/>")
    }

    /// Adds the area between two lines.
    mutating func band(_ values: [(x: Double, low: Double, high: Double)], _ style: String) {
        let outline = values.map { ($0.x, $0.high) } + values.reversed().map { ($0.x, $0.low) }
        let places = outline.map { "\(number(x($0.0))),\(number(y($0.1)))" }
        shapes.append("<polygon class=\"\(style)\" points=\"\(places.joined(separator: " "))\"/>")
    }

    /// Adds a point at the median with an error bar from minimum to maximum.
    mutating func point(_ value: Double, _ statistics: SummaryStatistics, scale: Double = 1, _ style: String) {
        errorBar(value, statistics, scale: scale, style)
        let (cx, cy) = (number(x(value)), number(y(scale * statistics.median)))
        shapes.append("<circle class=\"\(style)\" cx=\"\(cx)\" cy=\"\(cy)\" r=\"4\"/>")
    }

    /// Adds an error bar from minimum to maximum, with caps.
    mutating func errorBar(_ value: Double, _ statistics: SummaryStatistics, scale: Double = 1, _ style: String) {
        let (low, high) = (y(scale * statistics.minimum), y(scale * statistics.maximum))
        line((x(value), low), (x(value), high), style)
        for end in [low, high] { line((x(value) - 5, end), (x(value) + 5, end), style) }
    }

    /// Adds a segment of a stacked column.
    mutating func column(_ value: Double, width: Double, from low: Double, to high: Double, _ style: String) {
        let (left, top) = (number(x(value) - width / 2), number(y(high)))
        let size = "width=\"\(number(width))\" height=\"\(number(y(low) - y(high)))\""
        shapes.append("<rect class=\"\(style)\" x=\"\(left)\" y=\"\(top)\" \(size)/>")
    }

    /// Adds a text next to a value.
    mutating func note(_ text: String, at value: (Double, Double), dx: Double = 0, dy: Double = 0, _ style: String) {
        self.text(text, at: (x(value.0) + dx, y(value.1) + dy), style)
    }

    private mutating func line(_ a: (Double, Double), _ b: (Double, Double), _ style: String) {
        let (x1, y1, x2, y2) = (number(a.0), number(a.1), number(b.0), number(b.1))
        shapes.append("<line class=\"\(style)\" x1=\"\(x1)\" y1=\"\(y1)\" x2=\"\(x2)\" y2=\"\(y2)\"/>")
    }

    private mutating func text(_ text: String, at place: (Double, Double), _ style: String) {
        let (x, y) = (number(place.0), number(place.1))
        shapes.append("<text class=\"\(style)\" x=\"\(x)\" y=\"\(y)\">\(escaped(text))</text>")
    }

    private func number(_ value: Double) -> String { rounded(value, 1) }
}

/// About `count` tick values in a range, at steps of 1, 2 or 5 times a power of ten.
func ticks(_ range: ClosedRange<Double>, count: Int = 5) -> [Double] {
    let rough = (range.upperBound - range.lowerBound) / Double(count)
    let power = pow(10, log10(rough).rounded(.down))
    let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= rough * 0.999 } ?? rough
    let (first, last) = ((range.lowerBound / step - 1e-9).rounded(.up), (range.upperBound / step + 1e-9).rounded(.down))
    // Adding 0 turns -0 into 0.
    return stride(from: first, through: last, by: 1).map { $0 * step + 0 }
}

/// A text escaped for HTML.
func escaped(_ text: String) -> String {
    text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
        .replacingOccurrences(of: ">", with: "&gt;").replacingOccurrences(of: "\"", with: "&quot;")
}
