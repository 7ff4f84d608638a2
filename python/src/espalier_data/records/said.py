"""Whether a text is part of a prompt, so that nothing is lost if it is not used itself."""

import re
from typing import Any

from .messages import Messages, text_of

_ROLE_WORDS = {*"user human assistant gpt bot model system im_start im_end end start header id eot inst s".split()}


# Values that name an answer or a side, and occur in a prompt by chance.
_VERDICTS = {
    *("chosen", "rejected", "left", "right", "first", "second", "both", "none", "neither", "better", "worse", "good"),
    *("best", "worst", "true", "false", "correct", "wrong", "accepted", "preferred", "equal", "same", "null"),
}
# The least number of characters of a text that is said by a part of a prompt.
_SHORTEST = 4


def is_said(value: Any, prompt: str | Messages) -> bool:
    """Returns whether a prompt contains all text of `value`, or whether `value` is the prompt written as one text.

    A part of the prompt counts from word to word; a short text or a verdict such as `b` counts only as a whole message.
    """
    contents = [_folded(text) for text in text_of(prompt)]
    whole = " ".join(contents)
    parts = [_folded(text) for text in text_of(value)]
    return all(part in contents or _contains(whole, part) for part in parts) or (
        isinstance(value, str) and _is_written_out(parts[0], contents)
    )


def _contains(whole: str, part: str) -> bool:
    """Returns whether a text contains a part that begins and ends as words do."""
    if not part:
        return True
    if part.lower() in _VERDICTS or (len(part) < _SHORTEST and part.isascii()):
        return False
    before = r"(?<![0-9A-Za-z\u00c0-\u024f])" if _is_letter(part[0]) else ""
    after = r"(?![0-9A-Za-z\u00c0-\u024f])" if _is_letter(part[-1]) else ""
    return re.search(before + re.escape(part) + after, whole) is not None


def _is_letter(character: str) -> bool:
    """Returns whether a character is a letter or digit of a script whose words have spaces between them."""
    return character.isalnum() and character < "\u0250"


def _is_written_out(text: str, contents: list[str]) -> bool:
    """Returns whether `text` consists of contents in this order, with nothing between them but names of roles."""
    rest, start = [], 0
    for content in contents:
        position = text.find(content, start)
        if position < 0:
            continue
        rest.append(text[start:position])
        start = position + len(content)
    words = re.findall(r"\w+", " ".join([*rest, text[start:]]).lower())
    return bool(rest) and all(word in _ROLE_WORDS for word in words)


def _folded(text: str) -> str:
    """Returns a text with single spaces between its words."""
    return " ".join(text.split())
