"""Refuses lists of responses that would be taken as best first although something in the record may say otherwise."""

from typing import Any

from .bad_row import BadRow
from .column_names import words
from .columns import Columns, is_blank

_VERDICTS = {
    *("label", "labels", "best", "worst", "better", "worse", "winner", "choice", "chosen", "rejected", "preferred"),
    *("preference", "preferences", "selected", "selection", "correct", "gold", "verdict", "vote", "votes", "order"),
    *("ranking", "accepted"),
}
# A single score, or the model of a response, ranks nothing.
_SCORES = {"score", "scores", "rating", "reward", "rank", "model", "models", "source"}


def check_order(columns: Columns, responses: list[Any], name: str) -> None:
    """Raises an error if a column that is not read may rank the responses: numbers for each, or a verdict."""
    for key, value in columns.unread.items():
        column = columns.column(key)
        if _is_list_of_numbers(value, len(responses)) and not _is_measure(key):
            raise BadRow(
                f"the column '{column}' has a number for each of the {name}, but no known meaning; name it with "
                f"--columns scores={column} (highest is best) or ranks={column} (lowest is best), or leave it out with "
                f"--columns unused={column}"
            )
        if _is_verdict(key, value) or _is_another(value, responses):
            raise BadRow(
                f"the column '{column}' may say which of the {name} is best, but has no known meaning; provide scores "
                f"or ranks, or leave it out with --columns unused={column} if the {name} are best first"
            )


def check_order_of_objects(entries: list[dict[str, Any]], read: str, name: str, known: str) -> None:
    """Raises an error if a key of the responses' objects, other than `read`, may rank them."""
    for entry in entries:
        for key, value in entry.items():
            is_number = isinstance(value, (int, float)) and not _is_measure(key)
            if key != read and (is_number or _is_verdict(key, value)):
                raise BadRow(
                    f"the objects in {name} have the key '{key}', which may rank them, but has no known meaning; "
                    f"expected one of the keys {known}"
                )


def _is_measure(key: str) -> bool:
    """Returns whether a number's name says that it identifies or measures a response, and does not judge it."""
    last = words(key)[-1]
    return last in (
        "id",
        "ids",
        "idx",
        "index",
        "tokens",
        "length",
        "lengths",
        "len",
        "count",
        "counts",
        "time",
        "turn",
    )


def _is_verdict(key: str, value: Any) -> bool:
    return not is_blank(value) and not _VERDICTS.isdisjoint(words(key)) and _SCORES.isdisjoint(words(key))


def _is_another(value: Any, responses: list[Any]) -> bool:
    """Returns whether a text repeats a response that is not the first of the list."""
    return isinstance(value, str) and value in responses[1:] and value != responses[0]


def _is_list_of_numbers(value: Any, count: int) -> bool:
    is_list = isinstance(value, list) and len(value) == count
    return is_list and all(isinstance(number, (int, float)) for number in value)
