"""Short ways to write rows and to read what `parse` makes of them."""

from typing import Any

import pytest
from espalier_data.records.answers import BadRow
from espalier_data.records.rows import PreferenceRow, parse


def user(content: Any, **keys: Any) -> dict[str, Any]:
    return {"role": "user", "content": content, **keys}


def assistant(content: Any, **keys: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **keys}


def system(content: Any) -> dict[str, Any]:
    return {"role": "system", "content": content}


def shown(row: PreferenceRow) -> tuple[Any, list[Any]]:
    """Returns the prompt and the responses: text, or a text `role: content` for each message."""
    return _shown(row.prompt), [_shown(response) for response in row.responses]


def _shown(turns: Any) -> Any:
    return turns if isinstance(turns, str) else [f"{turn['role']}: {turn.get('content', '')}" for turn in turns]


def notes(row: PreferenceRow) -> list[str]:
    return [note.text for note in row.notes]


def reason(value: Any, columns: dict[str, str] | None = None, kind: type[BadRow] = BadRow) -> str:
    """Returns the reason why a row is refused."""
    with pytest.raises(kind) as caught:
        parse(value, columns)
    return str(caught.value)


#: A conversation of one question and its two answers.
ASKED = (["user: Where?"], [["assistant: Here."], ["assistant: There."]])
ANSWERS = {"chosen": "Here.", "rejected": "There."}
#: The same as text that the answers continue.
CONTINUED = ("Where?", ["Here.", "There."])
