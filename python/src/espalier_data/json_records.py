"""Reads JSON arrays and JSON lines, plain or gzipped, with the location of each record."""

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
    """Yields the records of a `.json` array or `.jsonl` file, optionally with `.gz`."""
    text = _text(path)
    if text.lstrip()[:1] == "[":
        yield from _array(path, text)
    else:
        yield from _lines(path, text)


#: A compressed file may decompress to this many bytes, or to this multiple of its size. gzip can expand a thousandfold.
MAX_DECOMPRESSED_BYTES, MAX_EXPANSION = 1 << 28, 100


def _text(path: Path) -> str:
    try:
        return _bytes(path).decode("utf-8-sig")
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path}: not a complete gzip file ({error}); download or create it again") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}:{line}: not UTF-8 at byte {error.start} of the file; convert it to UTF-8") from None


def _bytes(path: Path) -> bytes:
    if path.suffix != ".gz":
        return path.read_bytes()
    limit = max(MAX_DECOMPRESSED_BYTES, MAX_EXPANSION * path.stat().st_size)
    with gzip.open(path, "rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise UserError(f"{path}: decompresses to more than {limit} bytes; decompress it by hand if this is intended")
    return content


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Returns an object's members; duplicate keys are errors, since programs interpret them differently."""
    value = dict(members)
    if len(value) < len(members):
        [(name, _)] = Counter(name for name, _ in members).most_common(1)
        raise ValueError(f"duplicate key {name!r}")
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
    """Decodes element by element, so that each has its line number and those before a syntax error are kept."""
    decoder = json.JSONDecoder(object_pairs_hook=_unique)
    line, counted = 1, 0
    position = _skip(text, text.index("[") + 1)
    while position < len(text) and text[position] != "]":
        line += text.count("\n", counted, position)
        counted = position
        try:
            value, end = decoder.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            yield _record(
                path, getattr(error, "lineno", line), problem=f"{_problem(error)}; the rest of the file is skipped"
            )
            return
        yield _record(path, line, value)
        position = _skip(text, end)
        if position < len(text) and text[position] not in ",]":
            error = json.JSONDecodeError("expected , or ]", text, position)
            yield _record(path, error.lineno, problem=f"{_problem(error)}; the rest of the file is skipped")
            return
        if position < len(text) and text[position] == ",":
            position = _skip(text, position + 1)
    line += text.count("\n", counted, position)
    if position >= len(text):
        yield _record(path, line, problem="the array is not closed; is the file truncated?")
    elif _skip(text, position + 1) < len(text):
        yield _record(path, line, problem="unexpected text after the array; the rest of the file is skipped")


def _record(path: Path, line: int, value: Any = None, problem: str | None = None) -> Record:
    return Record(f"{path}:{line}", value, problem)


def _problem(error: ValueError | RecursionError) -> str:
    """Describes why a value could not be read: a syntax error, a very long number, deep nesting or a duplicate key."""
    if isinstance(error, json.JSONDecodeError):
        return f"not valid JSON: {error.msg.removesuffix(' at')} at column {error.colno}"
    return f"not readable JSON: {error}"


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    return position
