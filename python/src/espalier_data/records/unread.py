"""Reports the columns that are not read, and refuses rows that need them."""

from typing import Any

from .bad_row import BadRow
from .column_names import (
    BEGINNINGS,
    FUNCTIONS,
    PERSONAS,
    SYSTEMS,
    UNUSED,
    are_messages,
    is_bookkeeping,
    is_material,
    is_media,
    is_question,
    words,
)
from .columns import Columns
from .draft import Draft
from .messages import text_of
from .renaming import word
from .said import is_said


def refuse_guess(columns: Columns, responses: list[str]) -> None:
    """Raises an error if a column that is not read holds text, so that the prompt is not guessed from the responses."""
    for name, value in columns.unread.items():
        column = columns.column(name)
        if name in _READ_LATER or (is_bookkeeping(name, value) and not is_media(name)):
            continue
        if {text.strip() for text in text_of(value)} - {"", *(response.strip() for response in responses)}:
            raise BadRow(
                f"no prompt, but the column '{column}' holds text; {_meanings(column, value)}, "
                f"or leave it out with --columns {word(UNUSED, column)}"
            )


def _meanings(column: str, value: Any) -> str:
    """Returns what the text of a column may be named."""
    prompt = f"name it with --columns {word('prompt', column)}"
    if isinstance(value, str):
        asked = word("question", column)
        return f"{prompt} (text that the responses continue) or {asked} (what the user asks)"
    if isinstance(value, dict) and not are_messages(value):
        texts = [key for key, item in value.items() if isinstance(item, str) and not is_bookkeeping(key, item)]
        if texts:
            paths = " or ".join(word("question", f"{column}.{key}") for key in texts[:_MOST_TEXTS])
            return f"it is an object; name its text with --columns {paths}"
    return f"{prompt} (a list of messages)"


_MOST_TEXTS = 4
# Read after the prompt is known, by the checks that concern them.
_READ_LATER = ("system", "system_prompt", "system_message", "tools", "chat_template_kwargs")


def check_unread(columns: Columns, draft: Draft) -> None:
    """Notes the columns that are not used; one that the prompt needs and does not contain is an error."""
    for name, value in columns.unread.items():
        column = columns.column(name)
        if is_media(name) and value not in (False, 0):
            raise BadRow(
                f"the column '{column}' holds what a text model cannot read; leave out such rows, or the column with "
                f"--columns {word(UNUSED, column)}"
            )
        if is_bookkeeping(name, value) or _repeats(value, draft):
            continue
        if is_material(name, value) and not isinstance(value, (bool, int, float)):
            _refuse(columns, name, value, draft)
        columns.note(f"the column '{column}' is not used")


def _repeats(value: Any, draft: Draft) -> bool:
    """Returns whether a column holds nothing but text of the prompt, and perhaps of one response."""
    texts = text_of(value)
    if not texts:
        return False
    if is_said(texts if isinstance(value, (list, dict)) else value, draft.prompt):
        return True
    for response in draft.responses:
        whole = [*text_of(draft.prompt), *text_of(response)]
        if all(any(text.strip() == part.strip() for part in whole) for text in texts):
            return True
    return False


def _refuse(columns: Columns, name: str, value: Any, draft: Draft) -> None:
    column = columns.column(name)
    remedy = " or ".join(_remedies(columns, name, value, draft))
    start = f"the column '{column}' looks like part of the prompt, but"
    if draft.column is None:
        raise BadRow(f"{start} the responses begin with their own, which does not contain it; {remedy}")
    used = columns.column(draft.column)
    raise BadRow(f"{start} the prompt is '{used}', which does not contain it; {remedy}")


def _remedies(columns: Columns, name: str, value: Any, draft: Draft) -> list[str]:
    """Returns what may be done with a column of material, each of which works for the record."""
    column, lowered = columns.column(name), "_".join(words(name))
    leave_out = f"leave it out with --columns {word(UNUSED, column)}"
    if lowered in BEGINNINGS:
        return ["put its text at the end of a prompt of text, or at the start of both responses,", leave_out]
    found = []
    text_prompt = [] if draft.is_conversational else [word("question", columns.column(draft.column or "prompt"))]
    if lowered in FUNCTIONS and not columns.has("tools"):
        found.append(f"read it as tools with --columns {' '.join([*text_prompt, word('tools', column)])},")
    if lowered in PERSONAS and isinstance(value, str) and not _has_system(columns, draft):
        found.append(f"make it the system message with --columns {' '.join([*text_prompt, word('system', column)])},")
    if draft.column is not None and not found:
        used = columns.column(draft.column)
        is_text = isinstance(value, str) and isinstance(columns.get(draft.column), str)
        if is_text and not columns.has("input"):
            both = f"{word('instruction', used)} {word('input', column)}"
            found.append(f"use both in a message of the user with --columns {both},")
        else:
            found.append("write its text into the prompt,")
        if is_question(name) or are_messages(value):
            without = "" if draft.column == "prompt" else f" {word(UNUSED, used)}"
            found.append(f"name it as the prompt with --columns {word('prompt', column)}{without},")
    return [*found, leave_out]


def _has_system(columns: Columns, draft: Draft) -> bool:
    return any(columns.has(name) for name in SYSTEMS) or (
        draft.is_conversational and draft.prompt[0]["role"] in ("system", "developer")
    )
