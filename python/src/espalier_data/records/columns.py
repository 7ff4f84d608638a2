"""The columns of a record: renamed, without nulls, and aware of which of them have been read."""

from collections.abc import Iterable
from typing import Any

from ..notes import Note
from .bad_row import BadRow
from .column_names import UNUSED
from .renaming import displayed, is_required, nearest, opened, similar_fields, word


class Columns:
    """The columns of a record, with notes about them.

    `renamed` maps columns to the fields that they hold; a field in it is never read from a column of its own name. A
    column whose name differs from an absent field's by case, white space or signs holds that field.
    """

    def __init__(self, values: dict[str, Any], renamed: dict[str, str] | None = None) -> None:
        self._values: dict[str, Any] = {}
        self._columns: dict[str, str] = {}
        self._read: set[str] = set()
        self._notes: dict[Note, None] = {}
        renamed = renamed or {}
        values = opened(without_nulls(values), renamed)
        self._refuse_absent(values, renamed)
        replaced = set(renamed.values()) - {UNUSED}
        fields = {**_similar(values, renamed), **renamed}
        for column, value in values.items():
            field = fields.get(column, column)
            if column not in renamed and field in replaced:
                if not is_blank(value):
                    self.note(f"the column '{column}' is not used")
            elif field != UNUSED or column not in renamed:
                self._values[field] = value
                self._columns[field] = column
        self._similar = {field: column for column, field in fields.items() if column not in renamed}

    @staticmethod
    def _refuse_absent(values: dict[str, Any], renamed: dict[str, str]) -> None:
        """Raises an error for a required field whose column the row does not have."""
        fields = {renamed.get(column, column) for column in values}
        for column, field in renamed.items():
            if column in values or not is_required(field, fields):
                continue
            near = nearest(column, [name for name in values if name not in renamed])
            remedy = f"; did you mean --columns {word(field, near)}?" if near else ""
            raise BadRow(f"--columns {word(field, column)}: the row has no column '{column}'; {_found(values)}{remedy}")

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
        similar = [
            Note(f"the column '{column}' is read as {field}")
            for field, column in self._similar.items()
            if field in self._read
        ]
        return (*self._notes, *similar)

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
        return _found(self._columns[field] for field in self._values)


def _found(columns: Iterable[str]) -> str:
    names = [displayed(column) for column in columns]
    return f"found the columns {', '.join(names)}" if names else "found no columns"


def _similar(values: dict[str, Any], renamed: dict[str, str]) -> dict[str, str]:
    """Returns the fields of columns with similar names, unless the record or `--columns` has the field itself."""
    found = similar_fields(column for column in values if column not in renamed)
    return {column: field for column, field in found.items() if field not in values}


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
