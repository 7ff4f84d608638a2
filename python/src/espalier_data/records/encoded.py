"""Recognises messages and lists that are written as JSON, or in Python's notation, inside text."""

import ast
import json
import re
import warnings
from typing import Any

from .bad_row import BadRow, refuse_surrogates
from .columns import is_blank, without_nulls
from .roles import KNOWN

_WRAPPERS = ("messages", "conversations", "conversation")
_KNOWN_ROLES = re.compile("|".join(KNOWN), re.I)
_MENTION = re.compile(r"['\"\\](?:role|from|messages|conversations?)[\\]?['\"]\s*:")
_CONTENT = re.compile(r"['\"](?:content|value)['\"]\s*:")
_BROKEN = re.compile(
    r"\s*(?:\[\s*\{\s*['\"](?:role|from|content|value)|\{\s*['\"](?:role|from)['\"]\s*:\s*['\"](?:"
    + _KNOWN_ROLES.pattern
    + r"))['\"]",
    re.I,
)
_MAX_PYTHON = 100_000


def decoded(text: str) -> Any:
    """Returns the list or object that `text` holds as JSON or in Python's notation; otherwise None."""
    stripped = text.strip()
    if not stripped or stripped[0] not in '[{("' or stripped[-1] not in ']})"':
        return None
    try:
        value = json.loads(stripped)
    except (ValueError, RecursionError):
        value = _python(stripped)
    if isinstance(value, str) and value != text:
        return decoded(value)
    if isinstance(value, tuple):
        value = list(value)
    if not isinstance(value, (list, dict)):
        return None
    refuse_surrogates(value)
    return value


def refuse_duplicates(text: str) -> None:
    """Raises an error if an object in JSON has a key twice, since programs interpret that differently."""
    try:
        json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        return  # Python's notation, in which the last one counts, as it does in Python.


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) < len(members):
        names = [name for name, _ in members]
        raise BadRow(f"text that holds JSON has a duplicate key {next(n for n in names if names.count(n) > 1)!r}")
    return found


def structured(value: Any) -> Any:
    """Returns the list or object that a value holds as text, without nulls; otherwise the value."""
    found = decoded(value) if isinstance(value, str) else None
    return value if found is None else without_nulls(found)


def encoded_messages(text: str, where: str) -> list[Any] | dict[str, Any] | None:
    """Returns the messages that `text` holds; None if it is text, which includes an answer in JSON.

    These are messages: a list of objects with role and content (or from and value), one such object with a known
    role, and an object with nothing but a list of them under `messages` or `conversations`.
    """
    if not _MENTION.search(text):
        return None
    value = decoded(text)
    if value is None:
        return _refuse_broken(text, where)
    if isinstance(value, dict):
        value = _unwrapped(value, where)
    if isinstance(value, dict) and not _is_known(value):
        return None
    if not _are_messages(value):
        return None
    refuse_duplicates(text)
    return without_nulls(value)


def encoded_parts(text: str) -> bool:
    """Returns whether `text` holds content parts, such as `[{"type": "text", "text": …}]`, or one of them."""
    if not text.lstrip().startswith(("[", "{")) or "type" not in text:
        return False
    value = decoded(text)
    return _is_part(value) or (isinstance(value, list) and bool(value) and all(map(_is_part, value)))


def _is_part(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    keys = {key for key, item in value.items() if not is_blank(item)}
    return value.get("type") in ("image", "image_url", "audio", "input_audio", "video") or (
        value.get("type") == "text" and keys <= {"type", "text"}
    )


def _python(text: str) -> Any:
    if len(text) > _MAX_PYTHON:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None


def _refuse_broken(text: str, where: str) -> None:
    """Raises an error for messages that are neither JSON nor Python, such as a printed array, or truncated ones."""
    if _BROKEN.match(text) and _CONTENT.search(text):
        raise BadRow(f"{where} is text that holds messages, but is not valid JSON; provide the messages as a list")


def _unwrapped(value: dict[str, Any], where: str) -> Any:
    """Returns the list in an object such as `{"messages": […]}`, or the object."""
    name = next((name for name in _WRAPPERS if name in value), None)
    if name is None or not _are_messages(value[name]):
        return value
    others = {key: item for key, item in value.items() if key != name and not is_blank(item)}
    if not others.keys() - {"id", "source"}:
        return value[name]
    if not others.keys() - {"id", "source", "system", "tools"}:
        raise BadRow(
            f"{where} is text that holds messages with {' and '.join(others)} as JSON; "
            "provide each in a column of its own"
        )
    return value


def _are_messages(value: Any) -> bool:
    if isinstance(value, dict):
        return _is_message(value)
    while isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
        value = value[0]
    return isinstance(value, list) and bool(value) and all(_is_message(turn) for turn in value)


def _is_message(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    return ("role" in value and not value.keys().isdisjoint(("content", "value", "tool_calls"))) or (
        "from" in value and not value.keys().isdisjoint(("content", "value"))
    )


def _is_known(value: dict[str, Any]) -> bool:
    role = value.get("role", value.get("from"))
    return isinstance(role, list) or (isinstance(role, str) and _KNOWN_ROLES.fullmatch(role.strip()) is not None)
