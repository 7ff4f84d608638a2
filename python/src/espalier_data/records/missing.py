"""Says what a record lacks, how to name its columns, and what it is if its columns are inside of an object."""

import re
from typing import Any

from .bad_row import BadRow
from .column_names import FIELDS, QUESTIONS, words
from .columns import Columns
from .renaming import word

_NEEDED = "a row needs chosen and rejected, or responses"
_PROMPTS = ("prompt", "conversations", *QUESTIONS, "context", "messages", "trajectory", "query", "history")
# Objects around a row, as in exports of annotation tools and of the Hub's viewer; most specific first.
_WRAPPERS = ("row", "data", "fields", "record", "sample", "example", "item", "_source", "json")
_KEYS = frozenset({*FIELDS, "answer1", "answer2", "answer_a", "answer_b"}) - {"score", "rating", "rank", "labels"}
_MOST_WORDS = 6
#: What a prompt in text has to be named, to be what a user says to a chat model.
INTO_TEMPLATE = "; question= in place of prompt= puts it into the chat template"


def refuse_missing(columns: Columns, names: list[str], responses: str | None = None) -> None:
    """Raises an error for a record without the fields `names`, with the columns that may hold them.

    `responses` is a column that may be a list of responses.
    """
    prompts = [] if any(columns.has(name) for name in _PROMPTS) else ["prompt"]
    # Complete conversations contain their prompt.
    absent = [*(prompts if len(names) > 1 else []), *names]
    proposed = {name: _likely(columns, name) for name in absent}
    many = len(names) > 1
    remedy = " ".join(word(name, proposed[name] or "COLUMN") for name in absent)
    of_list = f"name the list of responses with --columns {word('responses', responses)}, or " if responses else ""
    raise BadRow(
        f"{' and '.join(names)} {'are' if many else 'is'} missing; {_NEEDED}; {columns.found}; "
        f"{of_list}name {'their columns' if len(absent) > 1 else 'its column'} with --columns {remedy}"
        f"{INTO_TEMPLATE if 'prompt' in absent else ''}"
    )


def _likely(columns: Columns, field: str) -> str | None:
    """Returns the only column with text or a list that has the field's name as a word, such as `Chosen Answer`."""
    found = [
        columns.column(name)
        for name, value in columns.unread.items()
        if field in words(name) and isinstance(value, (str, list, dict))
    ]
    return found[0] if len(found) == 1 else None


def refuse_wrapped(columns: Columns) -> None:
    """Raises an error if a record without responses of its own has an object, or a list, that holds rows."""
    if columns.has("chosen") or columns.has("rejected"):
        return
    for name, value in columns.unread.items():
        column = columns.column(name)
        if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
            shared = [key for key in value[0] if key in ("prompt", "chosen", "rejected")]
            if len(shared) > 1:
                raise BadRow(
                    f"the column '{column}' holds rows ({', '.join(value[0])}); write each in a line of its own: "
                    f"jq -c {_quoted(f'.{_path(column)}[]')} FILE > FILE.lines.jsonl"
                )
    for name in _WRAPPERS:
        inner = columns.get(name)
        if isinstance(inner, dict) and _KEYS & inner.keys():
            raise BadRow(_wrapped(columns, name, inner))


def _wrapped(columns: Columns, name: str, inner: dict[str, Any]) -> str:
    column = columns.column(name)
    fields = [key for key in inner if key in FIELDS and key != "unused"]
    what = f"the row's columns are inside of the column '{column}' ({', '.join(map(str, inner))})"
    if columns.has("annotations"):
        what += ", as Label Studio exports them; the verdict in 'annotations' is not read"
    elif name == "fields" and columns.has("responses"):
        what += ", as Argilla exports them; the verdict in 'responses' is not read"
    else:
        named = " ".join(word(key, f"{column}.{key}") for key in fields[:_MOST_WORDS])
        return f"{what}; name them by their path with --columns {named}"
    return (
        f"{what}; if one column always holds the better answer, name both with --columns chosen={column}.KEY "
        f"rejected={column}.KEY, otherwise write rows with chosen and rejected"
    )


def _path(column: str) -> str:
    return column if re.fullmatch(r"[A-Za-z_]\w*", column, re.ASCII) else f'["{column}"]'


def _quoted(expression: str) -> str:
    return word("", expression).removeprefix("=")
