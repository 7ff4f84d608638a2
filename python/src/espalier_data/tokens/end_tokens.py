"""Recognizes the end of an answer in its tokens."""

import json
import re
from pathlib import Path
from typing import Any

# Names of tokens that end a turn or a text in public templates; a model generates until one of them.
_NAME = re.compile(
    r"im_end|end_?of_?(turn|text|utterance|sentence|message|response)|end▁of▁(sentence|turn|text)|eot|eom|eos|"
    r"^</s>$|^<\|?end\|?>$|^<turn\|>$|^<\|return\|>$|^<\|call\|>$|end_of_assistant|assistant_end|end_of_role_content",
    re.IGNORECASE,
)
#: White space, also in the signs of byte-level and SentencePiece vocabularies, which not all tokenizers decode.
_SPACES = " \n\r\t\f\v\u00a0ĠĊĉč▁"
#: Bookkeeping at the end of an answer, such as a newline, is at most this many tokens.
_MOST_BLANKS = 16


class EndTokens:
    """The tokens that end an answer: those of the tokenizer and of the model's configuration, and public names."""

    def __init__(self, tokenizer: Any, model: Path) -> None:
        self._tokenizer = tokenizer
        added = getattr(tokenizer, "added_tokens_decoder", {})
        named = {number for number, token in added.items() if _NAME.search(str(token))}
        own = {tokenizer.eos_token_id} - {None}
        #: Those at which generation stops.
        self._stops = frozenset(own | _configured(model))
        self._ids = frozenset(named | self._stops)
        self._blank: dict[int, bool] = {}
        self.name = tokenizer.eos_token

    def end(self, response: list[int]) -> int | None:
        """Returns the end token of a response, with at most white space after it; None if it has none."""
        for token in reversed(response[-_MOST_BLANKS:]):
            if token in self._ids:
                return token
            if not self._is_blank(token):
                return None
        return None

    def stops(self, token: int) -> bool:
        """Returns whether the model's configuration or the tokenizer names an end token."""
        return token in self._stops

    def is_blank(self, response: list[int]) -> bool:
        """Returns whether a response has nothing but white space and end tokens."""
        return all(token in self._ids or self._is_blank(token) for token in response)

    def _is_blank(self, token: int) -> bool:
        if token not in self._blank:
            text = self._tokenizer.decode([token], skip_special_tokens=False, clean_up_tokenization_spaces=False)
            name = str(self._tokenizer.convert_ids_to_tokens(token))
            self._blank[token] = not text.strip(_SPACES) or not name.strip(_SPACES)
        return self._blank[token]


def _configured(model: Path) -> set[int]:
    """Returns the end tokens of the model's configuration; files that are missing or broken have none."""
    found: set[int] = set()
    for name in ("generation_config.json", "config.json"):
        try:
            value = json.loads((model / name).read_text(encoding="utf-8")).get("eos_token_id")
        except (OSError, ValueError, AttributeError):
            continue
        values = value if isinstance(value, list) else [value]
        found |= {number for number in values if type(number) is int}
    return found
