"""Progress on standard error: a bar in a terminal, otherwise a line every half minute."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from .printable import printable
from .sources import Source

_TERMINAL_SECONDS, _LINE_SECONDS = 0.2, 30.0
#: A command that is faster than this shows no bar.
_FIRST_SECONDS = 0.5
_BAR_COLUMNS = 30


class Progress:
    """Shows the number of rows done, their rate and the time left; `total` is called when it is first shown."""

    def __init__(self, total: Callable[[], int | None], clock: Callable[[], float] = time.monotonic) -> None:
        self._total, self._clock = total, clock
        self._known: int | None = None
        self._asked = False
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
        if not self._asked:
            self._asked, self._known = True, self._total()
        rate = self._rows / max(now - self._start, 1e-9)
        if self._terminal:
            self._show("\r\x1b[K" + bar(self._rows, self._known, rate, _columns() - 1))
            self._visible = True
        else:
            self._show(f"espalier-prepare: {', '.join(_parts(self._rows, self._known, rate))}\n")

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


def bar(rows: int, total: int | None, rate: float, columns: int) -> str:
    """Returns one line of at most `columns`: a bar if the total is known and there is space, and numbers."""
    text = "  ".join(_parts(rows, total, rate))
    space = min(_BAR_COLUMNS, columns - len(text) - 5)
    if total and rows <= total and space >= 8:
        filled = space * rows // total
        text = f" {'█' * filled}{'░' * (space - filled)}  {text}"
    return text[: max(columns, 0)]


def _parts(rows: int, total: int | None, rate: float) -> list[str]:
    if not total or rows > total:
        return [f"{rows:,} rows", f"{rate:,.0f} rows/s"]
    seconds = round((total - rows) / max(rate, 1e-9))
    return [f"{rows:,} of {total:,} rows", f"{rate:,.0f} rows/s", f"{duration(seconds)} left"]


def duration(seconds: int) -> str:
    """Returns hours, minutes and seconds, such as 1:02:03 or 0:07."""
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def total_rows(sources: list[Source]) -> int | None:
    """Returns the number of records of all sources, or None if it is not known without reading one of them."""
    counts = [_rows_of(Path(source.name)) for source in sources]
    return None if None in counts else sum(count for count in counts if count is not None)


def _rows_of(path: Path) -> int | None:
    try:
        if path.suffix == ".jsonl" and path.is_file():
            with open(path, "rb") as file:
                return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
        if path.suffix == ".parquet" and path.is_file():
            from pyarrow import parquet

            return int(parquet.ParquetFile(path).metadata.num_rows)
    except Exception:  # The reader of the source reports what is wrong with it.
        return None
    return None


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except (OSError, ValueError):
        return 80
