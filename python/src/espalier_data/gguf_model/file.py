"""Opens GGUF files; reports what is wrong with those that are not complete, or not GGUF at all."""

import re
import shlex
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UserError, one_line
from ..reading import contents

#: Files that were cut after a number of bytes: model.gguf-split-a, model.gguf.part2of3, model.gguf.001.
_CUT_NAME = re.compile(r"(?P<whole>.+\.gguf)[-._](split[-_]?|part[-_]?)?([a-z]{1,2}|\d+(of\d+)?)")
_NEWEST_VERSION = 3


@dataclass(frozen=True)
class GGUFFile:
    """The content of a GGUF file: metadata, and tensors by name as the library `gguf` describes them."""

    metadata: dict[str, Any]
    tensors: dict[str, Any]


def read(file: Path) -> GGUFFile:
    """Reads the metadata and maps the tensors; errors name the file."""
    if not file.is_file():
        raise UserError(f"{file}: expected a GGUF file, found none")
    with open(file, "rb") as stream:
        _check_head(file, stream.read(512))
    try:
        reader = _reader(file)
        metadata = {name: field.contents() for name, field in reader.fields.items()}
    except OSError:
        raise
    except Exception as error:  # The library and numpy raise various errors for missing or damaged bytes.
        raise UserError(
            f"{file}: not a complete GGUF file ({one_line(error) or type(error).__name__}); {_remedy(file, error)}"
        ) from None
    for name in (*metadata, *(tensor.name for tensor in reader.tensors)):
        if not name.isprintable():
            raise UserError(f"{file}: the name {name!r} has control characters; is the file damaged?")
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    if len(tensors) < len(reader.tensors):
        [(name, count)] = Counter(tensor.name for tensor in reader.tensors).most_common(1)
        raise UserError(f"{file}: the tensor {name} is there {count} times; is the file damaged?")
    return GGUFFile(metadata, tensors)


def _reader(file: Path) -> Any:
    from gguf import GGUFReader
    from numpy import dtype

    class Reader(GGUFReader):
        """Stops at the end of the file, where the library would go on with empty arrays."""

        def _get(self, offset: int, kind: Any, count: int = 1, *arguments: Any, **options: Any) -> Any:
            if int(offset) + int(count) * dtype(kind).itemsize > len(self.data):
                raise ValueError("it ends too early")
            return super()._get(offset, kind, count, *arguments, **options)

    return Reader(file)


def _check_head(file: Path, head: bytes) -> None:
    if not head.startswith(b"GGUF"):
        found = contents.described(head)
        if found is not None:
            raise UserError(f"{file}: {found[0]}, expected a GGUF file")
        if head.startswith((b"ggml", b"lmgg", b"ggmf", b"fmgg", b"ggjt", b"tjgg")):
            raise UserError(f"{file}: a GGML file, the predecessor of GGUF; download the model as GGUF")
        return
    version = head[4:8]
    if len(version) == 4 and version[2:] != b"\0\0" and version[:2] == b"\0\0":
        command = f"gguf-convert-endian {shlex.quote(str(file))} little"
        raise UserError(f"{file}: a big-endian GGUF file; convert a copy in place: {command}")
    number = int.from_bytes(version, "little")
    if len(version) == 4 and not 2 <= number <= _NEWEST_VERSION:
        remedy = "download it again" if number < 2 else "update the library: pip install -U gguf"
        raise UserError(f"{file}: version {number} of GGUF, expected 2 or {_NEWEST_VERSION}; {remedy}")


def _remedy(file: Path, error: Exception) -> str:
    cut = _CUT_NAME.fullmatch(file.name)
    if cut:
        whole = shlex.quote(str(file.with_name(cut["whole"])))
        return f"a piece of a file that was cut? join the pieces in order: cat {whole}[-._]* > {whole}"
    kind = re.search(r"(\d+)\)? is not a valid GGMLQuantizationType", str(error))
    if kind:
        return f"its tensors have a type unknown to the installed gguf, {kind[1]}; update it: pip install -U gguf"
    return "download it again"
