"""Reads tables in text, as spreadsheets write them: comma-separated values and their kin, below names of columns."""

import csv
import re
import sys
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from ..errors import UserError
from .json_values import MARK
from .record import Record

#: A carriage return at the end of a piece may be the first half of a line's end.
_ANY_LINE_END = re.compile("(?<=\n)|(?<=\r)(?=[^\n])")
_LINE_FEED = re.compile("(?<=\n)")
_QUOTED_AFTER_SPACE = re.compile(r'\s+".*"\s*', re.DOTALL)


def read(path: Path, texts: Iterable[str], separator: str) -> Iterator[Record]:
    """Yields a record for each row below the names of columns; all values are text, and empty cells are empty texts."""
    csv.field_size_limit(sys.maxsize)
    rows = _Rows(path, texts, separator)
    names = rows.names()
    count = 0
    for line, cells in rows:
        count += 1
        problem = _problem(cells, names, separator)
        if problem is None:
            yield Record(f"{path}:{line}", dict(zip(names, cells)))
        else:
            yield Record(f"{path}:{line}", problem=problem)
    if count == 0:
        raise UserError(f"{path}: a table without rows below the names of its columns; check the program that wrote it")


def is_separator(start: str) -> bool:
    """Returns whether a file begins by naming the sign between columns, as `sep=;` for a spreadsheet program."""
    return start.lower().startswith("sep=")


class _Rows:
    """The rows of a table that are not blank, each with the line where it begins."""

    def __init__(self, path: Path, texts: Iterable[str], separator: str) -> None:
        self._path = path
        self._rows = csv.reader(_lines(path, texts), delimiter=separator, strict=True)

    def names(self) -> list[str]:
        """Returns the names of columns, in the first row that names no separator; empty ones may occur."""
        line, cells = next(self, (1, []))
        if cells and is_separator(cells[0]):
            line, cells = next(self, (line, []))
        names = [name.strip() for name in cells]
        twice = sorted({name for name in names if name and names.count(name) > 1})
        if twice:
            raise UserError(f"{self._path}:{line}: two columns have the name {twice[0]!r}; give each its own")
        return names

    def __iter__(self) -> "_Rows":
        return self

    def __next__(self) -> tuple[int, list[str]]:
        while True:
            line = self._rows.line_num + 1
            try:
                cells = next(self._rows)
            except csv.Error as error:
                raise UserError(f"{self._path}:{line}: {_described(error)}") from None
            if cells:
                return line, cells


def _described(error: csv.Error) -> str:
    if "new-line" in str(error):
        return "in the row that begins here a cell without quotes has a carriage return; put the cell between quotes"
    what = "in the row that begins here a quote is not closed, or one inside of a cell is not written twice"
    return f"{what} ({error}); correct the quotes"


def _problem(cells: list[str], names: list[str], separator: str) -> str | None:
    """Returns why a row cannot be used."""
    if [cells[0].removeprefix(MARK).strip(), *(cell.strip() for cell in cells[1:])] == names:
        return "the names of the columns again, as in files that were joined; the row is left out"
    if len(cells) != len(names):
        more = f"put cells that contain {separator!r} or line ends between quotes"
        remedy = more if len(cells) > len(names) else f"an empty cell needs its {separator!r} too"
        return f"expected {len(names)} cells, as the first line names, found {len(cells)}; {remedy}"
    # A single one is a column like others, as the index that pandas writes.
    if names.count("") > 1 and any(cell and not name for name, cell in zip(names, cells)):
        return "a cell in one of several columns without a name; name them in the first line"
    if any(_QUOTED_AFTER_SPACE.fullmatch(cell) for cell in cells):
        return "a quote after white space, which would be part of the text; remove the white space before it"
    return None


def _lines(path: Path, texts: Iterable[str]) -> Iterator[str]:
    """Yields lines with their ends.

    These are line feeds, also after carriage returns, or carriage returns if the first line ends so.
    """
    pieces = iter(texts)
    begin = next(pieces, "")
    while begin and not re.search("\n|\r.", begin) and (more := next(pieces, "")):
        begin += more
    first = re.search("\r?\n|\r", begin)
    end = _ANY_LINE_END if first is not None and first[0] == "\r" else _LINE_FEED
    held = ""
    for text in chain([begin.removeprefix(MARK)], pieces):
        if "\0" in text:
            raise UserError(f"{path}: a NUL character; is the file damaged, or partly UTF-16?")
        *lines, held = end.split(held + text)
        yield from lines
    if held:
        yield held
