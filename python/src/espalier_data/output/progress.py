"""Progress on standard error: a bar in a terminal, otherwise a line every half minute."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from ..reading.sources import Source
from .printable import printable

_TERMINAL_SECONDS, _LINE_SECONDS = 0.2, 30.0
#: A command that is faster than this shows no bar.
_FIRST_SECONDS = 0.5
_BAR_COLUMNS = 30


class Progress:
    """Shows the number of rows done, their rate and the time left; `share` returns the part that is read, if known."""

    def __init__(self, share: Callable[[], float | None], clock: Callable[[], float] = time.monotonic) -> None:
        self._share, self._clock = share, clock
        self._rows = 0
        self._start = clock()
        self._terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._next = self._start + (_FIRST_SECONDS if self._terminal else _LINE_SECONDS)
        self._visible = False

    def advance(self, rows: int) -> None:
        """Adds rows that are done."""
        self._rows += rows
        now = self._clock()
        if now < self._next:
            return
        self._next = now + (_TERMINAL_SECONDS if self._terminal else _LINE_SECONDS)
        share, seconds = self._share(), now - self._start
        if self._terminal:
            self._show("\r\x1b[K" + bar(self._rows, seconds, share, _columns() - 1))
            self._visible = True
        else:
            self._show(f"espalier-prepare: {', '.join(_parts(self._rows, seconds, share))}\n")

    def message(self, line: str) -> None:
        """Prints a line above the bar."""
        self.clear()
        self._show(printable(line) + "\n")

    def clear(self) -> None:
        """Removes the bar."""
        if self._visible:
            self._show("\r\x1b[K")
            self._visible = False

    def _show(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()


def bar(rows: int, seconds: float, share: float | None, columns: int) -> str:
    """Returns one line of at most `columns`: a bar if the share is known and there is space, and numbers."""
    text = "  ".join(_parts(rows, seconds, share))
    space = min(_BAR_COLUMNS, columns - len(text) - 5)
    if share is not None and space >= 8:
        filled = int(space * min(share, 1))
        text = f" {'█' * filled}{'░' * (space - filled)}  {text}"
    return text[: max(columns, 0)]


def _parts(rows: int, seconds: float, share: float | None) -> list[str]:
    numbers = [f"{rows:,} rows", f"{rows / max(seconds, 1e-9):,.0f} rows/s"]
    if not share:
        return numbers
    left = round(seconds * max(0.0, 1 / share - 1))
    return [f"{100 * min(share, 1):.0f} %", *numbers, f"{duration(left)} left"]


def duration(seconds: int) -> str:
    """Returns hours, minutes and seconds, such as 1:02:03 or 0:07."""
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def share_read(sources: list[Source]) -> float | None:
    """Returns how much of all sources is read, by bytes if all are files; None if it is unknown for one of them."""
    sizes = [_size(Path(source.name)) for source in sources]
    weights = [1.0 if None in sizes else float(size or 0) for size in sizes]
    shares = [_share(source) for source in sources]
    if None in shares or not sum(weights):
        return None
    return sum(weight * share for weight, share in zip(weights, shares)) / sum(weights)


def _share(source: Source) -> float | None:
    found = getattr(source, "progress", lambda: None)()
    # The share is also unknown before a source is opened.
    return 0.0 if found is None and source.rows_read == 0 else found


def _size(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except (OSError, ValueError):
        return 80
