/// A plot with its title, its legend, and what a reader must know about it.
package struct Figure {
    /// An entry of a legend.
    package struct Key {
        /// What the legend shows of a style.
        package enum Sample {
            case line, point, area, band
        }

        let style: Style
        let sample: Sample
        package let text: String

        package init(_ style: Style, _ sample: Sample, _ text: String) {
            (self.style, self.sample, self.text) = (style, sample, text)
        }
    }

    package let title: String
    package let legend: [Key]
    package let plot: Markup
    package let note: String?

    package init(title: String, legend: [Key], plot: Markup, note: String? = nil) {
        (self.title, self.legend, self.plot, self.note) = (title, legend, plot, note)
    }

    /// The figure as HTML.
    package var markup: Markup {
        let keys = legend.map { Markup.element("li", [$0.drawing, Markup($0.text)]) }
        return .element(
            "figure",
            [
                .element("figcaption", title),
                legend.isEmpty ? .empty : .element("ul", ["class": "legend"], keys),
                plot,
                note.map { .element("p", ["class": "note"], $0) } ?? .empty,
            ]
        )
    }

    /// Several figures, in as many columns as there is space for.
    package static func grid(_ figures: [Figure]) -> Markup {
        .element("div", ["class": "figures"], figures.map(\.markup))
    }
}

extension Figure.Key {
    fileprivate var drawing: Markup {
        let classes = style.classes
        let shapes: [Markup] =
            switch sample {
            case .line:
                [.element("line", ["class": "line \(classes)", "x1": "0", "y1": "5", "x2": "24", "y2": "5"])]
            case .point: [style.marker.drawn(at: (12, 5), classes: "mark \(classes)")]
            case .area:
                [.element("rect", ["class": "area \(classes)", "x": "6", "y": "0", "width": "11", "height": "10"])]
            case .band:
                [.element("rect", ["class": "band \(classes)", "x": "0", "y": "0", "width": "24", "height": "10"])]
            }
        return .element("svg", ["class": "key", "viewBox": "0 0 24 10", "aria-hidden": "true"], shapes)
    }
}
