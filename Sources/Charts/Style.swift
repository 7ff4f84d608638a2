/// The look of a series: a colour, and a dash pattern and a marker, so that series differ without colour too.
package struct Style: Sendable, Equatable {
    /// The shape of a point.
    enum Marker: Int, CaseIterable {
        case circle, square, triangle, diamond
    }

    /// The classes of the style sheet.
    let classes: String
    let marker: Marker

    /// The number of styles that differ from one another.
    package static let count = 12
    private static let colours = 6
    private static let dashes = 4

    /// The style of one of several series; those of any `count` successive ones differ.
    package static func series(_ index: Int) -> Style {
        let marker = Marker.allCases[index % Marker.allCases.count]
        return Style(classes: "c\(index % colours + 1) d\(index % dashes + 1)", marker: marker)
    }

    /// The style of one of several areas.
    package static func area(_ index: Int) -> Style {
        Style(classes: "c\(index % colours + 1)", marker: .circle)
    }

    /// What is left over.
    package static let rest = Style(classes: "rest", marker: .circle)
    /// What others are compared with: a dashed line.
    package static let reference = Style(classes: "soft d2", marker: .circle)
    /// The colour of text.
    package static let ink = Style(classes: "ink", marker: .circle)
}
