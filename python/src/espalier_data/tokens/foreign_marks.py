"""Finds marks of other models' chat templates and places for media, which a tokenizer reads as plain text."""

import re
from collections.abc import Iterable
from typing import Any

from ..notes import Note

# Marks of public chat templates and of data with media: `<|eot_id|>`, `</s>`, `[INST]`, `<end_of_turn>`, `<image>`.
_MARK = re.compile(
    r"<\|[A-Za-z0-9_]{1,40}\|>|</?s>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_(?:turn|text|role)>|<(?:image|video|audio)>"
)


class ForeignMarks:
    """The marks that neither a tokenizer knows as tokens nor its chat template writes."""

    def __init__(self, tokenizer: Any, template: str) -> None:
        self._tokenizer, self._template = tokenizer, template
        self._known: dict[str, bool] = {}

    def notes(self, texts: Iterable[str]) -> list[Note]:
        """Returns a warning for each unknown mark in the texts of a row."""
        marks = dict.fromkeys(mark for text in texts for mark in _MARK.findall(text))
        return [
            Note(f"the text contains {mark!r}, which is no token of this model and is learned as text", warning=True)
            for mark in marks
            if not self._is_token(mark)
        ]

    def _is_token(self, mark: str) -> bool:
        if mark not in self._known:
            # SentencePiece puts its space before a special token.
            tokens = [token for token in self._tokenizer.tokenize(mark) if token != "▁"]
            self._known[mark] = len(tokens) == 1 or mark in self._template
        return self._known[mark]
