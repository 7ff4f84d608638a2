"""Decodes JSON values of options."""

import json
from collections import Counter
from typing import Any

from .nesting import TOO_DEEP, is_too_deep
from .records.bad_row import BadRow, refuse_surrogates


def decoded(text: str) -> Any:
    """Decodes a JSON value, strictly as for records but with nulls; raises `ValueError` with the reason."""
    try:
        value = json.loads(text, object_pairs_hook=_members)
    except RecursionError:
        raise ValueError(TOO_DEEP) from None
    except ValueError as error:
        raise ValueError(f"not valid JSON: {error}") from None
    if is_too_deep(value):
        raise ValueError(TOO_DEEP)
    try:
        refuse_surrogates(value)
    except BadRow as problem:
        raise ValueError(str(problem)) from None
    return value


def _members(members: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(members)
    if len(value) < len(members):
        [(name, _)] = Counter(name for name, _ in members).most_common(1)
        raise ValueError(f"duplicate key {name!r}")
    return value
