"""Reports the columns that are not read, and refuses rows that need them."""

from typing import Any

from .bad_row import BadRow
from .column_names import is_bookkeeping, is_material, is_media
from .columns import Columns
from .draft import Draft
from .messages import text_of
from .said import is_said


def refuse_guess(columns: Columns, responses: list[str]) -> None:
    """Raises an error if a column that is not read holds text, so that the prompt is not guessed from the responses."""
    for name, value in columns.unread.items():
        column = columns.column(name)
        if name in _READ_LATER or (is_bookkeeping(name, value) and not is_media(name)):
            continue
        if {text.strip() for text in text_of(value)} - {"", *(response.strip() for response in responses)}:
            meanings = "(a list of messages)"
            if isinstance(value, str):
                meanings = f"(text that the responses continue) or question={column} (what the user asks)"
            raise BadRow(
                f"no prompt, but the column '{column}' holds text; name it with --columns prompt={column} {meanings}, "
                f"or leave it out with --columns unused={column}"
            )


# Read after the prompt is known, by the checks that concern them.
_READ_LATER = ("system", "system_prompt", "system_message", "tools", "chat_template_kwargs")


def check_unread(columns: Columns, draft: Draft) -> None:
    """Notes the columns that are not used; one that the prompt needs and does not contain is an error."""
    for name, value in columns.unread.items():
        column = columns.column(name)
        if is_media(name) and value not in (False, 0):
            raise BadRow(
                f"the column '{column}' holds what a text model cannot read; leave out such rows, or the column with "
                f"--columns unused={column}"
            )
        if is_bookkeeping(name, value) or _repeats(value, draft):
            continue
        if is_material(name, value) and not isinstance(value, (bool, int, float)):
            _refuse(columns, column, draft)
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


def _refuse(columns: Columns, column: str, draft: Draft) -> None:
    leave_out = f"leave it out with --columns unused={column}"
    if draft.column is None:
        raise BadRow(
            f"the column '{column}' looks like part of the prompt, but the responses begin with their own, which does "
            f"not contain it; {leave_out}"
        )
    used = columns.column(draft.column)
    raise BadRow(
        f"the column '{column}' looks like part of the prompt, but the prompt is '{used}', which does not contain it; "
        f"{leave_out}, name it as the prompt (prompt={column}), or use both in a message of the user "
        f"(instruction={used} input={column})"
    )
