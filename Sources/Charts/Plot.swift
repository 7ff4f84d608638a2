internal import Foundation
internal import Reporting

/// An SVG plot with two axes; the style sheet of the page defines the colours of the classes.
package struct Plot {
    private static let (width, height) = (480.0, 284.0)
    private static let (left, right, top, bottom) = (66.0, 16.0, 28.0, 44.0)

    /// The width of the plot within its axes, in units of the drawing.
    package static let innerWidth = width - left - right

    private let x: Placement
    private let y: Placement
    private var shapes: [Markup] = []

    /// A plot with grid lines, labels, and no data.
    package init(x: Axis, y: Axis) {
        self.x = Placement(x, from: Self.left, to: Self.width - Self.right)
        self.y = Placement(y, from: Self.height - Self.bottom, to: Self.top)
        markY(y)
        markX(x)
    }

    /// The plot as SVG, with a label for screen readers.
    package func svg(label: String) -> Markup {
        let box = "0 0 \(Int(Self.width)) \(Int(Self.height))"
        return .element("svg", ["viewBox": box, "role": "img", "aria-label": label], shapes)
    }

    // MARK: Axes

    /// Horizontal grid lines with labels at the left, and the title above.
    private mutating func markY(_ axis: Axis) {
        for tick in axis.ticks {
            let height = y(tick.value)
            line((x.start, height), (x.end, height), "grid")
            text(tick.text, at: (x.start - 7, height + 4), "end")
        }
        // Above the axis, where no label is as long as to meet it.
        text(axis.title, at: (0, 12), "start")
    }

    /// The base line with labels below.
    private mutating func markX(_ axis: Axis) {
        line((x.start, y.start), (x.end, y.start), "base")
        for tick in axis.ticks {
            line((x(tick.value), y.start), (x(tick.value), y.start + 4), "base")
            text(tick.text, at: (x(tick.value), y.start + 18), "tick")
        }
        text(axis.title, at: ((x.start + x.end) / 2, y.start + 36), "axis")
    }

    // MARK: Lines and areas

    /// How a line is drawn.
    package enum Weight: String {
        /// The values themselves, under what summarizes them.
        case faint
        case strong = "line"
    }

    /// Adds a line through points; one that is not finite leaves a gap.
    package mutating func curve(_ points: [(x: Double, y: Double)], _ style: Style, _ weight: Weight = .strong) {
        let places = points.map { (x($0.x), y($0.y)) }
        let classes = "\(weight.rawValue) \(style.classes)"
        for segment in places.split(whereSeparator: { !($0.0.isFinite && $0.1.isFinite) }) {
            if segment.count == 1, let place = segment.first {
                dot(place, radius: 2, classes)
            } else {
                shapes.append(.element("polyline", ["class": classes, "points": list(segment)]))
            }
        }
    }

    /// Adds the area between two lines; a point that is not finite leaves a gap.
    package mutating func band(
        _ values: [(x: Double, low: Double, high: Double)],
        _ style: Style,
        isSolid: Bool = false
    ) {
        let places = values.map { (x: x($0.x), low: y($0.low), high: y($0.high)) }
        for part in places.split(whereSeparator: { !($0.x.isFinite && $0.low.isFinite && $0.high.isFinite) }) {
            let outline = part.map { ($0.x, $0.high) } + part.reversed().map { ($0.x, $0.low) }
            let classes = "\(isSolid ? "area" : "band") \(style.classes)"
            shapes.append(.element("polygon", ["class": classes, "points": list(outline)]))
        }
    }

    /// Adds a segment of a stacked column; `width` is in units of the drawing.
    package mutating func column(_ value: Double, width: Double, from low: Double, to high: Double, _ style: Style) {
        guard x(value).isFinite, y(low).isFinite, y(high).isFinite else { return }
        shapes.append(
            .element(
                "rect",
                [
                    "class": "area \(style.classes)", "x": number(x(value) - width / 2), "y": number(y(high)),
                    "width": number(width), "height": number(y(low) - y(high)),
                ]
            )
        )
    }

    /// Adds a vertical line through the whole plot, unless it would be beside it.
    package mutating func rule(at value: Double, _ style: Style) {
        guard (x.start...x.end).contains(x(value)) else { return }
        line((x(value), y.start), (x(value), y.end), "rule \(style.classes)")
    }

    // MARK: Points

    /// Adds a point, unless it is not finite; a browser shows `title` next to it.
    package mutating func point(_ point: (x: Double, y: Double), _ style: Style, title: String? = nil) {
        let place = (x(point.x), y(point.y))
        guard place.0.isFinite, place.1.isFinite else { return }
        shapes.append(style.marker.drawn(at: place, classes: "mark \(style.classes)", title: title))
    }

    /// Adds a vertical error bar with caps, unless it is not finite.
    package mutating func errorBar(_ value: Double, from low: Double, to high: Double, _ style: Style) {
        let (x, low, high) = (x(value), y(low), y(high))
        guard x.isFinite, low.isFinite, high.isFinite else { return }
        let classes = "bar \(style.classes)"
        line((x, low), (x, high), classes)
        for end in [low, high] { line((x - 4, end), (x + 4, end), classes) }
    }

    // MARK: Shapes

    private mutating func dot(_ place: (Double, Double), radius: Double, _ classes: String) {
        let (cx, cy, r) = (number(place.0), number(place.1), number(radius))
        shapes.append(.element("circle", ["class": "dot \(classes)", "cx": cx, "cy": cy, "r": r]))
    }

    private mutating func line(_ a: (Double, Double), _ b: (Double, Double), _ classes: String) {
        let (x1, y1, x2, y2) = (number(a.0), number(a.1), number(b.0), number(b.1))
        shapes.append(.element("line", ["class": classes, "x1": x1, "y1": y1, "x2": x2, "y2": y2]))
    }

    private mutating func text(_ text: String, at place: (Double, Double), _ classes: String) {
        shapes.append(.element("text", ["class": classes, "x": number(place.0), "y": number(place.1)], text))
    }

    private func list(_ places: some Sequence<(Double, Double)>) -> String {
        places.map { "\(number($0.0)),\(number($0.1))" }.joined(separator: " ")
    }
}

/// A coordinate with one decimal, without a zero there.
func number(_ value: Double) -> String {
    let tenths = Int(max(-1e6, min(1e6, value * 10)).rounded())
    let sign = tenths < 0 ? "-" : ""
    let digit = tenths.magnitude % 10
    return "\(sign)\(tenths.magnitude / 10)" + (digit == 0 ? "" : ".\(digit)")
}

extension Style.Marker {
    /// The marker at a place of a drawing.
    func drawn(at place: (x: Double, y: Double), classes: String, title: String? = nil) -> Markup {
        let name = title.map { [Markup.element("title", $0)] } ?? []
        let (x, y) = (place.x, place.y)
        func polygon(_ corners: [(Double, Double)]) -> Markup {
            let points = corners.map { "\(number(x + $0.0)),\(number(y + $0.1))" }.joined(separator: " ")
            return .element("polygon", ["class": classes, "points": points], name)
        }
        return switch self {
        case .circle: .element("circle", ["class": classes, "cx": number(x), "cy": number(y), "r": "4"], name)
        case .square: polygon([(-3.6, -3.6), (3.6, -3.6), (3.6, 3.6), (-3.6, 3.6)])
        case .triangle: polygon([(-4.4, 3.6), (0, -4.6), (4.4, 3.6)])
        case .diamond: polygon([(-4.8, 0), (0, -4.8), (4.8, 0), (0, 4.8)])
        }
    }
}
