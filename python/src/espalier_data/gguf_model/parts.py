"""Reads models that llama-gguf-split has divided into several files."""

import re
import shlex
from pathlib import Path
from typing import Any

from ..errors import UserError
from . import file as gguf_file
from .file import GGUFFile

_PART_NAME = re.compile(r"(?P<begin>.*-)(?P<number>\d{5})(?P<end>-of-(?P<count>\d{5})\.gguf)")
#: At most this many missing parts are listed.
_LISTED = 5


def read(file: Path) -> GGUFFile:
    """Reads a model from one file, or from all parts if `file` is one of them."""
    content = gguf_file.read(file)
    number, count = _position(content.metadata)
    if count < 2:
        return content
    files = _part_files(file, number, count)
    contents = [content if part == file else gguf_file.read(part) for part in files]
    for index, (part, found) in enumerate(zip(files, contents)):
        if _position(found.metadata) != (index, count):
            raise UserError(f"{part}: expected part {index + 1} of {count} of a model, found {_described(found)}")
    return _joined(files, contents)


def part_by_name(file: Path) -> str:
    """Returns what the name says about a file that lacks tensors: that it is a part, or nothing."""
    name = _PART_NAME.fullmatch(file.name)
    if name is None or int(name["count"]) < 2:
        return ""
    number, count = int(name["number"]), int(name["count"])
    return f"; its name says part {number} of {count}: merge the parts with llama-gguf-split --merge"


def _position(metadata: dict[str, Any]) -> tuple[int, int]:
    """Returns the index of a part and the number of parts; (0, 1) for a file that is not a part."""
    count, index = metadata.get("split.count"), metadata.get("split.no", 0)
    return (index, count) if isinstance(count, int) and isinstance(index, int) and count > 1 else (0, 1)


def _described(content: GGUFFile) -> str:
    index, count = _position(content.metadata)
    return f"part {index + 1} of {count}" if count > 1 else "a complete model"


def _part_files(file: Path, index: int, count: int) -> list[Path]:
    """Returns the files of all parts; raises an error that lists those that are missing."""
    name = _PART_NAME.fullmatch(file.name)
    begin = f"{file}: part {index + 1} of {count} of a model; "
    if name is None or int(name["count"]) != count:
        first = shlex.quote(str(file)) if index == 0 else "FIRST-PART"
        raise UserError(
            f"{begin}its name does not say where the others are: give all parts their names, "
            f"NAME-{index + 1:05}-of-{count:05}.gguf, or merge them: llama-gguf-split --merge {first} MERGED.gguf"
        )
    files = [file.with_name(f"{name['begin']}{part:05}{name['end']}") for part in range(1, count + 1)]
    missing = [part.name for part in files if not part.is_file()]
    if missing:
        more = f" and {len(missing) - _LISTED} more" if len(missing) > _LISTED else ""
        raise UserError(
            f"{begin}missing in the same directory: {', '.join(missing[:_LISTED])}{more}; add them, or merge all parts "
            f"elsewhere and import the merged file: llama-gguf-split --merge {shlex.quote(str(files[0]))} MERGED.gguf"
        )
    return files


def _joined(files: list[Path], contents: list[GGUFFile]) -> GGUFFile:
    tensors: dict[str, Any] = {}
    for part, content in zip(files, contents):
        again = next((name for name in content.tensors if name in tensors), None)
        if again is not None:
            raise UserError(f"{part}: the tensor {again} is in an earlier part too; are the parts of one model?")
        tensors |= content.tensors
    metadata = contents[0].metadata
    expected = metadata.get("split.tensors.count", len(tensors))
    if expected != len(tensors):
        raise UserError(
            f"{files[0]}: the parts have {len(tensors)} tensors together, expected {expected} (split.tensors.count); "
            "download them again"
        )
    return GGUFFile(metadata, tensors)
