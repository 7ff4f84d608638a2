"""A prompt and its responses before the last checks."""

from dataclasses import dataclass
from typing import Any

from .messages import Messages


@dataclass(frozen=True)
class Draft:
    """A prompt and its responses: either all text, or all lists of messages."""

    prompt: str | Messages
    responses: list[Any]
    #: The column of the prompt; None if the prompt is the common beginning of the responses.
    column: str | None = None
    #: Whether the prompt was guessed from texts.
    guessed: bool = False

    @property
    def is_conversational(self) -> bool:
        return isinstance(self.prompt, list)
