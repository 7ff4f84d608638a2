"""The columns of a record: renamed, without nulls, and aware of which of them have been read."""

from typing import Any

from ..notes import Note
from .bad_row import BadRow
from .column_names import UNUSED


class Columns:
    """The columns of a record, with notes about them.

    `renamed` maps columns to the fields that they hold; a field that has a column of its own name as well is taken from
    the renamed one.
    """

    def __init__(self, values: dict[str, Any], renamed: dict[str, str] | None = None) -> None:
        self._values: dict[str, Any] = {}
        self._columns: dict[str, str] = {}
        self._read: set[str] = set()
        self._notes: dict[Note, None] = {}
        renamed = renamed or {}
        values = without_nulls(values)
        replaced = {renamed[column] for column in values if column in renamed}
        for column, value in values.items():
            field = renamed.get(column, column)
            if column not in renamed and column in replaced:
                self.note(f"the column '{column}' is not used")
            elif field != UNUSED or column not in renamed:
                self._values[field] = value
                self._columns[field] = column

    def has(self, *fields: str) -> bool:
        """Returns whether the record has all fields."""
        return all(field in self._values for field in fields)

    def get(self, field: str) -> Any:
        """Returns a field's value, or None, without counting it as read."""
        return self._values.get(field)

    def read(self, field: str) -> Any:
        """Returns a field's value, or None, and counts it as read."""
        self._read.add(field)
        return self._values.get(field)

    def unfold(self, field: str) -> None:
        """Replaces a field that is an object by the object's keys, which must not be fields of the record."""
        column = self._columns.pop(field)
        for key, value in self._values.pop(field).items():
            if not is_blank(self._values.get(key)):
                raise BadRow(f"the columns '{self.column(key)}' and '{column}.{key}' name the same; leave one out")
            self._values[key], self._columns[key] = value, f"{column}.{key}"

    def column(self, field: str) -> str:
        """Returns the name of a field's column in the source."""
        return self._columns.get(field, field)

    def note(self, text: str, warning: bool = False) -> None:
        self._notes[Note(text, warning)] = None

    @property
    def notes(self) -> tuple[Note, ...]:
        return tuple(self._notes)

    @property
    def fields(self) -> list[str]:
        """The names of all fields."""
        return list(self._values)

    @property
    def unread(self) -> dict[str, Any]:
        """The fields that have not been read and are not blank."""
        return {name: value for name, value in self._values.items() if name not in self._read and not is_blank(value)}

    @property
    def found(self) -> str:
        """The columns of the record, for messages."""
        names = [self._columns[field] for field in self._values]
        return f"found the columns {', '.join(names)}" if names else "found no columns"


def without_nulls(value: Any) -> Any:
    """Removes keys with null values at any depth: a null is an absent key, as tables write it, and so is NaN."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if not _is_null(item)}
    if isinstance(value, (list, tuple)):
        return [without_nulls(item) for item in value]
    return value


def _is_null(value: Any) -> bool:
    return value is None or (isinstance(value, float) and value != value)


def is_blank(value: Any) -> bool:
    """Returns whether a value holds nothing: null, white space, or an empty list or object."""
    return value is None or (isinstance(value, str) and not value.strip()) or value in ([], {})
