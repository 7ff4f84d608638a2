"""Numbers in the values of records, also as text, which tables without types hold."""

import re
from typing import Any

from .bad_row import BadRow

_NUMBER = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*")


def number(value: Any) -> float | None:
    """Returns the finite number that a value is or holds as text; None if it is no number."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    # Not `math.isfinite`, which fails for integers beyond the range of floating point.
    return value if abs(value) < float("inf") else None


def finite(values: list[Any], name: str) -> list[float]:
    """Returns the numbers, or raises an error if one is no finite number; a list of true and false is 1 and 0."""
    if values and all(isinstance(value, bool) for value in values):
        return [int(value) for value in values]
    numbers = [number(value) for value in values]
    for value, found in zip(values, numbers):
        if found is None:
            raise BadRow(f"{name} must be finite numbers, found {value!r}")
    return numbers
