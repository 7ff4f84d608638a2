"""Writes safetensors files piece by piece, with the same bytes for the same content."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..files import replacing

_SURROGATE = re.compile("[\ud800-\udfff]")
_TYPES = {"I32": 4, "I64": 8}


@dataclass(frozen=True)
class Tensor:
    """A vector of a file: `content` has the bytes of its `count` numbers, little-endian."""

    name: str
    type: str
    count: int
    content: Iterable[bytes]

    @property
    def size(self) -> int:
        return self.count * _TYPES[self.type]


def tensor(name: str, numbers: np.ndarray) -> Tensor:
    """Returns an array in memory as a tensor of a file."""
    kind = {4: "I32", 8: "I64"}[numbers.dtype.itemsize]
    return Tensor(name, kind, len(numbers), [numbers.astype(f"<i{_TYPES[kind]}").tobytes()])


def write_tensors(path: Path, tensors: list[Tensor], metadata: dict[str, str]) -> None:
    """Writes a file atomically, in the order of the library safetensors: wider types first, then by name."""
    ordered = sorted(tensors, key=lambda tensor: (-_TYPES[tensor.type], tensor.name))
    with replacing(path) as temporary, open(temporary, "wb") as file:
        file.write(_header(ordered, metadata))
        for tensor in ordered:
            written = sum(file.write(piece) for piece in tensor.content)
            assert written == tensor.size, f"{tensor.name} has {tensor.size} bytes"


def _header(tensors: list[Tensor], metadata: dict[str, str]) -> bytes:
    # Names of files may have bytes that are no UTF-8; Python represents them by surrogates, which have no encoding.
    encodable = {name: _SURROGATE.sub("\ufffd", text) for name, text in sorted(metadata.items())}
    header: dict[str, object] = {"__metadata__": encodable}
    end = 0
    for tensor in tensors:
        start, end = end, end + tensor.size
        header[tensor.name] = {"dtype": tensor.type, "shape": [tensor.count], "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text
