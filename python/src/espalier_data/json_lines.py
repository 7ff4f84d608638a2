"""Reads JSON lines as a stream, also lines that end in CR alone and files joined with their byte order marks."""

import re
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
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
        yield from _joined(path, ((_Part("\r", line), number) for number, line in lines))
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
    """Text that may be a value or a piece of one, and the separator before it."""

    separator: str
    text: str


def _parts(line: str, number: int) -> Iterator[tuple[_Part, int]]:
    first, *rest = _SEPARATOR.split(line)
    yield _Part("", first), number
    for separator, text in zip(rest[::2], rest[1::2]):
        number += separator == "\r"
        yield _Part(separator, text), number


def _joined(path: Path, parts: Iterable[tuple[_Part, int]]) -> Generator[Record]:
    """Yields the values of the parts, of which each is a value, or several are: CR is also white space in a value."""
    held, count, start, reason = "", 0, 0, ""
    for part, number in parts:
        if held:
            value, error = _decoded(text := held + part.separator + part.text)
            if error is None or (is_incomplete(error, text.rstrip()) and count < _MOST_PARTS):
                held, count = (text, count + 1) if error else ("", 0)
                if error is None:
                    yield Record(f"{path}:{start}", value)
                continue
            yield Record(f"{path}:{start}", problem=reason)
            held = ""
        text = part.text.removeprefix(MARK)
        if not text.strip():
            continue
        value, error = _decoded(text)
        if error is None:
            yield Record(f"{path}:{number}", value)
        elif is_incomplete(error, text.rstrip()):
            held, count, start, reason = text, 1, number, problem(error, text=text)
        else:
            yield Record(f"{path}:{number}", problem=problem(error, text=text))
    if held:
        yield Record(f"{path}:{start}", problem=reason)


def _decoded(text: str) -> tuple[Any, Exception | None]:
    try:
        return DECODER.decode(text), None
    except ERRORS as error:
        return None, error
