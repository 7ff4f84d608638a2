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
    """A row of the file; token ids are arrays, since a list of ints takes nine times the memory."""

    prompt: np.ndarray
    responses: list[np.ndarray]
    ranks: list[int]
    skips: list[int]
    #: The index over all sources of the record that it was made from.
    source_row: int
    #: How many times the file contains the row.
    times: int


@dataclass
class PreparedData:
    """The rows that fit, and the counts of all others."""

    limits: Limits
    counts: Counter[str] = field(default_factory=Counter)
    _kept: list[PreparedRow] = field(default_factory=list)

    def add(self, row: TokenizedRow, source_row: int, times: int = 1) -> bool:
        """Truncates a row to the limits; drops and counts it if nothing remains. Returns whether it is kept."""
        fitted = self.limits.fit(row, self.counts)
        if fitted is None:
            return False
        responses = [_ids(response) for response in fitted.responses]
        self._kept.append(PreparedRow(_ids(fitted.prompt), responses, fitted.ranks, fitted.skips, source_row, times))
        return True

    @property
    def rows(self) -> list[PreparedRow]:
        """The rows of the file: all once in order, then those that occur at least twice, and so on."""
        most = max((row.times for row in self._kept), default=0)
        return [row for turn in range(most) for row in self._kept if row.times > turn]

    def write(self, path: Path, metadata: dict[str, str]) -> None:
        """Writes the file atomically."""
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
            # A reader of version 1 would ignore ties and count context tokens.
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
    """Returns the arrays that are written only if they differ from their defaults."""
    arrays = {}
    if any(row.ranks != list(range(len(row.ranks))) for row in rows):
        arrays["response_ranks"] = _ids([rank for row in rows for rank in row.ranks])
    if any(any(row.skips) for row in rows):
        arrays["response_skips"] = _ids([skip for row in rows for skip in row.skips])
    return arrays


def _with_sorted_metadata(file: bytes) -> bytes:
    """Sorts the metadata, which the library writes in random order, so that equal content has equal bytes."""
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
