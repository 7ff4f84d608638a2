"""What every kind of source gives."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Record:
    """One value of a source and where it stands; `problem` is set, and `value` is not, where it could not be read."""

    place: str
    value: Any = None
    problem: str | None = None
