"""Whether a text is part of a prompt, so that nothing is lost if it is not used itself."""

import re
from typing import Any

from .messages import Messages, text_of

_ROLE_WORDS = {*"user human assistant gpt bot model system im_start im_end end start header id eot inst s".split()}


def is_said(value: Any, prompt: str | Messages) -> bool:
    """Returns whether a prompt contains all text of `value`, or whether `value` is the prompt written as one text."""
    contents = [_folded(text) for text in text_of(prompt)]
    whole = " ".join(contents)
    parts = [_folded(text) for text in text_of(value)]
    return all(part in whole for part in parts) or (isinstance(value, str) and _is_written_out(parts[0], contents))


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
