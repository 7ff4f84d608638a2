"""Reads JSON arrays and JSON lines, plain or gzipped, and remembers where each record stands."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import UserError


@dataclass(frozen=True)
class Record:
    """One JSON value of a source file; `problem` is set, and `value` is not, where it could not be read."""

    path: Path
    line: int
    value: Any = None
    problem: str | None = None

    @property
    def place(self) -> str:
        return f"{self.path}:{self.line}"


def read(path: Path) -> Iterator[Record]:
    """The records of a `.json` array or `.jsonl` file, either of them possibly `.gz`."""
    text = _text(path)
    if text.lstrip()[:1] == "[":
        yield from _array(path, text)
    else:
        yield from _lines(path, text)


def _text(path: Path) -> str:
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as file:
            return file.read().decode("utf-8-sig")
    except (gzip.BadGzipFile, EOFError) as error:
        raise UserError(f"{path}: not a whole gzip file ({error})") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 at byte {error.start}") from None


def _lines(path: Path, text: str) -> Iterator[Record]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            yield Record(path, number, json.loads(line))
        except json.JSONDecodeError as error:
            yield Record(path, number, problem=f"not valid JSON: {error.msg} at column {error.colno}")


def _array(path: Path, text: str) -> Iterator[Record]:
    """Decodes element by element, so that each is known by its line and those before a fault are not lost."""
    decoder = json.JSONDecoder()
    line, counted = 1, 0
    position = _skip(text, text.index("[") + 1)
    while position < len(text) and text[position] != "]":
        line += text.count("\n", counted, position)
        counted = position
        try:
            value, end = decoder.raw_decode(text, position)
            position = _skip(text, end)
            if position >= len(text) or text[position] not in ",]":
                raise json.JSONDecodeError("expected , or ]", text, position)
        except json.JSONDecodeError as error:
            problem = f"not valid JSON: {error.msg} at column {error.colno}; what follows is lost"
            yield Record(path, error.lineno, problem=problem)
            return
        yield Record(path, line, value)
        if text[position] == ",":
            position = _skip(text, position + 1)
    if position >= len(text):
        yield Record(path, line, problem="the array does not end: a truncated file?")


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    return position
