"""Names of columns on the command line: paths into objects, quoting, and the nearest name."""

import shlex
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from .column_names import FIELDS, OPTIONAL, UNUSED, words

_FIELD_OF = {"_".join(words(field)): field for field in FIELDS - {UNUSED}}
_LEAST_LIKENESS = 0.75


def has_column(record: dict[str, Any], column: str) -> bool:
    """Returns whether a record has a column, or a key of an object by its path: `question.full_text`."""
    if column in record:
        return True
    head, dot, rest = column.partition(".")
    inner = record.get(head)
    return bool(dot) and isinstance(inner, dict) and has_column(inner, rest)


def opened(values: dict[str, Any], renamed: dict[str, str]) -> dict[str, Any]:
    """Replaces objects with a key that is renamed by its path by their keys, with the path as name."""
    for path, field in renamed.items():
        while field != UNUSED and path not in values and (outer := _outer(values, path)) is not None:
            inner = {f"{outer}.{key}": item for key, item in values[outer].items()}
            values = {key: value for key, value in values.items() if key != outer} | inner
    return values


def _outer(values: dict[str, Any], path: str) -> str | None:
    """Returns the column that is an object and begins a path."""
    return next((key for key in values if path.startswith(f"{key}.") and isinstance(values[key], dict)), None)


def is_required(field: str, fields: Iterable[str]) -> bool:
    """Returns whether a row must have the column that `--columns` names for a field; `fields` are the row's others."""
    return field not in OPTIONAL and not (field == "input" and "instruction" in fields)


def similar_fields(columns: Iterable[str]) -> dict[str, str]:
    """Returns the fields of columns whose names differ from them by case, white space or signs: `Chosen Response`."""
    found: dict[str, list[str]] = {}
    for column in columns:
        field = _FIELD_OF.get("_".join(words(column)))
        if field is not None:
            found.setdefault(field, []).append(column)
    return {names[0]: field for field, names in found.items() if len(names) == 1 and names[0] != field}


def nearest(name: str, columns: Iterable[str]) -> str | None:
    """Returns the column whose name is most like a name, apart from case, white space and signs."""
    names = {"_".join(words(column)): column for column in columns}
    found = get_close_matches("_".join(words(name)), names, n=1, cutoff=_LEAST_LIKENESS)
    return names[found[0]] if found else None


def word(field: str, column: str) -> str:
    """Returns an argument of `--columns`, quoted for a shell."""
    return f"{field}={column if column.isalnum() else shlex.quote(column)}"


def displayed(column: str) -> str:
    """Returns a column's name in a list of names: quoted if its ends would not be seen."""
    return repr(column) if not column or column != column.strip() or "," in column else column
