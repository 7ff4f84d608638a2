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
    names = _names(path, _next(path, rows) or [])
    line, count = rows.line_num + 1, 0
    while (cells := _next(path, rows)) is not None:
        count += bool(cells)
        if len(cells) == len(names):
            yield Record(f"{path}:{line}", dict(zip(names, cells)))
        elif cells:
            remedy = f"put cells that contain {separator!r} or line ends between quotes"
            problem = f"expected {len(names)} cells, as the first line names, found {len(cells)}; {remedy}"
            yield Record(f"{path}:{line}", problem=problem)
        line = rows.line_num + 1
    if count == 0:
        raise UserError(f"{path}: a table without rows below the names of its columns; check the program that wrote it")


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
        remedy = "a quote inside of a cell in quotes is written twice"
        raise UserError(f"{path}:{line}: no row of a table begins here ({error}); {remedy}") from None


def _names(path: Path, cells: list[str]) -> list[str]:
    names = [name.removeprefix(MARK).strip() for name in cells]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(f"{path}:1: two columns have the name {twice[0]!r}; give each its own")
    return names
