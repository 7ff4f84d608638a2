"""The records that all sources provide, and how much of a source has been read."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Record:
    """One value of a source and its location; if it could not be read, `problem` says why and there is no `value`.

    No object in `value` has a key whose value is null, whatever the source: such a key means the same as an absent one.
    """

    place: str
    value: Any = None
    problem: str | None = None


@dataclass
class Progress:
    """How much of a source has been read: bytes of a text file, as stored, or rows of a table."""

    done: int = 0
    #: Unknown for pipes.
    total: int | None = None

    @property
    def fraction(self) -> float | None:
        """Between 0 and 1, or None if the total is unknown."""
        return None if self.total is None else min(1.0, self.done / max(1, self.total))
