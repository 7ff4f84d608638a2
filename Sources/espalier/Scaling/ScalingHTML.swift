internal import ScalingStudy

/// A study as a self-contained HTML page, without scripts.
struct ScalingHTML {
    private let tables: ScalingTables
    private let figures: [ScalingPlots.Figure]

    init(_ report: ScalingReport) {
        (tables, figures) = (ScalingTables(report), ScalingPlots(report).all)
    }

    var text: String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>Scaling study</title>
        <style>
        \(Self.style)
        </style>
        </head>
        <body>
        <main>
        <h1>Scaling study</h1>
        <dl>
        \(lines(tables.subject) { "<dt>\(escaped($0.name))</dt><dd>\(escaped($0.text))</dd>" })
        </dl>
        <div class="figures">
        \(lines(figures, figure))
        </div>
        \(lines(tables.all, table))
        </main>
        </body>
        </html>

        """
    }

    // MARK: Parts

    private func figure(_ figure: ScalingPlots.Figure) -> String {
        """
        <figure>
        <figcaption>\(escaped(figure.title))</figcaption>
        <ul class="legend">
        \(lines(figure.legend) { "<li><i class=\"\($0.style)\"></i>\(escaped($0.text))</li>" })
        </ul>
        \(figure.svg)
        </figure>
        """
    }

    private func table(_ table: ScalingTable) -> String {
        """
        <section>
        <h2>\(escaped(capitalized(table.title)))</h2>
        <div class="wide">
        <table>
        <thead><tr>\(table.columns.map { "<th scope=\"col\">\(escaped($0.name))</th>" }.joined())</tr></thead>
        <tbody>
        \(lines(table.rows) { row in "<tr>\(row.map { "<td>\(escaped($0))</td>" }.joined())</tr>" })
        </tbody>
        </table>
        </div>
        <p>\(escaped(capitalized(table.legend.joined(separator: " ")))).</p>
        </section>
        """
    }

    private func lines<Element>(_ elements: [Element], _ text: (Element) -> String) -> String {
        elements.map(text).joined(separator: "\n")
    }

    private func capitalized(_ text: String) -> String { text.prefix(1).uppercased() + text.dropFirst() }

    private static let style = """
        :root {
          color-scheme: light dark;
          --page: #ffffff; --ink: #1b1f24; --soft: #5b6470; --grid: #e3e6ea;
          --a: #1f6fc4; --b: #c46a00; --c: #0c8a6d; --d: #8b93a0;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --page: #15181c; --ink: #e8eaed; --soft: #a3abb6; --grid: #2d333b;
            --a: #64a8f2; --b: #f0a24a; --c: #42c9a8; --d: #7f8896;
          }
        }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
        main { max-width: 72rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
        h1 { font-size: 1.5rem; margin: 0 0 0.75rem; }
        h2 { font-size: 1.05rem; margin: 2rem 0 0.5rem; }
        dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.1rem 1rem; margin: 0 0 1.5rem; }
        dt { color: var(--soft); }
        dd { margin: 0; overflow-wrap: anywhere; }
        .figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 1.5rem 2rem; }
        figure { margin: 0; }
        figcaption { font-weight: 600; }
        svg { display: block; width: 100%; height: auto; }
        .legend { list-style: none; display: flex; flex-wrap: wrap; gap: 0 1rem; margin: 0; padding: 0; color: var(--soft);
          font-size: 0.85rem; }
        .legend i { display: inline-block; width: 0.8rem; height: 0.8rem; margin-right: 0.35rem; border-radius: 2px;
          vertical-align: -0.08rem; }
        .legend i.ideal { height: 0; border-top: 2px dashed var(--soft); vertical-align: 0.25rem; border-radius: 0; }
        i.a { background: var(--a); } i.b { background: var(--b); } i.c { background: var(--c); } i.d { background: var(--d); }
        svg text { fill: var(--soft); font: 12px system-ui, sans-serif; text-anchor: middle; }
        svg text.end { text-anchor: end; }
        line, polyline { fill: none; stroke: var(--soft); stroke-width: 1.5; }
        .grid { stroke: var(--grid); stroke-width: 1; }
        .ideal { stroke-dasharray: 5 4; }
        .line { stroke-width: 2; }
        .a { stroke: var(--a); } .b { stroke: var(--b); } .c { stroke: var(--c); } .d { stroke: var(--d); }
        .ink { stroke: var(--ink); }
        circle.a { fill: var(--a); stroke: var(--page); }
        rect { stroke: var(--page); stroke-width: 1.5; }
        rect.a { fill: var(--a); } rect.b { fill: var(--b); } rect.c { fill: var(--c); } rect.d { fill: var(--d); }
        rect.a, rect.b, rect.c, rect.d { stroke: var(--page); }
        .band { fill: var(--b); fill-opacity: 0.2; stroke: none; }
        .wide { overflow-x: auto; }
        table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
        th, td { padding: 0.25rem 0.75rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--grid); }
        th { font-weight: 600; color: var(--soft); }
        section p { color: var(--soft); font-size: 0.85rem; max-width: 60rem; margin: 0.5rem 0 0; }
        """
}
