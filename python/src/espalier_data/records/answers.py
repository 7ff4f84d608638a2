"""Extracts the responses of a record and their ranks, from any supported format."""

from dataclasses import dataclass, field
from typing import Any

from .bad_row import BadRow, EmptyAnswer
from .column_names import LISTS, RANKS, SCORES, is_bookkeeping
from .columns import Columns, finite, is_blank
from .encoded import structured
from .missing import refuse_missing
from .order import check_order, check_order_of_objects
from .pairs import Pair, judged_pair, ordered_pair

__all__ = ["MAX_RESPONSES", "BadRow", "EmptyAnswer", "RankedResponses", "ranked_responses"]

# Keys of a response that is an object, as in UltraFeedback's `completions` and Nectar's `answers`.
_TEXTS = ("response", "answer", "completion", "text", "content", "messages")
_OWN_SCORES = ("overall_score", "score", "rating", "reward", "pm_score")
# Keys of such an object that describe it.
_DESCRIBING = {"annotations", "critique", "principle", "fine-grained_score", "name", "author", "selected", "rationale"}
#: The maximum number of responses of a row in `espalier`.
MAX_RESPONSES = 1024
_NEEDED = "a row needs chosen and rejected, or responses"


@dataclass(frozen=True)
class RankedResponses:
    """Two or more responses, best first, and their ranks: 0 is best, ascending, equal for ties."""

    responses: list[Any]
    ranks: list[int]
    #: The column of each response.
    names: list[str] = field(default_factory=list)
    #: The prompt, if the form of the responses has its own column for it: the column and its text, or messages.
    question: tuple[str, str] | None = None
    prompt: list[Any] | None = None

    def kept(self, indices: list[int]) -> "RankedResponses":
        """Returns the responses at these indices, with ranks from 0."""
        ranks = [self.ranks[index] for index in indices]
        levels = sorted(set(ranks))
        return RankedResponses(
            [self.responses[index] for index in indices],
            [levels.index(rank) for rank in ranks],
            [self.names[index] for index in indices],
            self.question,
            self.prompt,
        )


def ranked_responses(columns: Columns) -> RankedResponses:
    """Returns the responses of a record."""
    pair = judged_pair(columns)
    if pair is None and not columns.has("chosen") and not columns.has("rejected"):
        name = next((name for name in LISTS if _is_list(columns, name)), None)
        if name is not None:
            return _list(columns, name)
        pair = ordered_pair(columns)
    return _chosen_and_rejected(columns) if pair is None else _of(pair)


def _is_list(columns: Columns, name: str) -> bool:
    value = columns.get(name)
    # A single response may be a list in JSON.
    return isinstance(value if name in ("response", "output") else structured(value), list)


def _of(pair: Pair) -> RankedResponses:
    responses, names = list(pair.responses), list(pair.names)
    if pair.advantage == 0:
        raise BadRow("all responses have the same score, so none is preferred")
    if pair.advantage < 0:
        responses.reverse()
        names.reverse()
    return RankedResponses(responses, [0, 1], names, pair.question, pair.prompt)


def _chosen_and_rejected(columns: Columns) -> RankedResponses:
    names = ["chosen", "rejected"]
    missing = [name for name in names if not columns.has(name)]
    if len(missing) == 2:
        _refuse_other_kinds(columns)
    if missing:
        refuse_missing(columns, missing)
    return RankedResponses([columns.read(name) for name in names], [0, 1], names)


def _refuse_other_kinds(columns: Columns) -> None:
    """Raises an error that identifies data for other trainers and says what is needed instead."""
    for tag in ("label", "kto_tag"):
        if columns.has(tag):
            raise BadRow(f"unpaired feedback ({tag}), as for KTO; provide two or more responses to a prompt: {_NEEDED}")
    for name in LISTS:
        if columns.has(name) and name not in ("response", "output"):
            raise BadRow(f"{name} must be a list of two or more, best first")
    for first, second in (
        ("response_1", "response_2"),
        ("conversation_a", "conversation_b"),
        ("response_a", "response_b"),
    ):
        if columns.has(first, second):
            raise BadRow(
                f"{first} and {second} without a verdict; name the better response with --columns chosen={first} "
                f"rejected={second}, or provide the verdict; {columns.found}"
            )
    for name in ("messages", "conversations", "completion", "response", "output", "text"):
        if columns.has(name):
            raise BadRow(
                f"a single response ({name}), as for supervised fine-tuning; "
                f"provide a better and a worse one for each prompt: {_NEEDED}; {columns.found}"
            )


