"""The prepared file: flat token ids with offsets, in safetensors."""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from .files import replacing
from .tokenization import TokenizedRow

FORMAT = "espalier-preferences"
FORMAT_VERSION = "1"


@dataclass
class PreparedData:
    """Rows that fit `max_length`, and what became of the others."""

    max_length: int
    # Arrays, since a list of ints takes nine times the room.
    prompts: list[np.ndarray] = field(default_factory=list)
    responses: list[list[np.ndarray]] = field(default_factory=list)
    source_rows: list[int] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, row: TokenizedRow, source: int) -> None:
        """Cuts responses at `max_length`; drops, and counts, a row that has nothing to learn from."""
        room = self.max_length - len(row.prompt)
        if room <= 0:
            self.counts["dropped_prompt_fills_max_length"] += 1
            return
        if not row.prompt or not all(row.responses):
            self.counts["dropped_empty_prompt_or_response"] += 1
            return
        self.counts["boundary_mismatches"] += row.boundary_mismatch
        self.counts["truncated_rows"] += any(len(response) > room for response in row.responses)
        self.counts["truncated_responses"] += sum(len(response) > room for response in row.responses)
        responses = [response[:room] for response in row.responses]
        self.counts["identical_responses"] += len({tuple(response) for response in responses}) < len(responses)
        self.prompts.append(_ids(row.prompt))
        self.responses.append([_ids(response) for response in responses])
        self.source_rows.append(source)

    def write(self, path: Path, metadata: dict[str, str]) -> None:
        """Writes the file, whole or not at all."""
        responses = [response for row in self.responses for response in row]
        arrays = {
            "prompt_ids": _flat(self.prompts),
            "prompt_offsets": _offsets(self.prompts),
            "response_ids": _flat(responses),
            "response_offsets": _offsets(responses),
            "row_offsets": _offsets(self.responses),
            "source_rows": np.array(self.source_rows, dtype=np.int64),
        }
        numbers = {name: str(count) for name, count in sorted(self.counts.items())}
        own = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "max_length": str(self.max_length),
            "rows_kept": str(len(self.prompts)),
        }
        with replacing(path) as temporary:
            temporary.write_bytes(_with_sorted_metadata(save(arrays, metadata={**own, **numbers, **metadata})))


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
