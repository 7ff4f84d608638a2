"""Sources of rows: files, directories and Hub datasets, each with its weight."""

import os
import random
import re
import stat
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from ..errors import UserError
from . import tables, text_records
from .record import Progress, Record

#: All records of a source that has no other split.
WHOLE = "train"
_HUB_NAME = re.compile(r"[A-Za-z0-9_][\w.-]*/[\w.-]+")
# A missing file with such a name is not looked for on the Hub.
_FILE_ENDS = tuple(".json .jsonl .ndjson .gz .parquet .csv .tsv .txt .arrow .zip .tar .xz .zst .bz2 .pt".split())


@dataclass
class Source:
    """A file, a directory or a Hub dataset, with the counts of rows read and kept."""

    name: str
    #: The number of times an epoch contains the source's rows.
    weight: float = 1
    configuration: str | None = None
    split: str = WHOLE
    rows_read: int = field(default=0, init=False)
    rows_kept: int = field(default=0, init=False)
    _progress: Progress = field(default_factory=Progress, init=False)
    #: An open directory or Hub dataset.
    _dataset: Any = field(default=None, init=False)

    @property
    def is_on_hub(self) -> bool:
        """Whether no such file exists and the name has the format of a Hub dataset."""
        if self._path.exists() or self.name.endswith(_FILE_ENDS):
            return False
        return _HUB_NAME.fullmatch(self.name) is not None

    @property
    def summary(self) -> dict[str, str | float | int | bool]:
        """The source's entry in the metadata of the output."""
        counts = {"name": self.name, "weight": self.weight, "rows_read": self.rows_read, "rows_kept": self.rows_kept}
        if not self.is_on_hub:
            return counts if self.split == WHOLE else counts | {"split": self.split}
        hub = {"hub_dataset": True, "configuration": self.configuration, "split": self.split}
        return counts | {key: value for key, value in hub.items() if value is not None}

    @property
    def _path(self) -> Path:
        return Path(self.name)

    def size_hint(self) -> int | None:
        """Returns the number of records if it is known without reading them: of Parquet files, not of text.

        Directories and Hub datasets are opened, which may take time and raises their errors.
        """
        if self.is_dataset:
            return self._opened().num_rows
        return tables.parquet_size(self._path) if self._path.suffix == ".parquet" and self.split == WHOLE else None

    def progress(self) -> float | None:
        """Returns how much of the source the current reading has consumed, from 0 to 1; None for pipes.

        For text this is the share of the file's bytes, for other tables that of the rows. With a fractional weight,
        text is read twice; the share starts again at 0.
        """
        return self._progress.fraction

    def records(self) -> Iterator[Record]:
        """Yields all records, each once; a file that changes in the meantime is an error."""
        return self._unchanged(_identity(self._path), self._records())

    def weighted_records(self, seed: str) -> Iterator[tuple[Record, int]]:
        """Yields all records with their number of repeats: the weight's integer part, plus one for those drawn.

        The weight's fraction of the records, rounded to a whole number, is drawn without replacement: each record in
        turn gets a number from Python's `random.Random(seed).random()`, and those with the smallest numbers are drawn.
        The records are counted first and then read, except for pipes, which can be read only once.
        """
        whole = int(self.weight)
        if whole == self.weight:
            yield from ((record, whole) for record in self.records())
            return
        before = _identity(self._path)
        records: Iterable[Record] | None = None
        if before is None and not self.is_dataset:
            records = list(self.records())
        count = len(records) if records is not None else self._count()
        drawn = _drawn(count, self.weight - whole, seed)
        again = self._unchanged(before, self._records()) if records is None else records
        read = 0
        for read, record in enumerate(again, start=1):
            if read > count:
                break
            yield record, whole + drawn[read - 1]
        if read != count:
            raise self._changed()

    @property
    def is_dataset(self) -> bool:
        """Whether it is a directory or a Hub dataset, with splits and configurations."""
        return self._path.is_dir() or self.is_on_hub

    def _opened(self) -> Any:
        if self._dataset is None:
            load = tables.directory if self._path.is_dir() else tables.hub
            self._dataset = load(self._path if self._path.is_dir() else self.name, self.configuration, self.split)
        return self._dataset

    def _records(self) -> Iterator[Record]:
        self._progress = Progress()
        if self.is_dataset:
            return tables.dataset_records(self.name, self._opened(), self._progress)
        return self._in_file() if self.split == WHOLE else self._slice()

    def _in_file(self) -> Iterator[Record]:
        read = tables.parquet if self._path.suffix == ".parquet" else text_records.read
        return read(self._path, self._progress)

    def _slice(self) -> Iterator[Record]:
        """Yields the records of a file that `split` selects; they are counted first, those of a pipe held in memory."""
        held = None if _identity(self._path) else list(self._in_file())
        count = sum(1 for _ in self._in_file()) if held is None else len(held)
        selected = tables.ranges(self._path, self.split, count)
        if not any(begin < end for begin, end in selected):
            raise UserError(f"{self.name}: --split {self.split} selects none of {count} records; change the slice")
        for begin, end in selected:
            yield from islice(self._in_file() if held is None else held, begin, end)

    def _count(self) -> int:
        size = self.size_hint()
        return sum(1 for _ in self.records()) if size is None else size

    def _unchanged(self, before: tuple[int, ...] | None, records: Iterator[Record]) -> Iterator[Record]:
        """Yields the records; raises an error if the file is no longer the one that `before` identifies."""
        if before is not None and _identity(self._path) != before:
            raise self._changed()
        yield from records
        if before is not None and _identity(self._path) != before:
            raise self._changed()

    def _changed(self) -> UserError:
        what = "changed" if self._path.exists() else "was removed"
        return UserError(f"{self.name}: {what} while it was read; start again when nothing writes to it")


def _identity(path: Path) -> tuple[int, ...] | None:
    """Returns what differs if a regular file changes or is replaced, or None for all else."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    regular = stat.S_ISREG(status.st_mode)
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns) if regular else None


def _drawn(count: int, share: float, seed: str) -> bytearray:
    """Returns 1 for each of `count` records that is drawn, and 0 for the others."""
    draw = random.Random(seed)
    numbers = array("d", (draw.random() for _ in range(count)))
    drawn = bytearray(count)
    for index in sorted(range(count), key=numbers.__getitem__)[: round(share * count)]:
        drawn[index] = 1
    return drawn
