"""Reads JSON lines as a stream, also lines that end in CR alone and files joined with their byte order marks."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .json_values import DECODER, ERRORS, MARK, is_incomplete, problem
from .record import Record

#: Where a line that is not one value may consist of several.
_SEPARATOR = re.compile(f"(\r|{MARK})")
_ANY_LINE_END = re.compile("\r\n|\r|\n")
#: A value that contains carriage returns in its white space is joined from at most this many parts.
_MOST_PARTS = 1000


def read(path: Path, texts: Iterable[str], has_only_returns: bool) -> Iterator[Record]:
    """Yields a record for each line; `has_only_returns` if lines end in CR alone."""
    if has_only_returns:
        lines = enumerate(_split(texts, _ANY_LINE_END.split), start=1)
        yield from _joined(path, (_Part("\r", line.removeprefix(MARK), number) for number, line in lines))
        return
    number = 0
    for line in _split(texts, lambda text: text.split("\n")):
        number += 1
        line = line.removeprefix(MARK)
        if not line.strip():
            continue
        try:
            yield Record(f"{path}:{number}", DECODER.decode(line))
        except ERRORS as error:
            if _SEPARATOR.search(line.rstrip()) is None:
                yield Record(f"{path}:{number}", problem=problem(error, text=line))
            else:
                yield from _joined(path, _parts(line, number))
                number += line.removesuffix("\r").count("\r")


def _split(texts: Iterable[str], split: Callable[[str], list[str]]) -> Iterator[str]:
    """Yields lines without their ends; a long line is joined once from its pieces."""
    pieces: list[str] = []
    for text in texts:
        first, *lines = split(text)
        pieces.append(first)
        if lines:
            yield "".join(pieces)
            yield from lines[:-1]
            pieces = [lines[-1]]
    yield "".join(pieces)


@dataclass
class _Part:
    """Text on a line that may be a value or a piece of one, and the separator before it."""

    separator: str
    text: str
    line: int
    #: The number of parts that this one was joined from, and what is wrong with the first.
    count: int = 1
    problem: str = ""

    def followed_by(self, part: "_Part") -> "_Part":
        """Returns both as one part, on the line of the first."""
        text = self.text + part.separator + part.text
        return _Part(self.separator, text, self.line, self.count + 1, self.problem)


def _parts(line: str, number: int) -> Iterator[_Part]:
    first, *rest = _SEPARATOR.split(line)
    yield _Part("", first, number)
    for separator, text in zip(rest[::2], rest[1::2]):
        number += separator == "\r"
        yield _Part(separator, text, number)


def _joined(path: Path, parts: Iterable[_Part]) -> Iterator[Record]:
    """Yields the values of the parts, of which each is a value, or several are: CR is also white space in a value."""
    held: _Part | None = None
    for part in parts:
        whole = part if held is None else held.followed_by(part)
        value, error = _decoded(whole.text)
        if held is not None and error is not None and not _may_go_on(whole, error):
            # The value that began earlier is broken, and the part may be another.
            yield Record(f"{path}:{held.line}", problem=held.problem)
            whole = part
            value, error = _decoded(part.text)
        held = None
        if not whole.text.strip():
            continue
        if error is None:
            yield Record(f"{path}:{whole.line}", value)
        elif _may_go_on(whole, error):
            held = replace(whole, problem=whole.problem or problem(error, text=whole.text))
        else:
            yield Record(f"{path}:{whole.line}", problem=problem(error, text=whole.text))
    if held is not None:
        yield Record(f"{path}:{held.line}", problem=held.problem)


def _may_go_on(part: _Part, error: Exception) -> bool:
    return part.count < _MOST_PARTS and is_incomplete(error, part.text.rstrip())


def _decoded(text: str) -> tuple[Any, Exception | None]:
    try:
        return DECODER.decode(text), None
    except ERRORS as error:
        return None, error
