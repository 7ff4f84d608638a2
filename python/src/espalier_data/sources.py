"""Sources of rows: files, directories and Hub datasets, each with its weight."""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from . import json_records, tables
from .record import Record

_HUB_NAME = re.compile(r"[A-Za-z0-9_][\w.-]*/[\w.-]+")
_FILE_ENDS = (".json", ".jsonl", ".gz", ".parquet")


@dataclass
class Source:
    """A file, a directory or a Hub dataset, with the counts of rows read and kept."""

    name: str
    #: The number of times an epoch contains the source's rows.
    weight: float = 1
    configuration: str | None = None
    split: str = "train"
    rows_read: int = field(default=0, init=False)
    rows_kept: int = field(default=0, init=False)

    @property
    def is_on_hub(self) -> bool:
        """Whether no such file exists and the name has the format of a Hub dataset."""
        if self._path.exists() or self.name.endswith(_FILE_ENDS):
            return False
        return _HUB_NAME.fullmatch(self.name) is not None

    @property
    def summary(self) -> dict[str, str | float | int]:
        """The source's entry in the metadata of the output."""
        return {"name": self.name, "weight": self.weight, "rows_read": self.rows_read, "rows_kept": self.rows_kept}

    @property
    def _path(self) -> Path:
        return Path(self.name)

    def records(self) -> Iterator[Record]:
        """Yields all records, each once."""
        if self._path.is_dir():
            return tables.directory(self._path, self.configuration, self.split)
        if self.is_on_hub:
            return tables.hub(self.name, self.configuration, self.split)
        if self._path.suffix == ".parquet":
            return tables.parquet(self._path)
        return json_records.read(self._path)

    def weighted_records(self, seed: str) -> Iterator[tuple[Record, int]]:
        """Yields all records with their number of repeats: the weight's integer part, plus one for those drawn.

        The weight's fraction of the records, rounded to a whole number, is drawn without replacement: each record in
        turn gets a number from Python's `random.Random(seed).random()`, and those with the smallest numbers are drawn.
        """
        whole = int(self.weight)
        if whole == self.weight:
            yield from ((record, whole) for record in self.records())
            return
        records = list(self.records())
        draw = random.Random(seed)
        numbers = [draw.random() for _ in records]
        count = round((self.weight - whole) * len(records))
        drawn = set(sorted(range(len(records)), key=numbers.__getitem__)[:count])
        yield from ((record, whole + (index in drawn)) for index, record in enumerate(records))
