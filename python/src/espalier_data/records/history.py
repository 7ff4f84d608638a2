"""The turns before the prompt: `history` and `system`."""

from typing import Any

from .bad_row import BadRow
from .column_names import SYSTEMS
from .columns import Columns, is_blank
from .encoded import structured
from .messages import Messages, normalised


def earlier_turns(columns: Columns, prompt: Messages) -> Messages:
    """Returns the prompt with the turns of `history` before it: `[[user, assistant], …]`, or messages."""
    if "history" not in columns.unread:
        return prompt
    turns = _turns(columns)
    system = [message for message in prompt[:1] if message["role"] == "system"]
    rest = prompt[len(system) :]
    if len(rest) != 1 or rest[0]["role"] != "user":
        raise BadRow("history cannot be used with a prompt of several turns; provide all turns in the prompt")
    return system + turns + rest


def refuse_history_with_text(columns: Columns) -> None:
    """Raises an error for earlier turns of a prompt that is text."""
    if "history" in columns.unread:
        raise BadRow(
            "history cannot be used with text, which goes through no chat template; put the prompt into the template "
            f"with --columns question=prompt, or leave history out with --columns unused={columns.column('history')}"
        )


def with_system(columns: Columns, prompt: str | Messages) -> str | Messages:
    """Returns a prompt that begins with the system message of the record, once."""
    system = _system(columns)
    if system is None:
        return prompt
    field, text = system
    if isinstance(prompt, str):
        if prompt.lstrip().startswith(text.strip()):
            return prompt
        raise BadRow(
            f"{field} cannot be used with text, which goes through no chat template; put the prompt into the template "
            f"with --columns question=prompt, or leave {field} out with --columns unused={columns.column(field)}"
        )
    own = next((message for message in prompt if message["role"] in ("system", "developer")), None)
    if own is None:
        return [{"role": "system", "content": text}, *prompt]
    if own.get("content", "").strip() != text.strip():
        raise BadRow(
            f"{field} differs from the system message of the prompt; leave it out with "
            f"--columns unused={columns.column(field)} if the prompt's is right"
        )
    return prompt


def _system(columns: Columns) -> tuple[str, str] | None:
    """Returns the field and the text of the record's system message."""
    found = [(field, _system_text(columns.read(field), field, columns)) for field in SYSTEMS if columns.has(field)]
    found = [(field, text) for field, text in found if text.strip()]
    if len({text.strip() for _, text in found}) > 1:
        raise BadRow(f"{' and '.join(field for field, _ in found)} differ; provide one system message")
    return found[0] if found else None


def _system_text(value: Any, field: str, columns: Columns) -> str:
    if isinstance(value, str):
        return value
    if is_blank(value):
        return ""
    messages = normalised(value, field, columns.note)
    if len(messages) != 1 or messages[0]["role"] != "system":
        raise BadRow(f"{field} must be text, or one message of the system")
    return messages[0].get("content", "")


def _turns(columns: Columns) -> Messages:
    value = structured(columns.read("history"))
    if isinstance(value, list) and all(isinstance(turn, dict) for turn in value):
        return normalised(value, "history", columns.note)
    if not isinstance(value, list):
        raise BadRow("history must be a list of pairs of the user's and the assistant's text, or of messages")
    turns = []
    for pair in value:
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(text, str) for text in pair):
            raise BadRow("history must be a list of pairs of the user's and the assistant's text, or of messages")
        turns += [{"role": "user", "content": pair[0]}, {"role": "assistant", "content": pair[1]}]
    return turns
