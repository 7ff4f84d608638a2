"""Reads JSON arrays and JSON lines, plain or gzipped, and remembers where each record stands."""

import gzip
import json
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .errors import UserError
from .record import Record


def read(path: Path) -> Iterator[Record]:
    """The records of a `.json` array or `.jsonl` file, either of them possibly `.gz`."""
    text = _text(path)
    if text.lstrip()[:1] == "[":
        yield from _array(path, text)
    else:
        yield from _lines(path, text)


#: The most bytes that a packed file may unpack to: so many, or so many times its size. gzip can make a thousand of one.
UNPACKED_BYTES, UNPACKED_TIMES = 1 << 28, 100


def _text(path: Path) -> str:
    try:
        return _bytes(path).decode("utf-8-sig")
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path}: not a whole gzip file ({error}); fetch or write it again") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}:{line}: not UTF-8 at byte {error.start} of the file; convert it to UTF-8") from None


def _bytes(path: Path) -> bytes:
    if path.suffix != ".gz":
        return path.read_bytes()
    most = max(UNPACKED_BYTES, UNPACKED_TIMES * path.stat().st_size)
    with gzip.open(path, "rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise UserError(f"{path}: unpacks to more than {most} bytes; unpack it by hand if that is right")
    return content


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object's members, none of them twice: which one of two is meant nobody knows."""
    value = dict(members)
    if len(value) < len(members):
        [(name, _)] = Counter(name for name, _ in members).most_common(1)
        raise ValueError(f"the name {name!r} is there twice")
    return value


def _lines(path: Path, text: str) -> Iterator[Record]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            yield _record(path, number, json.loads(line, object_pairs_hook=_unique))
        except (ValueError, RecursionError) as error:
            yield _record(path, number, problem=_problem(error))


def _array(path: Path, text: str) -> Iterator[Record]:
    """Decodes element by element, so that each is known by its line and those before a fault are not lost."""
    decoder = json.JSONDecoder(object_pairs_hook=_unique)
    line, counted = 1, 0
    position = _skip(text, text.index("[") + 1)
    while position < len(text) and text[position] != "]":
        line += text.count("\n", counted, position)
        counted = position
        try:
            value, end = decoder.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            yield _record(path, getattr(error, "lineno", line), problem=f"{_problem(error)}; what follows is lost")
            return
        yield _record(path, line, value)
        position = _skip(text, end)
        if position < len(text) and text[position] not in ",]":
            error = json.JSONDecodeError("expected , or ]", text, position)
            yield _record(path, error.lineno, problem=f"{_problem(error)}; what follows is lost")
            return
        if position < len(text) and text[position] == ",":
            position = _skip(text, position + 1)
    line += text.count("\n", counted, position)
    if position >= len(text):
        yield _record(path, line, problem="the array does not end: a truncated file?")
    elif _skip(text, position + 1) < len(text):
        yield _record(path, line, problem="something follows the array; what follows is lost")


def _record(path: Path, line: int, value: Any = None, problem: str | None = None) -> Record:
    return Record(f"{path}:{line}", value, problem)


def _problem(error: ValueError | RecursionError) -> str:
    """Why a value could not be read; besides faults of syntax, endless numbers, endless nesting and a name that is
    there twice are refused."""
    if isinstance(error, json.JSONDecodeError):
        return f"not valid JSON: {error.msg.removesuffix(' at')} at column {error.colno}"
    return f"not readable JSON: {error}"


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    return position
