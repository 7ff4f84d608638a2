"""Messages of `espalier-prepare`: bad rows as they occur, and a table at the end."""

import statistics
import sys
from collections import Counter
from pathlib import Path

from .prepared import PreparedData
from .sources import Source

#: The number of bad rows of one kind that are reported with their location.
REPORTED = 3


class BadRows:
    """Reports the first bad rows of each kind, and counts the rest."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, place: str, reason: str) -> None:
        self._counts[reason] += 1
        if self._counts[reason] <= REPORTED:
            print(f"bad row: {place}: {reason}", file=sys.stderr)

    def finish(self) -> None:
        """Reports the number of further bad rows."""
        for reason, count in self._counts.most_common():
            if count > REPORTED:
                print(f"bad rows: {count - REPORTED} more: {reason}", file=sys.stderr)


def report(data: PreparedData, sources: list[Source], output: Path) -> str:
    """Returns a table of kept, dropped and truncated rows and of the tokens that sharing saves."""
    rows = data.rows
    prompts = [len(row.prompt) for row in rows]
    responses = [len(response) for row in rows for response in row.responses]
    skipped = sum(sum(row.skips) for row in rows)
    unshared = sum(len(row.responses) * len(row.prompt) for row in rows) + sum(responses)
    shared = sum(prompts) + sum(responses)
    lines = [("rows read", data.counts["rows_read"]), ("rows kept", len(rows))]
    lines += [(name.replace("_", " "), n) for name, n in sorted(data.counts.items()) if n and name != "rows_read"]
    lines += [("response tokens not counted", skipped)] if skipped else []
    lines += [
        ("prompt tokens, median", round(statistics.median(prompts))),
        ("response tokens, median", round(statistics.median(responses))),
        ("tokens, prompt shared", shared),
        ("unshared / shared", f"{unshared / shared:.2f}"),
    ]
    table = [f"  {name:<34} {value}" for name, value in lines]
    if len(sources) > 1 or any(source.weight != 1 for source in sources):
        table += [
            f"  {source.name}: {source.rows_kept} of {source.rows_read} rows, weight {source.weight:g}"
            for source in sources
        ]
    return "\n".join([str(output), *table])
