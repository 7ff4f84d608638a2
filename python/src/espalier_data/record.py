"""The records that all sources provide."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Record:
    """One value of a source and its location; if it could not be read, `problem` says why and there is no `value`."""

    place: str
    value: Any = None
    problem: str | None = None
