"""The reasons why a record is not used."""

from typing import Any


class BadRow(Exception):
    """The reason why a record is not a valid preference."""


class EmptyAnswer(BadRow):
    """The reason why nothing remains to learn: the prompt is blank, or fewer than two answers have text."""


def refuse_surrogates(value: Any) -> None:
    """Raises an error if text anywhere in `value`, such as a decoded JSON value, has no UTF-8 encoding."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            try:
                item.encode()
            except UnicodeEncodeError as error:
                surrogate = ascii(item[error.start])[1:-1]
                raise BadRow(f"the text contains a lone surrogate, {surrogate}") from None
        elif isinstance(item, dict):
            stack += [*item, *item.values()]
        elif isinstance(item, (list, tuple)):
            stack += item
