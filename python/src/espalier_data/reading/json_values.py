"""Decodes JSON values, and describes what is wrong with those that cannot be decoded."""

import json
import re
from collections import Counter
from typing import Any


def _members(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Returns an object's members without those that are null, which mean the same as absent ones.

    Duplicate keys are errors, since programs interpret them differently.
    """
    value = dict(members)
    if len(value) < len(members):
        [(name, _)] = Counter(name for name, _ in members).most_common(1)
        raise ValueError(f"duplicate key {name!r}")
    if None in value.values():
        return {key: inner for key, inner in value.items() if inner is not None}
    return value


#: A byte order mark, which begins some files, and lines within a file that such files were joined to.
MARK = "\ufeff"
DECODER = json.JSONDecoder(object_pairs_hook=_members)
#: What decoding raises: syntax errors, duplicate keys and numbers that are too long; nesting that is too deep.
ERRORS = (ValueError, RecursionError)
#: Tokens other than strings are shorter: an error this close to the end of a text may be due to the end.
LONGEST_TOKEN = 16


def is_incomplete(error: Exception, text: str, margin: int = 0) -> bool:
    """Returns whether a value may be complete if more text follows; errors within `margin` of the end may be due to it.

    Without a margin, `text` must end with a whole token and without white space.
    """
    if not isinstance(error, json.JSONDecodeError):
        return False
    return error.msg.startswith("Unterminated string") or error.pos >= len(text) - margin


def problem(error: Exception, column: int | None = None, text: str = "") -> str:
    """Describes why a value could not be read: a syntax error, a very long number, deep nesting or a duplicate key."""
    if "\0" in text:
        return f"not valid JSON: a NUL byte at column {text.index(chr(0)) + 1}; is the file damaged, or partly UTF-16?"
    if not isinstance(error, json.JSONDecodeError):
        return f"not readable JSON: {error}"
    column = error.colno if column is None else column
    if error.msg == "Extra data" and text[error.pos :].strip() == ",":
        return (
            f"not valid JSON: a comma after the value, at column {column}; remove it, or put [ and ] around all lines"
        )
    if error.msg == "Extra data" and text[error.pos] in "{[":
        return f"not valid JSON: another value at column {column}; expected one record per line"
    remedy = "; Python's notation? write JSON with json.dumps" if re.match(r"\s*\{\s*'", text) else ""
    return f"not valid JSON: {error.msg.removesuffix(' at')} at column {column}{remedy}"


def printable(key: str) -> str:
    """Returns a key as it is, or with escapes if it is not plain text."""
    return key if key.isprintable() else json.dumps(key)
