"""Decodes JSON values of options."""

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any

from .errors import UserError
from .nesting import TOO_DEEP, is_too_deep
from .records.bad_row import BadRow, refuse_surrogates


def tool_list(path: Path) -> list[dict[str, Any]]:
    """Reads the tools for chat templates."""
    try:
        tools = _decoded(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: expected JSON in UTF-8, found another byte at {error.start}") from None
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None
    if not isinstance(tools, list):
        raise UserError(f"{path}: expected a list of tools, found {type(tools).__name__}")
    for tool in tools:
        if not isinstance(tool, dict):
            raise UserError(f"{path}: expected a list of objects, found {type(tool).__name__} in it")
    return tools


def json_object(text: str) -> dict[str, Any]:
    """Decodes the value of an option that is an object."""
    try:
        value = _decoded(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"expected a JSON object, found {text}")
    return value


def _decoded(text: str) -> Any:
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
