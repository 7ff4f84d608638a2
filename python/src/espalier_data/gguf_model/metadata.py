"""Typed access to the metadata of a GGUF file; errors name the key and the value."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..errors import UserError


def required(values: dict[str, Any], key: str) -> Any:
    """Returns the value of a mandatory key."""
    if key not in values:
        raise UserError(f"expected metadata {key}, found none")
    return values[key]


def shortest(value: float) -> float:
    """Returns the shortest decimal number with the same float32 value, which is the original one."""
    return float(str(np.float32(value))) if float(np.float32(value)) == value else value


class ModelMetadata:
    """The settings of the model: the keys that begin with the name of its architecture."""

    def __init__(self, values: dict[str, Any], prefix: str) -> None:
        self.values = values
        self.prefix = prefix
        self._read: set[str] = set()

    def key(self, name: str) -> str:
        """Returns the key of a setting, for messages too."""
        return f"{self.prefix}.{name}"

    def __contains__(self, name: str) -> bool:
        return self.key(name) in self.values

    def was_read(self, name: str) -> bool:
        """Returns whether something has read a value."""
        return name in self._read

    def get(self, name: str, default: Any = None) -> Any:
        """Returns a value as it is, and notes that it was read."""
        self._read.add(name)
        return self.values.get(self.key(name), default)

    def count(self, name: str, default: int | None = None) -> int:
        """Returns a positive whole number; a list, one number for each layer, must have equal elements."""
        key, value = self.key(name), self._value(name, default)
        if isinstance(value, list) and value and all(element == value[0] for element in value):
            value = value[0]
        if isinstance(value, list):
            raise UserError(f"{key} differs between layers, which is not supported: {value[:8]}")
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise UserError(f"expected a positive whole number in {key}, found {value!r}")
        return value

    def positive(self, name: str, default: float | None = None) -> float:
        """Returns a positive number."""
        key, value = self.key(name), self._value(name, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
            raise UserError(f"expected a positive number in {key}, found {value!r}")
        return shortest(float(value))

    def optional_count(self, name: str) -> int | None:
        """Returns a positive whole number, or None if the key is missing or 0."""
        return self.count(name) if self.get(name, 0) != 0 else None

    def optional_positive(self, name: str) -> float | None:
        """Returns a positive number, or None if the key is missing or 0."""
        return self.positive(name) if self.get(name, 0) != 0 else None

    def check(self, name: str, neutral: Iterable[Any]) -> None:
        """Raises an error unless the key is missing or has one of the values that do not change the model."""
        neutral = tuple(neutral)
        value = self.get(name, neutral[0] if neutral else None)
        if name in self and value not in neutral:
            supported = f"; supported: {neutral[0]!r}" if neutral else ""
            raise UserError(f"{self.key(name)} = {value!r} is not supported{supported}")

    def unread(self) -> list[str]:
        """Returns the model's keys that nothing has read."""
        begin = f"{self.prefix}."
        return [key for key in self.values if key.startswith(begin) and key.removeprefix(begin) not in self._read]

    def _value(self, name: str, default: Any) -> Any:
        self._read.add(name)
        return required(self.values, self.key(name)) if default is None else self.values.get(self.key(name), default)
