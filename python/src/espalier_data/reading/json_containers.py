"""Recognizes JSON files that hold one object around the records, and names the command that extracts them."""

import json
import re
from pathlib import Path
from typing import Any

from ..errors import UserError
from . import remedies
from .json_values import DECODER, ERRORS, is_incomplete, printable

#: Keys of records, and of those that are recognized within another object.
_KEYS = frozenset(
    "prompt chosen rejected responses completions answers conversations messages question instruction output "
    "response response_1 response1 response_a input query label text".split()
)
_OWN_KEYS = frozenset(
    "prompt chosen rejected responses completions answers conversations messages question row".split()
)
_EXPECTED = "expected one record per line, or a list of records"
_MOST_LISTS, _MOST_KEYS, _DEPTH = 4, 8, 3


def check_spread(path: Path, text: str, is_whole: bool) -> None:
    """Raises an error if the file begins with an object that is spread over lines.

    `text` is the file's beginning, or all of it if `is_whole`.
    """
    first, _, rest = text.partition("\n")
    if not rest.strip() or not _ends_early(first):
        return
    try:
        value, end = DECODER.raw_decode(text)
    except ERRORS as error:
        second = next(line for line in rest.split("\n") if line.strip())
        # A line that was cut short spoils only itself.
        if not is_incomplete(error, text.rstrip()) or _is_object(second):
            return
        value, end = {}, len(text)
    if text[end:].strip():
        raise _error(path, "records spread over lines", remedies.records(path, "."))
    _check_container(path, value)
    if value.keys() & _KEYS:
        what = f"one JSON object with the keys {_list(list(value))} spread over lines"
        raise _error(path, what, remedies.records(path, "."))
    keys = f" with the keys {_list(list(value))}" if value else "" if is_whole else f" that begins with {_begin(text)}"
    raise UserError(f"{path}: one JSON object{keys} spread over lines, {_EXPECTED}; extract the records")


def check_only_record(path: Path, value: Any) -> None:
    """Raises an error if the only value of a file is not a record but contains records."""
    if isinstance(value, dict):
        _check_container(path, value)


def _check_container(path: Path, value: dict[str, Any]) -> None:
    lists = [] if value.keys() & (_KEYS - {"text"}) else _lists(value, "", _DEPTH)
    if lists:
        names = _list([f"{name.removeprefix('.')} ({count})" for name, count, _ in lists], _MOST_LISTS)
        name, _, suffix = lists[0]
        raise _error(path, f"one JSON object with records in {names}", remedies.records(path, f"{name}[]{suffix}"))
    if _is_split_table(value):
        what = f"a table by rows ({_list(value['columns'])}) in one JSON object"
        raise _error(path, what, remedies.table_by_rows(path))
    if _are_records(value):
        what = f"one JSON object with a record for each key ({_list(list(value))})"
        raise _error(path, what, remedies.records(path, ".[]"))
    if _is_table(value):
        what = f"a table by columns ({_list(list(value))}) in one JSON object"
        raise _error(path, what, remedies.table_by_columns(path))


def _error(path: Path, what: str, command: str) -> UserError:
    return UserError(f"{path}: {what}, {_EXPECTED}; convert it: {command}")


def _lists(value: dict[str, Any], path: str, depth: int) -> list[tuple[str, int, str]]:
    """Returns the lists of records in the object: their paths for jq, lengths, and the path from element to record."""
    found = []
    for key, inner in value.items():
        name = f"{path}.{key if re.fullmatch('[A-Za-z_][A-Za-z0-9_]*', key) else json.dumps(key)}"
        if isinstance(inner, list) and inner and isinstance(inner[0], dict) and inner[0].keys() & _OWN_KEYS:
            found.append((name, len(inner), ".row" if isinstance(inner[0].get("row"), dict) else ""))
        elif isinstance(inner, dict) and depth > 1:
            found += _lists(inner, name, depth - 1)
    return found


def _is_table(value: dict[str, Any]) -> bool:
    """Recognizes a table written by columns: {"chosen": ["…", "…"]} or {"chosen": {"0": "…", "1": "…"}}."""
    columns = [value[key] for key in value if key in ("chosen", "rejected", "prompt")]
    lists = all(isinstance(column, list) and all(isinstance(cell, str) for cell in column) for column in columns)
    tables = all(isinstance(column, dict) and all(key.isdecimal() for key in column) for column in columns)
    return len(columns) > 1 and all(columns) and (lists or tables)


def _is_split_table(value: dict[str, Any]) -> bool:
    """Recognizes what pandas writes with orient="split": {"columns": ["prompt", …], "index": […], "data": [[…], …]}."""
    names, rows = value.get("columns"), value.get("data")
    are_names = isinstance(names, list) and bool(names) and all(isinstance(name, str) for name in names)
    return are_names and isinstance(rows, list) and all(isinstance(row, list) for row in rows)


def _are_records(value: dict[str, Any]) -> bool:
    """Recognizes a record under each key, as pandas writes with orient="index"."""
    records = list(value.values())
    same = all(isinstance(record, dict) and record.keys() & _OWN_KEYS for record in records)
    return len(records) > 1 and same and not value.keys() & _KEYS


def _ends_early(line: str) -> bool:
    try:
        DECODER.decode(line)
    except ERRORS as error:
        return is_incomplete(error, line.rstrip()) and "Unterminated" not in str(error)
    return False


def _is_object(line: str) -> bool:
    try:
        return isinstance(DECODER.decode(line), dict)
    except ERRORS:
        return False


def _begin(text: str) -> str:
    """Returns the first key of an object whose end is not known."""
    key = re.match(r'\{\s*("(?:[^"\\]|\\.){0,60}")', text)
    return printable(key[1]) if key else "no key"


def _list(names: list[str], most: int = _MOST_KEYS) -> str:
    return ", ".join(map(printable, names[:most])) + (", …" if len(names) > most else "")
