"""Reads a file as a stream of decoded text, plain or gzipped, with the location of what cannot be decoded."""

import codecs
import gzip
import os
import shlex
import stat
import zlib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from ..errors import UserError
from . import contents, remedies
from .record import Progress

#: The number of bytes that are read at a time; memory is a small multiple, unless a record is longer.
CHUNK = 1 << 20
_OFTEN = "from the encoding of spreadsheet programs by"

_MARKS = (
    (b"\xff\xfe\0\0", "UTF-32", "UTF-32"),
    (b"\0\0\xfe\xff", "UTF-32", "UTF-32"),
    (b"\xff\xfe", "UTF-16", "UTF-16"),
    (b"\xfe\xff", "UTF-16", "UTF-16"),
)
# Which of the first four bytes are not 0, for text that begins with characters of ASCII, as JSON does.
_PATTERNS = {
    (True, False, False, False): ("UTF-32", "UTF-32LE"),
    (False, False, False, True): ("UTF-32", "UTF-32BE"),
    (True, False, True, False): ("UTF-16", "UTF-16LE"),
    (False, True, False, True): ("UTF-16", "UTF-16BE"),
}


def read(path: Path, limit: int, progress: Progress) -> Iterator[str]:
    """Yields the text in pieces; a compressed file may decompress to at most `limit` bytes."""
    pieces = _bytes(path, limit, progress)
    head = next(pieces, b"")
    if path.suffix == ".gz" and head.startswith(b"\x1f\x8b"):
        raise UserError(f"{path}: compressed twice; decompress it once: gzip -dk {shlex.quote(str(path))}")
    contents.check(path, head)
    _check_encoding(path, head)
    yield from _decoded(path, chain([head], pieces))


def _bytes(path: Path, limit: int, progress: Progress) -> Iterator[bytes]:
    with open(path, "rb") as file:
        status = os.fstat(file.fileno())
        progress.total = status.st_size if stat.S_ISREG(status.st_mode) else None
        if path.suffix == ".gz":
            _check_compressed(path, file)
        stream = gzip.GzipFile(fileobj=file) if path.suffix == ".gz" else file
        size = 0
        while piece := _piece(path, stream):
            size += len(piece)
            if path.suffix == ".gz" and size > limit:
                raise UserError(
                    f"{path}: decompresses to more than {limit} bytes; decompress it by hand if this is intended"
                )
            progress.done = size if progress.total is None else file.tell()
            yield piece


def _piece(path: Path, stream: BinaryIO) -> bytes:
    try:
        return stream.read(CHUNK)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path}: not a complete gzip file ({error}); download or create it again") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from None


def _check_compressed(path: Path, file: BinaryIO) -> None:
    """Raises an error that says what a file is whose name ends with .gz, if its content is of another known kind."""
    if file.seekable():
        contents.check(path, file.read(512), but="a gzip file")
        file.seek(0)


def _check_encoding(path: Path, head: bytes) -> None:
    for mark, name, encoding in _MARKS:
        if head.startswith(mark):
            raise _wrong_encoding(path, name, encoding)
    pattern = tuple(byte != 0 for byte in head[:4])
    if pattern in _PATTERNS:
        raise _wrong_encoding(path, *_PATTERNS[pattern])


def _wrong_encoding(path: Path, name: str, encoding: str) -> UserError:
    return UserError(f"{path}: {name} text, expected UTF-8; convert it: {remedies.utf8(path, encoding)}")


def _decoded(path: Path, pieces: Iterator[bytes]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")()
    start, lines = 0, 1
    for piece in chain(pieces, [b""]):
        pending = len(decoder.getstate()[0])
        try:
            text = decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            line = lines + error.object.count(b"\n", 0, error.start)
            place = f"at byte {start - pending + error.start} of the file"
            if error.object[error.start :].startswith((b"\xff\xfe", b"\xfe\xff")):
                remedy = "convert each to UTF-8 before they are joined"
                raise UserError(f"{path}:{line}: UTF-16 after UTF-8, {place}: two files; {remedy}") from None
            remedy = f"convert it, {_OFTEN} {remedies.utf8(path, 'WINDOWS-1252')}"
            raise UserError(f"{path}:{line}: not UTF-8 {place}; {remedy}") from None
        start += len(piece)
        lines += text.count("\n")
        if text:
            yield text
