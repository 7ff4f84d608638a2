"""Recognizes what is in a file by its first bytes, and says how to get data from a kind that is not read."""

import re
import shlex
from pathlib import Path

from ..errors import UserError
from . import text_tables

#: The sources that are read, for error messages.
READ = "expected JSON, JSON lines or CSV (optionally .gz), .parquet, or a directory"
_UNPACK = "unpack it and pass the data files in it, or export the table of a spreadsheet as CSV"
_ARROW = (
    "pass the directory that save_to_disk wrote, with state.json, instead of a file in it; or convert it to Parquet"
)
_TENSORS = "pass preference data; a model is given with --model, and a prepared file to espalier train"

# The first bytes, what they identify, and the remedy. {path} is quoted for a shell.
_STARTS = (
    (b"\x1f\x8b", "a gzip file", "add .gz to its name"),
    (b"PAR1", "a Parquet file", "its name must end with .parquet; rename it"),
    (b"\xfd7zXZ\0", "an xz file", "decompress it first: xz -dk {path}"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file", "decompress it first: zstd -d {path}"),
    (b"BZh", "a bzip2 file", "decompress it first: bzip2 -dk {path}"),
    (b"\x04\x22\x4d\x18", "an LZ4 file", "decompress it first: lz4 -d {path}"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (b"PK\x03\x04", "a ZIP archive, or a file of PyTorch, NumPy or a spreadsheet", _UNPACK),
    (b"PK\x05\x06", "an empty ZIP archive", _UNPACK),
    (b"ARROW1", "an Arrow file", _ARROW),
    (b"\xff\xff\xff\xff", "an Arrow stream", _ARROW),
    (b"GGUF", "a GGUF model", "pass preference data; espalier-import-gguf converts models"),
    (b"\x93NUMPY", "a NumPy array", READ),
    (b"\x89HDF\r\n", "an HDF5 file", READ),
    (b"SQLite format 3\0", "an SQLite database", "export its rows as JSON lines"),
    (b"%PDF-", "a PDF document", READ),
    (b"\x89PNG\r\n", "a PNG image", READ),
    (b"\xff\xd8\xff", "a JPEG image", READ),
    (b"Obj\x01", "an Avro file", "convert it to JSON lines or Parquet"),
    (b"\x7fELF", "a program", READ),
    (
        b"version https://git-lfs.github.com/spec/",
        "a Git LFS pointer in place of the data",
        "fetch the data: git lfs pull; or download the file itself",
    ),
)
_MARKUP = (
    (
        rb"<!doctype html|<html",
        "an HTML page",
        "download the file itself; on the Hub its address has resolve, not blob",
    ),
    (rb"<\?xml|<error>", "an XML document, perhaps the error of a server", "download the file again"),
)
_NOT_DOWNLOADED = ("a Git LFS pointer", "an HTML page", "an XML document")
_PICKLE = re.compile(rb"\x80[\x02-\x05][\x95}\](cX\x8a]")
#: Signs between columns, and the usual one for the end of a file's name.
_SEPARATORS = (",", "\t", ";", "|")
_USUAL = {".csv": ",", ".tsv": "\t"}
_COLUMNS = "prompt chosen rejected question instruction input output response responses answer text label messages id"


def described(head: bytes) -> tuple[str, str] | None:
    """Returns what a file is and the remedy, if its first bytes identify a kind that is not JSON text."""
    for start, name, remedy in _STARTS:
        if head.startswith(start):
            return name, remedy
    if head[257:262] == b"ustar":
        return "a tar archive", "unpack it first: tar -xf {path}"
    if 2 <= int.from_bytes(head[:8], "little") < 1 << 30 and head[8:10] == b'{"':
        return "a safetensors file", _TENSORS
    if _PICKLE.match(head):
        return "a Python pickle, perhaps of PyTorch", READ
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:16].lower()
    for pattern, name, remedy in _MARKUP:
        if re.match(pattern, text):
            return name, remedy
    return None


def check(path: Path, head: bytes, but: str = "") -> None:
    """Raises an error if the first bytes identify a kind of file other than JSON text and other than `but`."""
    found = described(head)
    if found is not None and found[0] != but:
        name, remedy = found
        raise UserError(f"{path}: {name}; {remedy.format(path=shlex.quote(str(path)))}")


def check_download(path: Path) -> None:
    """Raises an error if the file is what a failed or incomplete download leaves in place of data."""
    with open(path, "rb") as file:
        head = file.read(512)
    found = described(head)
    if found is not None and found[0].startswith(_NOT_DOWNLOADED):
        check(path, head)


def separator(path: Path, text: str) -> str | None:
    """Returns the sign between the columns of a table, known by its name or its first line; None for JSON.

    Raises an error for other text, known by the file's name.
    """
    start = text.lstrip("\ufeff \t\r\n")
    suffix = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    if start[:1] in ("{", "["):
        return None
    first = re.split(r"[\r\n]", start, maxsplit=1)[0]
    mark = _mark(first, suffix.lower())
    if mark is None and suffix.lower() not in (".json", ".jsonl", ".ndjson", ".gz", ""):
        raise UserError(f"{path}: text that is not JSON; {READ}")
    return mark


def _mark(line: str, suffix: str) -> str | None:
    """Returns the sign between the columns of a table, by its header; None if the text is no table."""
    if text_tables.is_separator(line) and line[4:5] in _SEPARATORS:
        return line[4]
    outside = re.sub(r'"[^"]*"', "", line)
    likely = max(_SEPARATORS, key=lambda mark: (outside.count(mark), mark == _USUAL.get(suffix)))
    if suffix in _USUAL:
        return likely if likely in outside else _USUAL[suffix]
    return likely if _is_header(line, likely) else None


def _is_header(line: str, mark: str) -> bool:
    """Returns whether the line names columns, some of which are those of preference data."""
    cells = [cell.strip().strip('"') for cell in line.split(mark)]
    named = all(re.fullmatch(r"\w[\w .-]{0,60}|", cell) for cell in cells)
    return len(cells) > 1 and named and bool(set(_COLUMNS.split()) & {cell.lower() for cell in cells})
