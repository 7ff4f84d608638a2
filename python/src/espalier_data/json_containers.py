"""Recognizes JSON files that hold one object around the records, and names the command that extracts them."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

from .errors import UserError
from .json_values import DECODER, ERRORS, is_incomplete, printable

#: Keys of records.
_KEYS = set(
    "prompt chosen rejected responses completions answers conversations messages question instruction output text row "
    "response response_1 response1 response_a input query label".split()
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
        raise UserError(f"{path}: records spread over lines, {_EXPECTED}; convert it: {_jq('.', path)}")
    found = _described(value) if value else None
    if found:
        raise error_for(path, *found)
    keys = f" with the keys {_list(list(value))}" if value else "" if is_whole else f" that begins with {_begin(text)}"
    remedy = f"convert it: {_jq('.', path)}" if value.keys() & _KEYS else "extract the records"
    raise UserError(f"{path}: one JSON object{keys} spread over lines, {_EXPECTED}; {remedy}")


def check_only_record(path: Path, value: Any) -> None:
    """Raises an error if the only value of a file is not a record but contains records."""
    found = _described(value) if isinstance(value, dict) and not value.keys() & (_KEYS - {"text", "row"}) else None
    found = found or (_columns(value) if isinstance(value, dict) else None)
    if found:
        raise error_for(path, *found)


def error_for(path: Path, what: str, remedy: str) -> UserError:
    return UserError(f"{path}: {what}, {_EXPECTED}; convert it: {remedy.format(path=shlex.quote(str(path)))}")


def _described(value: dict[str, Any]) -> tuple[str, str] | None:
    """Returns what the object holds and the command that converts it, if it holds records."""
    lists = list(_lists(value, "", _DEPTH))
    if not lists:
        return _columns(value)
    names = _list([f"{name.removeprefix('.')} ({count})" for name, count, _ in lists], _MOST_LISTS)
    name, _, suffix = lists[0]
    return f"one JSON object with records in {names}", _jq(f"{name}[]{suffix}", None)


def _lists(value: dict[str, Any], path: str, depth: int) -> list[tuple[str, int, str]]:
    """Returns the lists of records in the object: their paths for jq, lengths, and the path from element to record."""
    found = []
    for key, inner in value.items():
        name = f"{path}.{key if re.fullmatch('[A-Za-z_][A-Za-z0-9_]*', key) else json.dumps(key)}"
        if isinstance(inner, list) and inner and isinstance(inner[0], dict) and inner[0].keys() & _KEYS:
            found.append((name, len(inner), ".row" if isinstance(inner[0].get("row"), dict) else ""))
        elif isinstance(inner, dict) and depth > 1:
            found += _lists(inner, name, depth - 1)
    return found


def _columns(value: dict[str, Any]) -> tuple[str, str] | None:
    """Recognizes a table written by columns: {"chosen": ["…", "…"]} or {"chosen": {"0": "…", "1": "…"}}."""
    columns = [value[key] for key in value if key in ("chosen", "rejected", "prompt")]
    lists = all(isinstance(column, list) and all(isinstance(cell, str) for cell in column) for column in columns)
    tables = all(isinstance(column, dict) and all(key.isdecimal() for key in column) for column in columns)
    if len(columns) < 2 or not (lists or tables) or not all(columns):
        return None
    program = "import pandas, sys; pandas.read_json(sys.argv[1]).to_json(sys.argv[2], orient='records', lines=True)"
    return (
        f"a table by columns ({_list(list(value))}) in one JSON object",
        f"python3 -c {shlex.quote(program)} {{path}} rows.jsonl",
    )


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


def _jq(expression: str, path: Path | None) -> str:
    name = "{path}" if path is None else shlex.quote(str(path))
    return f"jq -c {shlex.quote(expression)} {name} > rows.jsonl"


def _list(names: list[str], most: int = _MOST_KEYS) -> str:
    return ", ".join(map(printable, names[:most])) + (", …" if len(names) > most else "")
