extension Page {
    /// Colours have a contrast of at least 4.5 with the page as text, and of 3 as lines, in both schemes.
    static let styleSheet: StaticString = """

        :root {
          color-scheme: light dark;
          --page: #ffffff; --panel: #f5f7f9; --ink: #1b1f24; --soft: #57606a; --grid: #e3e6ea; --rest: #8b93a0;
          --c1: #1f6fc4; --c2: #c05c00; --c3: #0b7f64; --c4: #7d4cc2; --c5: #c0306e; --c6: #6b6f00;
          --warn: #9a6700;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --page: #15181c; --panel: #1d2126; --ink: #e8eaed; --soft: #a3abb6; --grid: #2d333b; --rest: #7f8896;
            --c1: #64a8f2; --c2: #f0a24a; --c3: #42c9a8; --c4: #b79af0; --c5: #f27ba8; --c6: #c3c44a;
            --warn: #e0b040;
          }
        }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
        main { max-width: 74rem; margin: 0 auto; padding: 1.75rem 1.25rem 3rem; }
        h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 0.75rem; overflow-wrap: anywhere; }
        h2 { font-size: 1.1rem; margin: 2.25rem 0 0.75rem; padding-bottom: 0.25rem; border-bottom: 1px solid var(--grid); }
        .facts { display: grid; grid-template-columns: max-content 1fr; gap: 0.1rem 1rem; margin: 0 0 1.5rem; }
        dt { color: var(--soft); }
        dd { margin: 0; overflow-wrap: anywhere; }
        .tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.25rem, 1fr)); gap: 0.75rem; margin: 0 0 1.25rem; }
        .tiles div { background: var(--panel); border-radius: 6px; padding: 0.6rem 0.85rem; }
        .tiles dt { font-size: 0.85rem; }
        .tiles dd { font-size: 1.45rem; font-weight: 600; line-height: 1.3; font-variant-numeric: tabular-nums; }
        .tiles .note { font-size: 0.8rem; font-weight: 400; margin: 0; }
        .remarks { background: var(--panel); border-left: 4px solid var(--warn); border-radius: 0 6px 6px 0; list-style: none;
          margin: 0 0 1.25rem; padding: 0.6rem 1rem; overflow-wrap: anywhere; }
        .remarks li::before { content: "! "; color: var(--warn); font-weight: 700; }
        .figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)); gap: 1.75rem 2rem; }
        figure { display: flex; flex-direction: column; margin: 0; min-width: 0; }
        figure > svg { margin-top: auto; }
        figcaption { font-weight: 600; }
        svg { display: block; width: 100%; height: auto; overflow: visible; }
        .legend { list-style: none; display: flex; flex-wrap: wrap; gap: 0 1rem; margin: 0.1rem 0 0.35rem; padding: 0;
          color: var(--soft); font-size: 0.85rem; min-width: 0; }
        .legend li { overflow-wrap: anywhere; }
        .key { display: inline-block; width: 1.5rem; height: 0.625rem; margin-right: 0.4rem; }
        .note { color: var(--soft); font-size: 0.85rem; max-width: 60rem; margin: 0.35rem 0 0; overflow-wrap: anywhere; }
        svg text { fill: var(--soft); font: 12px system-ui, sans-serif; text-anchor: middle; font-variant-numeric: tabular-nums; }
        svg text.end { text-anchor: end; }
        svg text.start { text-anchor: start; }
        .grid { stroke: var(--grid); stroke-width: 1; }
        .base { stroke: var(--soft); stroke-width: 1; }
        .c1 { color: var(--c1); } .c2 { color: var(--c2); } .c3 { color: var(--c3); }
        .c4 { color: var(--c4); } .c5 { color: var(--c5); } .c6 { color: var(--c6); }
        .rest { color: var(--rest); } .soft { color: var(--soft); } .ink { color: var(--ink); }
        .line, .faint { fill: none; stroke: currentColor; stroke-linejoin: round; stroke-width: 2; }
        .line.d2 { stroke-dasharray: 7 4; } .line.d3 { stroke-dasharray: 2 3; } .line.d4 { stroke-dasharray: 9 3 2 3; }
        .line.soft { stroke-width: 1.5; }
        .faint { stroke-width: 1; opacity: 0.38; }
        .rule { stroke: currentColor; stroke-width: 1; stroke-dasharray: 2 3; }
        .bar { stroke: currentColor; stroke-width: 1.5; }
        .dot { fill: currentColor; }
        .mark { fill: currentColor; stroke: var(--page); stroke-width: 1.25; }
        .band { fill: currentColor; fill-opacity: 0.2; stroke: none; }
        .area { fill: currentColor; stroke: var(--page); stroke-width: 0.75; }
        .wide { overflow-x: auto; }
        table { border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
        th, td { padding: 0.25rem 0.75rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--grid);
          font-weight: 400; }
        thead th { color: var(--soft); font-weight: 600; }
        tr > :first-child { padding-left: 0; }
        .texts th, .texts td { text-align: left; vertical-align: top; white-space: normal; overflow-wrap: anywhere;
          min-width: 8rem; }
        details { border-bottom: 1px solid var(--grid); padding: 0.5rem 0; }
        summary { cursor: pointer; font-weight: 600; }
        details > .wide { margin-top: 0.5rem; }
        @media (max-width: 30rem) {
          main { padding: 1.25rem 1rem 2rem; }
          svg text { font-size: 15px; }
          .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 0.5rem; }
          .tiles dd { font-size: 1.25rem; }
          .facts { grid-template-columns: 1fr; gap: 0; }
          .facts dd { margin-bottom: 0.35rem; }
        }
        @media print { body { background: none; } figure, .tiles div { break-inside: avoid; } }

        """
}
