"""The prepared file: flat token ids with offsets, in safetensors."""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from .files import replacing
from .tokenization import TokenizedRow
from .truncation import Limits

FORMAT = "espalier-preferences"


@dataclass(frozen=True)
class PreparedRow:
    """A row as it will stand in the file; token ids are arrays, since a list of ints takes nine times the room."""

    prompt: np.ndarray
    responses: list[np.ndarray]
    ranks: list[int]
    skips: list[int]
    #: The number of the record it was made of, counted over all sources.
    source_row: int
    #: How many times the row stands in the file.
    times: int


@dataclass
class PreparedData:
    """Rows that fit, and what became of the others."""

    limits: Limits
    counts: Counter[str] = field(default_factory=Counter)
    _kept: list[PreparedRow] = field(default_factory=list)

    def add(self, row: TokenizedRow, source_row: int, times: int = 1) -> bool:
        """Cuts a row to the limits; drops, and counts, one that has nothing to learn from. Tells whether it stays."""
        fitted = self.limits.fit(row, self.counts)
        if fitted is None:
            return False
        responses = [_ids(response) for response in fitted.responses]
        self._kept.append(PreparedRow(_ids(fitted.prompt), responses, fitted.ranks, fitted.skips, source_row, times))
        return True

    @property
    def rows(self) -> list[PreparedRow]:
        """The rows of the file: all once in their order, then again those that are wanted twice, and so on."""
        most = max((row.times for row in self._kept), default=0)
        return [row for turn in range(most) for row in self._kept if row.times > turn]

    def write(self, path: Path, metadata: dict[str, str]) -> None:
        """Writes the file, whole or not at all."""
        rows = self.rows
        prompts = [row.prompt for row in rows]
        responses = [response for row in rows for response in row.responses]
        arrays = {
            "prompt_ids": _flat(prompts),
            "prompt_offsets": _offsets(prompts),
            "response_ids": _flat(responses),
            "response_offsets": _offsets(responses),
            "row_offsets": _offsets([row.responses for row in rows]),
            "source_rows": np.array([row.source_row for row in rows], dtype=np.int64),
        }
        optional = _optional(rows)
        numbers = {name: str(count) for name, count in sorted(self.counts.items())}
        own = {
            "format": FORMAT,
            # A reader that knows version 1 alone would count what it must not.
            "format_version": "2" if optional else "1",
            "max_length": str(self.limits.max_length),
            "truncation_mode": self.limits.mode,
            "rows_kept": str(len(rows)),
        }
        if self.limits.max_prompt_length is not None:
            own["max_prompt_length"] = str(self.limits.max_prompt_length)
        content = save(arrays | optional, metadata={**own, **numbers, **metadata})
        with replacing(path) as temporary:
            temporary.write_bytes(_with_sorted_metadata(content))


def _optional(rows: list[PreparedRow]) -> dict[str, np.ndarray]:
    """The arrays that are written only where they say something."""
    arrays = {}
    if any(row.ranks != list(range(len(row.ranks))) for row in rows):
        arrays["response_ranks"] = _ids([rank for row in rows for rank in row.ranks])
    if any(any(row.skips) for row in rows):
        arrays["response_skips"] = _ids([skip for row in rows for skip in row.skips])
    return arrays


def _with_sorted_metadata(file: bytes) -> bytes:
    """A safetensors file whose bytes depend on its content alone: the library writes metadata in random order."""
    size = int.from_bytes(file[:8], "little")
    header = json.loads(file[8 : 8 + size])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + file[8 + size :]


def _ids(tokens: list[int]) -> np.ndarray:
    return np.array(tokens, dtype=np.int32)


def _flat(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts or [_ids([])])


def _offsets(parts: list) -> np.ndarray:
    return np.concatenate([[0], np.cumsum([len(part) for part in parts], dtype=np.int64)]).astype(np.int64)
