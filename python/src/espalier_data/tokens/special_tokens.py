"""Finds special tokens in the text of a row that a chat template reads."""

import re
from collections.abc import Iterator
from typing import Any

from ..notes import Note
from ..records.rows import PreferenceRow
from .template_content import REASONING, Message, owner


class SpecialTokens:
    """The special tokens of a tokenizer, in text of messages, of tools and of variables."""

    def __init__(self, tokenizer: Any) -> None:
        added = getattr(tokenizer, "added_tokens_decoder", {}).values()
        names = sorted((str(token) for token in added if token.special), key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, names))) if names else None

    def notes(self, row: PreferenceRow, variables: dict[str, Any], words: frozenset[str]) -> list[Note]:
        """Returns a warning for each special token in a row; `words` are the identifiers of the template."""
        if self._pattern is None:
            return []
        places = [place for part in (row.prompt, *row.responses) for message in part for place in _of(message, words)]
        places += _of_variables(variables, words)
        # Templates read the reasoning of a message under any of its names, but once.
        matches = [(number, what, self._match(value)) for number, what, value in places]
        return [
            Note(f"{what} {match!r}, which becomes a special token", warning=True)
            for _, what, match in dict.fromkeys(matches)
            if match is not None
        ]

    def _match(self, value: Any) -> str | None:
        """Returns the first special token in text anywhere in `value`."""
        if isinstance(value, str):
            match = self._pattern.search(value)
            return match[0] if match else None
        if not isinstance(value, (list, dict)):
            return None
        inner = [*value, *value.values()] if isinstance(value, dict) else value
        return next((match for match in map(self._match, inner) if match is not None), None)


def _of(message: Message, words: frozenset[str]) -> Iterator[tuple[int, str, Any]]:
    """Yields a number of the message, a description and the value of each key that a template reads."""
    name = owner(message)
    for key, value in message.items():
        if key == "content":
            yield id(message), f"the text of {name} contains", value
        elif key in REASONING and any(word in words for word in REASONING):
            yield id(message), f"the reasoning of {name} contains", value
        elif key == "tool_calls" and key in words:
            yield id(message), f"a tool call of {name} contains", value
        elif key in words:
            yield id(message), f"the key {key!r} of {name} contains", value


def _of_variables(variables: dict[str, Any], words: frozenset[str]) -> Iterator[tuple[int, str, Any]]:
    for name, value in variables.items():
        if name == "tools" and name in words:
            yield 0, "the tools contain", value
        # A variable such as bos_token is meant to be one.
        elif name in words and name != "chat_template" and not name.endswith("_token"):
            yield 0, f"the variable {name!r} contains", value
