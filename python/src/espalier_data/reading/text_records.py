"""Reads JSON arrays, JSON lines and tables in text, plain or gzipped, with the location of each record."""

import re
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

from ..errors import UserError
from . import contents, json_array, json_containers, json_lines, text_stream, text_tables
from .record import Progress, Record

#: A compressed file may decompress to this many bytes, or to this multiple of its size. gzip can expand a thousandfold.
MAX_DECOMPRESSED_BYTES, MAX_EXPANSION = 1 << 28, 100
#: White space and byte order marks.
_BLANK = re.compile("[\\s\ufeff]*")


def read(path: Path, progress: Progress | None = None) -> Iterator[Record]:
    """Yields the records of a JSON array, JSON lines or a table, optionally with `.gz`, with bounded memory."""
    limit = max(MAX_DECOMPRESSED_BYTES, MAX_EXPANSION * path.stat().st_size)
    texts = text_stream.read(path, limit, progress or Progress())
    begin = []
    for text in texts:
        begin.append(text)
        if _BLANK.fullmatch(text) is None:
            break
    else:
        raise UserError(_emptiness(path, begin))
    separator = contents.separator(path, begin[-1])
    if separator is None:
        yield from _json(path, begin, texts)
    else:
        yield from text_tables.read(path, chain(begin, texts), separator)


def _json(path: Path, begin: list[str], texts: Iterator[str]) -> Iterator[Record]:
    text = begin[-1][_BLANK.match(begin[-1]).end() :]
    following = next(texts, None)
    whole = chain(begin, [following] if following else [], texts)
    if text[0] == "[":
        yield from _some(path, json_array.read(path, whole))
        return
    has_only_returns = "\n" not in begin[-1] and "\r" in text.rstrip()
    if text[0] == "{" and not has_only_returns:
        json_containers.check_spread(path, text, is_whole=following is None)
    yield from _several(path, json_lines.read(path, whole, has_only_returns))


def _several(path: Path, records: Iterator[Record]) -> Iterator[Record]:
    """Checks that the only record of a file is not an object with records in it."""
    begin = list(islice(records, 2))
    if len(begin) == 1:
        json_containers.check_only_record(path, begin[0].value)
    yield from begin
    yield from records


def _some(path: Path, records: Iterator[Record]) -> Iterator[Record]:
    first = next(records, None)
    if first is None:
        raise UserError(f"{path}: an empty list; check the program that wrote it")
    yield first
    yield from records


def _emptiness(path: Path, texts: list[str]) -> str:
    what = "only blank lines" if texts else "an empty file"
    return f"{path}: {what}; check the program that wrote it, or download it again"
