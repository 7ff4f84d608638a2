"""Reads tables in text, as spreadsheets write them: comma-separated values and their kin, with names of columns above."""

import csv
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..errors import UserError
from .json_values import MARK
from .record import Record

#: After a line's end. A carriage return at the end of a piece may be the first half of one.
_LINE_END = re.compile("(?<=\n)|(?<=\r)(?=[^\n])")


def read(path: Path, texts: Iterable[str], separator: str) -> Iterator[Record]:
    """Yields a record for each row below the names of columns; all values are text, and empty cells are empty texts."""
    csv.field_size_limit(sys.maxsize)
    rows = csv.reader(_lines(texts), delimiter=separator, strict=True)
    first = _next(path, rows) or []
    if is_separator(first[0] if first else ""):
        first = _next(path, rows) or []
    names = _names(path, first)
    line, count = rows.line_num + 1, 0
    while (cells := _next(path, rows)) is not None:
        count += bool(cells)
        if len(cells) == len(names):
            yield Record(f"{path}:{line}", dict(zip(names, cells)))
        elif cells:
            more = f"put cells that contain {separator!r} or line ends between quotes"
            fewer = f"an empty cell needs its {separator!r} too"
            remedy = more if len(cells) > len(names) else fewer
            problem = f"expected {len(names)} cells, as the first line names, found {len(cells)}; {remedy}"
            yield Record(f"{path}:{line}", problem=problem)
        line = rows.line_num + 1
    if count == 0:
        raise UserError(f"{path}: a table without rows below the names of its columns; check the program that wrote it")


def is_separator(start: str) -> bool:
    """Returns whether a file begins by naming the sign between columns, as `sep=;` for a spreadsheet program."""
    return start.removeprefix(MARK).lower().startswith("sep=")


def _lines(texts: Iterable[str]) -> Iterator[str]:
    """Yields lines with their ends."""
    held = ""
    for text in texts:
        *lines, held = _LINE_END.split(held + text)
        yield from lines
    if held:
        yield held


def _next(path: Path, rows) -> list[str] | None:
    line = rows.line_num + 1
    try:
        return next(rows, None)
    except csv.Error as error:
        what = "in the row that begins here a quote is not closed, or one inside of a cell is not written twice"
        raise UserError(f"{path}:{line}: {what} ({error}); correct the quotes") from None


def _names(path: Path, cells: list[str]) -> list[str]:
    names = [name.removeprefix(MARK).strip() for name in cells]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(f"{path}:1: two columns have the name {twice[0]!r}; give each its own")
    return names
