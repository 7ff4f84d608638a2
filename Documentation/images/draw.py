"""Draws SVG images of a run: the output in a terminal, or the metrics of each step.

python3 draw.py terminal CAPTURE [--from TEXT] [--through TEXT]   # output of tmux capture-pane -e -J -p
python3 draw.py metrics metrics.jsonl [NAME …] [--over metrics.jsonl]…
"""

import argparse
import json
import re
import sys
import textwrap
from collections.abc import Iterator
from html import escape
from pathlib import Path

COLUMNS = 100
# Of a monospaced font of 13 pixels.
CHARACTER, LINE = 7.8, 18
FOREGROUND, BACKGROUND = "#d6d9de", "#1b1f24"
COLORS = ["#5c6370", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#ffffff"]
ESCAPE = re.compile(r"\x1b\[([\d;]*)m")
# The lines of runs, in order.
LINES = [
    'stroke="#2f6fdb" stroke-width="2" fill="none"',
    'stroke="#d9622b" stroke-width="1.5" stroke-dasharray="4 2" fill="none"',
]
METRICS = ["loss", "rewards/accuracies", "rewards/margins"]


def svg(width: float, height: float, background: str, body: list[str], style: str) -> str:
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size}>',
            f"<style>{style}</style>",
            f'<rect width="100%" height="100%" rx="8" fill="{background}"/>',
            *body,
            "</svg>\n",
        ]
    )


def spans(line: str) -> Iterator[tuple[str, str]]:
    """Yields the parts of a line between escape sequences with their foreground color."""
    color, position = FOREGROUND, 0
    for match in [*ESCAPE.finditer(line), None]:
        if text := line[position : match.start() if match else None]:
            yield text, color
        if match:
            position = match.end()
            for code in map(int, filter(None, match[1].split(";"))):
                if 30 <= code <= 37 or 90 <= code <= 97:
                    color = COLORS[code % 10]
                elif code in (0, 39):
                    color = FOREGROUND
            if not match[1]:
                color = FOREGROUND


def indices(lines: list[str], text: str) -> list[int]:
    """Returns the indices of the lines that contain a text, at least one."""
    found = [index for index, line in enumerate(lines) if text in line]
    if not found:
        sys.exit(f"error: expected a line with {text!r} in the capture, found none")
    return found


def terminal(text: str, start: str, end: str) -> str:
    """Draws the lines of a capture, from the last one that contains `start` through the next that contains `end`."""
    lines = text.rstrip().splitlines()
    first = max(indices(lines, start))
    last = min(index for index in indices(lines, end) if index >= first)
    body, row = [], 0
    for line in lines[first : last + 1]:
        plain = ESCAPE.sub("", line)
        if len(plain) > COLUMNS:
            # Colors of long lines are lost: they are commands.
            wrapped = textwrap.wrap(plain, COLUMNS, subsequent_indent="      ", break_on_hyphens=False)
        else:
            wrapped = [line]
        for part in wrapped:
            row, column = row + 1, 0
            for content, color in spans(part):
                # Each part between wide spaces has its own position, so that columns are aligned in any font.
                for match in re.finditer(r"\S+(?: \S+)*", content):
                    x, width = 16 + (column + match.start()) * CHARACTER, len(match[0]) * CHARACTER
                    place = f'x="{x:.1f}" y="{12 + row * LINE}" textLength="{width:.1f}"'
                    body.append(f'<text {place} fill="{color}">{escape(match[0])}</text>')
                column += len(content)
    style = "text { font: 13px 'DejaVu Sans Mono', Menlo, Consolas, monospace; white-space: pre }"
    return svg(32 + COLUMNS * CHARACTER, 28 + row * LINE, BACKGROUND, body, style)


def read_steps(path: Path) -> list[dict[str, float]]:
    """Returns the metrics of each step, without evaluations."""
    return [record for line in path.read_text().splitlines() if "loss" in (record := json.loads(line))]


def metrics(paths: list[Path], names: list[str]) -> str:
    """Plots each metric over the steps, without evaluations; several runs are laid over each other."""
    runs = {path.parent.name: read_steps(path) for path in paths}
    width, height, body = 260, 170, []
    for index, name in enumerate(names):
        left, top = 56 + index * (width + 60), 40
        numbers = [step[name] for steps in runs.values() for step in steps]
        low, high = min(numbers), max(numbers)
        scale = height / ((high - low) or 1)
        body += [
            f'<text x="{left}" y="{top - 16}" class="name">{escape(name)}</text>',
            f'<path d="M{left} {top}V{top + height}H{left + width}" stroke="#9aa1ab" fill="none"/>',
        ]
        for line, steps in zip(LINES, runs.values()):
            last = max(len(steps) - 1, 1)
            points = [
                f"{left + n * width / last:.1f},{top + (high - step[name]) * scale:.1f}" for n, step in enumerate(steps)
            ]
            body.append(f'<polyline points="{" ".join(points)}" {line}/>')
        for value in (high, low):
            y = top + (high - value) * scale + 4
            body.append(f'<text x="{left - 6}" y="{y:.1f}" text-anchor="end">{round(value, 3) + 0.0:g}</text>')
        steps = next(iter(runs.values()))
        for step, x, anchor in ((steps[0]["step"], left, "start"), (steps[-1]["step"], left + width, "end")):
            body.append(f'<text x="{x}" y="{top + height + 18}" text-anchor="{anchor}">step {step}</text>')
    for index, (line, run) in enumerate(zip(LINES, runs)):
        if len(runs) > 1:
            x, y = 56 + index * 160, height + 80
            body.append(f'<path d="M{x} {y - 4}h24" {line}/><text x="{x + 30}" y="{y}">{escape(run)}</text>')
    style = "text { font: 12px sans-serif; fill: #4a505a } .name { font-weight: bold; fill: #1b1f24 }"
    return svg(56 + len(names) * (width + 60) - 30, height + (76 if len(runs) == 1 else 96), "#ffffff", body, style)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    window = commands.add_parser("terminal", help="draw the output in a terminal")
    window.add_argument("file", type=Path)
    window.add_argument("--from", dest="start", default="", help="the first line is the last one with this text")
    window.add_argument("--through", dest="end", default="", help="the last line is the next one with this text")
    plot = commands.add_parser("metrics", help="plot metrics over the steps of a run")
    plot.add_argument("file", type=Path)
    plot.add_argument("names", nargs="*", default=METRICS, help="metrics to plot (default: %(default)s)")
    plot.add_argument("--over", type=Path, action="append", default=[], help="another run, laid over the first")
    options = parser.parse_args()
    if options.command == "terminal":
        print(terminal(options.file.read_text(), options.start, options.end), end="")
    else:
        print(metrics([options.file, *options.over], options.names), end="")


if __name__ == "__main__":
    main()
