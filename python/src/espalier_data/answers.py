"""Finds a record's responses and how they rank, in whichever form they stand there."""

import math
from dataclasses import dataclass
from typing import Any

LISTS = ("responses", "response", "completions", "answers")
_SCORES = ("scores", "ratings", "rewards", "score", "rating", "reward")
_RANKS = ("ranks", "rank")
# Within a response that is an object, as UltraFeedback's `completions` and Nectar's `answers` are.
_TEXTS = ("response", "answer", "completion", "text", "content")
_OWN_SCORES = ("overall_score", "score", "rating", "reward")
# Two responses and a number, below zero where the first is the better one: HelpSteer2 and HelpSteer3.
_PAIRS = (("response_1", "response_2", "preference_strength"), ("response1", "response2", "overall_preference"))
#: What `espalier` takes of one row.
MOST = 1024
_NEEDED = "a row has chosen and rejected, or responses"


class BadRow(Exception):
    """Why a record is not a preference."""


@dataclass(frozen=True)
class Answers:
    """Two or more responses, best first, and their ranks: 0 is the best, ascending, equal where they tie."""

    responses: list[Any]
    ranks: list[int]


def answers(record: dict[str, Any]) -> Answers:
    """The responses of a record."""
    for first, second, number in _PAIRS:
        if first in record and second in record and number in record:
            # Negated, the number says how much better the first one is.
            strength = _finite([record[number]], number)[0]
            return _ranked([record[first], record[second]], [-strength, 0])
    name = next((name for name in LISTS if isinstance(record.get(name), list)), None)
    if name is None or "chosen" in record or "rejected" in record:
        return _pair(record)
    return _list(record, name)


def _pair(record: dict[str, Any]) -> Answers:
    missing = [key for key in ("chosen", "rejected") if record.get(key) is None]
    if len(missing) == 2:
        _refuse_other_kinds(record)
    if missing:
        raise BadRow(f"{missing[0]} is missing; {_NEEDED}")
    return Answers([record["chosen"], record["rejected"]], [0, 1])


def _refuse_other_kinds(record: dict[str, Any]) -> None:
    """Says what data for other trainers is, and what is needed in its place."""
    for tag in ("label", "kto_tag"):
        if tag in record:
            raise BadRow(
                f"unpaired feedback ({tag}), as KTO takes it; give two or more responses to one prompt: {_NEEDED}"
            )
    for name in LISTS:
        if name in record and name != "response":
            raise BadRow(f"{name} must be a list of two or more, best first")
    for name in ("messages", "conversations", "completion", "response", "output", "text"):
        if name in record:
            raise BadRow(
                f"one answer alone ({name}), as supervised fine-tuning takes it; "
                f"give a better and a worse one to each prompt: {_NEEDED}"
            )


def _list(record: dict[str, Any], name: str) -> Answers:
    responses = record[name]
    if len(responses) < 2:
        raise BadRow(f"{name} must be a list of two or more, best first")
    if len(responses) > MOST:
        raise BadRow(f"{name} must be a list of at most {MOST}, found {len(responses)}")
    if _are_entries(responses):
        return _entries(responses, name)
    for key in _SCORES + _RANKS:
        if isinstance(record.get(key), list):
            numbers = _finite(record[key], key)
            if len(numbers) != len(responses):
                raise BadRow(f"{key} must have a number for each of {len(responses)} {name}, found {len(numbers)}")
            return _ranked(responses, [-number for number in numbers] if key in _RANKS else numbers)
    return Answers(responses, list(range(len(responses))))


def _are_entries(responses: list[Any]) -> bool:
    """Whether responses are objects that hold text and score; a message has a role."""
    return any(isinstance(entry, dict) and "role" not in entry and "from" not in entry for entry in responses)


def _entries(entries: list[Any], name: str) -> Answers:
    if not all(isinstance(entry, dict) for entry in entries):
        raise BadRow(f"{name} must all be of one kind, found text beside objects")
    texts = [next((entry[key] for key in _TEXTS if entry.get(key) is not None), None) for entry in entries]
    if None in texts:
        raise BadRow(f"an object of {name} has no text; it is expected as one of {', '.join(_TEXTS)}")
    for key in (*_OWN_SCORES, "rank"):
        if any(key in entry for entry in entries):
            numbers = _finite([entry.get(key) for entry in entries], key)
            return _ranked(texts, [-number for number in numbers] if key == "rank" else numbers)
    return Answers(texts, list(range(len(texts))))


def _ranked(responses: list[Any], scores: list[float]) -> Answers:
    """Sorts by descending score; responses of equal score tie and keep their order."""
    if len(set(scores)) == 1:
        raise BadRow("all responses are rated alike, so that none is preferred")
    levels = sorted(set(scores), reverse=True)
    order = sorted(range(len(responses)), key=lambda index: -scores[index])
    return Answers([responses[index] for index in order], [levels.index(scores[index]) for index in order])


def _finite(numbers: list[Any], name: str) -> list[float]:
    for number in numbers:
        # Compared and not asked by `isfinite`, which fails for whole numbers beyond floating point.
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not abs(number) < math.inf:
            raise BadRow(f"{name} must be finite numbers, found {number!r}")
    return numbers
