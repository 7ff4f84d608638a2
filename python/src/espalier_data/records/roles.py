"""The names that public formats give to the roles of messages."""

from typing import Any

from .bad_row import BadRow

_NAMES = {
    **dict.fromkeys(("user", "human", "prompter"), "user"),
    **dict.fromkeys(("assistant", "gpt", "model", "bot", "chatgpt", "bing", "bard", "ai", "chatbot"), "assistant"),
    **dict.fromkeys(("function_call", "tool_call"), "assistant"),
    "system": "system",
    **dict.fromkeys(("tool", "observation", "tool_response"), "tool"),
    # Roles that only some templates know; a template that does not know them rejects them or prints their name.
    **{name: name for name in ("developer", "function", "ipython")},
}
KNOWN = tuple(_NAMES)


def role(name: Any) -> str:
    """Returns the role that chat templates know for a name, whatever its capitals, or raises an error."""
    known = _NAMES.get(name.strip().lower()) if isinstance(name, str) else None
    if known is None:
        raise BadRow(f"unknown role {name!r}; known: {', '.join(KNOWN)}")
    return known
