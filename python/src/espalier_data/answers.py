"""Extracts the responses of a record and their ranks, from any supported format."""

import math
from dataclasses import dataclass
from typing import Any

LISTS = ("responses", "response", "completions", "answers")
_SCORES = ("scores", "ratings", "rewards", "score", "rating", "reward")
_RANKS = ("ranks", "rank")
# Keys of a response that is an object, as in UltraFeedback's `completions` and Nectar's `answers`.
_TEXTS = ("response", "answer", "completion", "text", "content")
_OWN_SCORES = ("overall_score", "score", "rating", "reward")
# Two responses and a number, negative if the first is better: HelpSteer2 and HelpSteer3.
_PAIRS = (("response_1", "response_2", "preference_strength"), ("response1", "response2", "overall_preference"))
#: The maximum number of responses of a row in `espalier`.
MAX_RESPONSES = 1024
_NEEDED = "a row needs chosen and rejected, or responses"


class BadRow(Exception):
    """The reason why a record is not a valid preference."""


class EmptyAnswer(BadRow):
    """A row whose answers are blank."""


@dataclass(frozen=True)
class RankedResponses:
    """Two or more responses, best first, and their ranks: 0 is best, ascending, equal for ties."""

    responses: list[Any]
    ranks: list[int]


def ranked_responses(record: dict[str, Any]) -> RankedResponses:
    """Returns the responses of a record."""
    for first, second, number in _PAIRS:
        if first in record and second in record and number in record:
            # The negated number is the advantage of the first response.
            strength = _finite([record[number]], number)[0]
            return _ranked([record[first], record[second]], [-strength, 0])
    name = next((name for name in LISTS if isinstance(record.get(name), list)), None)
    if name is None or "chosen" in record or "rejected" in record:
        return _pair(record)
    return _list(record, name)


def _pair(record: dict[str, Any]) -> RankedResponses:
    missing = [key for key in ("chosen", "rejected") if record.get(key) is None]
    if len(missing) == 2:
        _refuse_other_kinds(record)
    if missing:
        raise BadRow(f"{missing[0]} is missing; {_NEEDED}")
    return RankedResponses([record["chosen"], record["rejected"]], [0, 1])


def _refuse_other_kinds(record: dict[str, Any]) -> None:
    """Raises an error that identifies data for other trainers and says what is needed instead."""
    for tag in ("label", "kto_tag"):
        if tag in record:
            raise BadRow(f"unpaired feedback ({tag}), as for KTO; provide two or more responses to a prompt: {_NEEDED}")
    for name in LISTS:
        if name in record and name != "response":
            raise BadRow(f"{name} must be a list of two or more, best first")
    for name in ("messages", "conversations", "completion", "response", "output", "text"):
        if name in record:
            raise BadRow(
                f"a single response ({name}), as for supervised fine-tuning; "
                f"provide a better and a worse one for each prompt: {_NEEDED}"
            )


def _list(record: dict[str, Any], name: str) -> RankedResponses:
    responses = record[name]
    if len(responses) < 2:
        raise BadRow(f"{name} must be a list of two or more, best first")
    if len(responses) > MAX_RESPONSES:
        raise BadRow(f"{name} must be a list of at most {MAX_RESPONSES}, found {len(responses)}")
    if _are_entries(responses):
        return _entries(responses, name)
    for key in _SCORES + _RANKS:
        if isinstance(record.get(key), list):
            numbers = _finite(record[key], key)
            if len(numbers) != len(responses):
                raise BadRow(f"{key} must have a number for each of {len(responses)} {name}, found {len(numbers)}")
            return _ranked(responses, [-number for number in numbers] if key in _RANKS else numbers)
    return RankedResponses(responses, list(range(len(responses))))


def _are_entries(responses: list[Any]) -> bool:
    """Returns whether the responses are objects with text and score; messages have a role."""
    return any(isinstance(entry, dict) and "role" not in entry and "from" not in entry for entry in responses)


def _entries(entries: list[Any], name: str) -> RankedResponses:
    if not all(isinstance(entry, dict) for entry in entries):
        raise BadRow(f"{name} must all be text or all be objects, found both")
    texts = [next((entry[key] for key in _TEXTS if entry.get(key) is not None), None) for entry in entries]
    if None in texts:
        raise BadRow(f"an object in {name} has no text; expected one of the keys {', '.join(_TEXTS)}")
    for key in (*_OWN_SCORES, "rank"):
        if any(key in entry for entry in entries):
            numbers = _finite([entry.get(key) for entry in entries], key)
            return _ranked(texts, [-number for number in numbers] if key == "rank" else numbers)
    return RankedResponses(texts, list(range(len(texts))))


def _ranked(responses: list[Any], scores: list[float]) -> RankedResponses:
    """Sorts by descending score; responses with equal scores tie and keep their order."""
    if len(set(scores)) == 1:
        raise BadRow("all responses have the same score, so none is preferred")
    levels = sorted(set(scores), reverse=True)
    order = sorted(range(len(responses)), key=lambda index: -scores[index])
    return RankedResponses([responses[index] for index in order], [levels.index(scores[index]) for index in order])


def _finite(numbers: list[Any], name: str) -> list[float]:
    for number in numbers:
        # Not `math.isfinite`, which fails for integers beyond the range of floating point.
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not abs(number) < math.inf:
            raise BadRow(f"{name} must be finite numbers, found {number!r}")
    return numbers