def _list(columns: Columns, name: str) -> RankedResponses:
    responses = structured(columns.read(name))
    if name == "output" and len(responses) != 2:
        # LLaMA-Factory's earlier form.
        raise BadRow(f"output must be a list of the better and the worse response, found {len(responses)}")
    if len(responses) < 2:
        raise BadRow(f"{name} must be a list of two or more, best first")
    if len(responses) > MAX_RESPONSES:
        raise BadRow(f"{name} must be a list of at most {MAX_RESPONSES}, found {len(responses)}")
    if _are_entries(responses):
        return _entries(columns, responses, name)
    for key in SCORES + RANKS:
        value = columns.get(key)
        value = structured(value)
        if key.endswith("s") and not is_blank(value) and not isinstance(value, list):
            raise BadRow(f"{key} must be a list of a number for each of the {name}, found {type(value).__name__}")
        if key != name and isinstance(value, list):
            columns.read(key)
            numbers = finite(value, key)
            if len(numbers) != len(responses):
                raise BadRow(f"{key} must have a number for each of {len(responses)} {name}, found {len(numbers)}")
            return _ranked(responses, [-number for number in numbers] if key in RANKS else numbers, name)
    check_order(columns, responses, name)
    return _in_order(responses, name)


def _are_entries(responses: list[Any]) -> bool:
    """Returns whether the responses are objects with text and score; messages have a role."""
    return any(
        isinstance(entry, dict) and entry and not {"role", "from"} & entry.keys() and entry.keys() - {"messages"}
        for entry in responses
    )


def _entries(columns: Columns, entries: list[Any], name: str) -> RankedResponses:
    if not all(isinstance(entry, dict) for entry in entries):
        raise BadRow(f"{name} must all be text or all be objects, found both")
    text = next((key for key in _TEXTS if all(key in entry for entry in entries)), None)
    if text is None:
        raise BadRow(f"an object in {name} has no text; expected one of the keys {', '.join(_TEXTS)} in all")
    texts = [entry[text] for entry in entries]
    number = next((key for key in (*_OWN_SCORES, "rank") if any(key in entry for entry in entries)), None)
    _report_entry_keys(columns, entries, name, {text, number})
    if number is None:
        known = f"{', '.join(_OWN_SCORES)} (highest is best) or rank (lowest is best)"
        check_order_of_objects(entries, text, name, known)
        check_order(columns, texts, name)
        return _in_order(texts, name)
    numbers = finite([entry.get(number) for entry in entries], number)
    return _ranked(texts, [-value for value in numbers] if number == "rank" else numbers, name)


def _report_entry_keys(columns: Columns, entries: list[Any], name: str, read: set[str | None]) -> None:
    """Reports keys of the objects that are not read."""
    unread = {key: value for entry in entries for key, value in entry.items() if key not in read}
    for key, value in unread.items():
        if key in _DESCRIBING or is_blank(value):
            continue
        if not is_bookkeeping(key, value):
            columns.note(f"the key '{key}' of {name} is not used")


def _in_order(responses: list[Any], name: str) -> RankedResponses:
    return RankedResponses(responses, list(range(len(responses))), [name] * len(responses))


def _ranked(responses: list[Any], scores: list[float], name: str) -> RankedResponses:
    """Sorts by descending score; responses with equal scores tie and keep their order."""
    if len(set(scores)) == 1:
        raise BadRow("all responses have the same score, so none is preferred")
    levels = sorted(set(scores), reverse=True)
    order = sorted(range(len(responses)), key=lambda index: -scores[index])
    ranks = [levels.index(scores[index]) for index in order]
    return RankedResponses([responses[index] for index in order], ranks, [name] * len(order))
