"""Finds out what a chat template writes around texts, from conversations with a marker in place of each text."""

import json
from collections.abc import Callable
from typing import Any

from ..records.answers import BadRow
from .template_content import REASONING, Message, marked, marker

#: Renders messages with variables, and with the generation prompt if the last argument is true.
Render = Callable[[list[Message], dict[str, Any], bool], str]


class MarkedConversations:
    """Renders one conversation with markers for all that have the same roles, keys and variables."""

    def __init__(self, render: Render) -> None:
        self._render = render
        self._texts: dict[str, str] = {}
        self._headers: dict[str, str] = {}

    def written(self, messages: list[Message], variables: dict[str, Any]) -> frozenset[int]:
        """Returns the indexes of the messages whose content the template writes, whatever it is."""
        every = frozenset(range(len(messages)))
        text = self._text(messages, variables)
        # A template that changes every text, for instance to capitals, says nothing.
        return frozenset(index for index in every if marker(index) in text) or every

    def repeated(self, messages: list[Message], variables: dict[str, Any]) -> frozenset[int]:
        """Returns the indexes of the messages whose content the template writes more than once."""
        text = self._text(messages, variables)
        return frozenset(index for index in range(len(messages)) if text.count(marker(index)) > 1)

    def header(self, prompt: list[Message], response: list[Message], variables: dict[str, Any]) -> str:
        """Returns what the template writes before an answer if it writes no generation prompt; empty if it does."""
        first = response[0]
        if not isinstance(first.get("content"), str) or any(first.get(key) for key in REASONING):
            return ""
        shape = _shape(prompt + response[:1], variables)
        if shape not in self._headers:
            self._headers[shape] = self._found_header(prompt, response, variables)
        return self._headers[shape]

    def _found_header(self, prompt: list[Message], response: list[Message], variables: dict[str, Any]) -> str:
        conversation = marked(prompt + response[:1])
        try:
            before = self._render(conversation[:-1], variables, False)
            if before != self._render(conversation[:-1], variables, True):
                return ""
            whole = self._render(conversation, variables, False)
        except BadRow:  # A template may reject a prompt without its answer.
            return ""
        header, answer, _ = whole.removeprefix(before).partition(marker(len(prompt)))
        return header if answer and whole.startswith(before) else ""

    def _text(self, messages: list[Message], variables: dict[str, Any]) -> str:
        shape = _shape(messages, variables)
        if shape not in self._texts:
            try:
                self._texts[shape] = self._render(marked(messages), variables, False)
            except BadRow:  # A template may reject any text; then a search for the texts decides.
                self._texts[shape] = ""
        return self._texts[shape]


def _shape(messages: list[Message], variables: dict[str, Any]) -> str:
    return json.dumps([variables, [[message.get("role"), *message] for message in messages]], default=str)
