"""Reads the elements of a JSON array as a stream."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from .json_values import DECODER, ERRORS, LONGEST_TOKEN, is_incomplete, problem
from .record import Record

_WHITE_SPACE = " \t\r\n"
_SKIPPED = "the rest of the file is skipped"


def read(path: Path, texts: Iterable[str]) -> Iterator[Record]:
    """Decodes element by element, so that each has its line number and those before a syntax error are kept.

    Before the array there are only white space and byte order marks.
    """
    text = _Text(texts)
    while text.next() != "[":
        text.advance()
    text.advance()
    while text.next() not in ("]", ""):
        line = text.line
        try:
            value = text.value()
        except ERRORS as error:
            line, column = text.location(error.pos) if hasattr(error, "pos") else (line, 0)
            yield Record(f"{path}:{line}", problem=f"{problem(error, column)}; {_SKIPPED}")
            return
        yield Record(f"{path}:{line}", value)
        if text.next() == ",":
            text.advance()
        elif text.next() not in ("]", ""):
            line, column = text.location(text.position)
            reason = f"not valid JSON: expected , or ] at column {column}; {_SKIPPED}"
            yield Record(f"{path}:{line}", problem=reason)
            return
    if text.next() == "":
        yield Record(f"{path}:{text.line}", problem="the array is not closed; is the file truncated?")
        return
    line = text.line
    text.advance()
    if text.next():
        yield Record(f"{path}:{line}", problem=f"unexpected text after the array; {_SKIPPED}")


class _Text:
    """A window of a stream of text, with a position in it."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = iter(texts)
        self._window = ""
        self.position = 0
        # Up to where lines are counted, the line there, and the characters before the window and before that line.
        self._counted, self._line, self._before, self._before_line = 0, 1, 0, 0

    @property
    def line(self) -> int:
        """The line of the position, from 1."""
        lines = self._window.count("\n", self._counted, self.position)
        if lines:
            self._line += lines
            self._before_line = self._before + self._window.rindex("\n", self._counted, self.position) + 1
        self._counted = self.position
        return self._line

    def location(self, index: int) -> tuple[int, int]:
        """Returns the line and the column, from 1, of an index of the window that is not before the position."""
        line = self.line + self._window.count("\n", self.position, index)
        end = self._window.rfind("\n", self.position, index)
        return line, self._before + index + 1 - (self._before_line if end < 0 else self._before + end + 1)

    def next(self) -> str:
        """Skips white space; returns the next character without consuming it, or nothing at the end."""
        while True:
            while self.position < len(self._window) and self._window[self.position] in _WHITE_SPACE:
                self.position += 1
            if self.position < len(self._window):
                return self._window[self.position]
            if not self._extend():
                return ""

    def advance(self) -> None:
        """Consumes one character."""
        self.position += 1

    def value(self) -> Any:
        """Consumes a value; reads as much text as it needs."""
        while True:
            try:
                value, end = DECODER.raw_decode(self._window, self.position)
            except ERRORS as error:
                # A number that is too long may be longer still.
                cut = is_incomplete(error, self._window, LONGEST_TOKEN) or self._window[-1].isdecimal()
                if cut and self._extend():
                    continue
                raise
            # A number at the window's end may go on.
            if isinstance(value, (int, float)) and end >= len(self._window) - 2 and self._extend():
                continue
            self.position = end
            return value

    def _extend(self) -> bool:
        """Drops the text before the position and adds at least as much as remains; returns whether there was any."""
        text = next(self._texts, None)
        if text is None:
            return False
        _ = self.line  # Counts the lines of the text that is dropped.
        pieces, size, rest = [self._window[self.position :], text], len(text), len(self._window) - self.position
        while size < rest and (text := next(self._texts, None)) is not None:
            pieces.append(text)
            size += len(text)
        self._before += self.position
        self._window, self.position, self._counted = "".join(pieces), 0, 0
        return True
