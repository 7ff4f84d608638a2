"""The prepared file: flat token ids with offsets, in safetensors."""

from array import array
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import numpy as np

from ..tokens.truncation import ID_TYPE, FittedRow, Limits
from .spool import Spool
from .tensor_file import Tensor, tensor, write_tensors

FORMAT = "espalier-preferences"


class PreparedData:
    """The rows of a file: lengths in memory, token ids on disk."""

    def __init__(self, limits: Limits, output: Path) -> None:
        self.limits, self.output = limits, output
        self._prompts, self._responses = Spool(output), Spool(output)
        # For each row that is kept, once.
        self._prompt_lengths, self._response_counts = array("i"), array("i")
        self._times, self._source_rows = array("i"), array("q")
        # For each of their responses.
        self._response_lengths, self._ranks, self._skips = array("i"), array("i"), array("i")

    def add(self, row: FittedRow, source_row: int, times: int = 1) -> None:
        """Adds a row, which the file contains `times` times; `source_row` is the index of its record."""
        self._prompts.add(row.prompt)
        self._prompt_lengths.append(len(row.prompt) // ID_TYPE.itemsize)
        for response in row.responses:
            self._responses.add(response)
            self._response_lengths.append(len(response) // ID_TYPE.itemsize)
        self._response_counts.append(len(row.responses))
        self._times.append(times)
        self._source_rows.append(source_row)
        self._ranks.extend(row.ranks)
        self._skips.extend(row.skips)

    # The following hold for the file, so no row is added after the first use.

    @cached_property
    def prompt_lengths(self) -> np.ndarray:
        return self._by_row(self._prompt_lengths)

    @cached_property
    def response_counts(self) -> np.ndarray:
        return self._by_row(self._response_counts)

    @cached_property
    def response_lengths(self) -> np.ndarray:
        return self._by_response(self._response_lengths)

    @cached_property
    def skips(self) -> np.ndarray:
        return self._by_response(self._skips)

    def write(self, counts: Counter[str], metadata: dict[str, str]) -> None:
        """Writes the file atomically; the metadata contains the counts of all records."""
        tensors = [
            self._ids("prompt_ids", self._prompts, self._prompt_lengths, self._row_ranges),
            tensor("prompt_offsets", _offsets(self.prompt_lengths)),
            self._ids("response_ids", self._responses, self._response_lengths, self._response_ranges),
            tensor("response_offsets", _offsets(self.response_lengths)),
            tensor("row_offsets", _offsets(self.response_counts)),
            tensor("source_rows", self._by_row(self._source_rows)),
        ]
        optional = self._optional()
        own = {
            "format": FORMAT,
            # A reader of version 1 would ignore ties and count context tokens.
            "format_version": "2" if optional else "1",
            "max_length": str(self.limits.max_length),
            "truncation_mode": self.limits.mode,
            "rows_kept": str(len(self.prompt_lengths)),
        }
        if self.limits.max_prompt_length is not None:
            own["max_prompt_length"] = str(self.limits.max_prompt_length)
        numbers = {name: str(count) for name, count in counts.items()}
        write_tensors(self.output, tensors + optional, {**own, **numbers, **metadata})

    def _optional(self) -> list[Tensor]:
        """Returns the tensors that are written only if they differ from their defaults."""
        tensors = []
        counts = np.asarray(self._response_counts)
        positions = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        if not np.array_equal(positions, self._ranks):
            tensors.append(tensor("response_ranks", self._by_response(self._ranks)))
        if self.skips.any():
            tensors.append(tensor("response_skips", self.skips))
        return tensors

    @cached_property
    def _row_ranges(self) -> list[tuple[int, int]]:
        """The file's rows as ranges of kept rows: all once in order, then those that occur twice, and so on."""
        times = np.asarray(self._times)
        most = int(times.max(initial=0))
        return [pair for turn in range(most) for pair in _runs(np.flatnonzero(times > turn))]

    @cached_property
    def _response_ranges(self) -> list[tuple[int, int]]:
        return _starts(self._response_counts, self._row_ranges)

    def _by_row(self, numbers: array) -> np.ndarray:
        return _selected(numbers, self._row_ranges)

    def _by_response(self, numbers: array) -> np.ndarray:
        return _selected(numbers, self._response_ranges)

    def _ids(self, name: str, spool: Spool, lengths: array, ranges: list[tuple[int, int]]) -> Tensor:
        places = _starts(lengths, ranges)
        size = ID_TYPE.itemsize
        count = sum(end - start for start, end in places)
        return Tensor(name, "I32", count, spool.read((start * size, end * size) for start, end in places))


def _runs(indexes: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yields the ranges that ascending indexes consist of."""
    for run in np.split(indexes, np.flatnonzero(np.diff(indexes) != 1) + 1):
        if len(run):
            yield int(run[0]), int(run[-1]) + 1


def _starts(lengths: array, ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Returns ranges of items as ranges of what the items consist of, of which each has `lengths`."""
    offsets = _offsets(np.asarray(lengths))
    return [(int(offsets[start]), int(offsets[end])) for start, end in ranges]


def _selected(numbers: array, ranges: list[tuple[int, int]]) -> np.ndarray:
    whole = np.asarray(numbers)
    return np.concatenate([whole[:0], *(whole[start:end] for start, end in ranges)])


def _offsets(lengths: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)
