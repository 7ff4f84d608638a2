"""Reads prepared files as lists, for comparison with expected values."""

from dataclasses import dataclass
from pathlib import Path

from safetensors import safe_open


@dataclass
class Prepared:
    """A prepared file, as lists."""

    arrays: dict
    metadata: dict[str, str]
    rows: list[tuple[list[int], list[list[int]]]]


def read_prepared(path: Path) -> Prepared:
    with safe_open(path, "numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}
        metadata = file.metadata()

    def parts(name: str) -> list[list[int]]:
        ids, offsets = arrays[f"{name}_ids"].tolist(), arrays[f"{name}_offsets"].tolist()
        return [ids[start:end] for start, end in zip(offsets, offsets[1:])]

    responses, bounds = parts("response"), arrays["row_offsets"].tolist()
    rows = [(prompt, responses[a:b]) for prompt, a, b in zip(parts("prompt"), bounds, bounds[1:])]
    return Prepared(arrays, metadata, rows)
