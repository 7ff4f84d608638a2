"""Extracts the responses of a record and their ranks, from any supported format."""

from dataclasses import dataclass, field
from typing import Any

from .bad_row import BadRow, EmptyAnswer
from .column_names import LISTS, RANKS, SCORES, is_bookkeeping, is_material
from .columns import Columns, is_blank, without_nulls
from .encoded import structured
from .missing import refuse_missing
from .numbers import finite
from .opposites import note_scores, refuse_reversed
from .order import check_order, check_order_of_objects, refuse_contradiction
from .pairs import Pair, judged_pair, ordered_pair, pair_of_opposites
from .scored_messages import scored_messages

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
    if pair is None and columns.has("chosen") != columns.has("rejected"):
        pair = pair_of_opposites(columns)
    if pair is None and not columns.has("chosen") and not columns.has("rejected"):
        name = next((name for name in LISTS if _is_list(columns, name)), None)
        if name is not None:
            return _list(columns, name)
        pair = ordered_pair(columns)
    return _chosen_and_rejected(columns) if pair is None else _of(columns, pair)


def _is_list(columns: Columns, name: str) -> bool:
    value = columns.get(name)
    # A single response may be a list in JSON.
    value = value if name in ("response", "output") else structured(value)
    return isinstance(value, list) or _rows_of(value) is not None


def _rows_of(value: Any) -> list[dict[str, Any]] | None:
    """Returns the objects of a list for each key, such as `{"response": […], "overall_score": […]}`."""
    if not isinstance(value, dict) or not any(isinstance(value.get(key), list) for key in _TEXTS):
        return None
    lengths = {len(item) if isinstance(item, list) else -1 for item in value.values()}
    if len(lengths) != 1 or lengths == {-1}:
        return None
    return [without_nulls(dict(zip(value, items))) for items in zip(*value.values())]


def _of(columns: Columns, pair: Pair) -> RankedResponses:
    responses, names = list(pair.responses), list(pair.names)
    if pair.advantage == 0:
        raise BadRow("all responses have the same score, so none is preferred")
    if pair.advantage < 0:
        responses.reverse()
        names.reverse()
    note_scores(columns, *names)
    return RankedResponses(responses, [0, 1], names, pair.question, pair.prompt)


def _chosen_and_rejected(columns: Columns) -> RankedResponses:
    names = ["chosen", "rejected"]
    missing = [name for name in names if not columns.has(name)]
    if len(missing) == 2:
        _refuse_other_kinds(columns)
    if missing:
        refuse_missing(columns, missing, _unread_list(columns) if len(missing) == 2 else None)
    refuse_reversed(columns, *names)
    note_scores(columns, *names)
    return RankedResponses([columns.read(name) for name in names], [0, 1], names)


def _unread_list(columns: Columns) -> str | None:
    """Returns the first column that may be a list of responses: two or more texts, or objects with text."""
    for name, value in columns.unread.items():
        value = structured(value)
        if not isinstance(value, list) or len(value) < 2 or is_material(name, value):
            continue
        if all(isinstance(item, str) and len(item.split()) > 1 for item in value) or (
            all(isinstance(item, dict) and not item.keys().isdisjoint(_TEXTS) for item in value)
        ):
            return columns.column(name)
    return None


def _refuse_other_kinds(columns: Columns) -> None:
    """Raises an error that identifies data for other trainers and says what is needed instead."""
    for tag in ("label", "kto_tag"):
        if columns.has(tag):
            raise BadRow(f"unpaired feedback ({tag}), as for KTO; provide two or more responses to a prompt: {_NEEDED}")
    for name in LISTS:
        if columns.has(name) and name not in ("response", "output"):
            raise BadRow(f"{name} must be a list of two or more, best first")
    last = columns.get("messages")[-1:] if isinstance(columns.get("messages"), list) else []
    if last and isinstance(last[0], dict) and "candidates" in last[0]:
        raise BadRow(
            "the last of messages holds several answers (candidates); provide them as chosen and rejected, and the "
            "messages before them as prompt"
        )
    for name in ("messages", "conversations", "completion", "response", "output", "text"):
        if columns.has(name):
            raise BadRow(
                f"a single response ({name}), as for supervised fine-tuning; "
                f"provide a better and a worse one for each prompt: {_NEEDED}; {columns.found}"
            )


def _list(columns: Columns, name: str) -> RankedResponses:
    responses = structured(columns.read(name))
    responses = _rows_of(responses) or responses
    if name == "output" and len(responses) != 2:
        # LLaMA-Factory's earlier form.
        raise BadRow(f"output must be a list of the better and the worse response, found {len(responses)}")
    if len(responses) < 2:
        raise BadRow(f"{name} must be a list of two or more, best first")
    if len(responses) > MAX_RESPONSES:
        raise BadRow(f"{name} must be a list of at most {MAX_RESPONSES}, found {len(responses)}")
    texts, own = _entries(columns, responses, name)
    scores = own | _columns_of_scores(columns, name, len(texts), strict=not own)
    if not scores:
        check_order(columns, texts, name)
        return _in_order(texts, name)
    refuse_contradiction(scores)
    return _ranked(texts, next(iter(scores.values())), name)


def _columns_of_scores(columns: Columns, name: str, count: int, strict: bool) -> dict[str, list[float]]:
    """Returns the scores, highest best, in columns that have a number for each response.

    If `strict`, a list of another length is an error.
    """
    found = {}
    for key in SCORES + RANKS:
        value = structured(columns.get(key))
        if strict and key.endswith("s") and isinstance(value, str) and not value.strip():
            # Not the order of the list: other rows of the table have scores.
            raise BadRow(f"{key} is empty, and the order of {name} unknown; give a number for each")
        if strict and key.endswith("s") and not is_blank(value) and not isinstance(value, list):
            raise BadRow(f"{key} must be a list of a number for each of the {name}, found {type(value).__name__}")
        if key == name or not isinstance(value, list) or (not strict and len(value) != count):
            continue
        columns.read(key)
        numbers = finite(value, key)
        if len(numbers) != count:
            raise BadRow(f"{key} must have a number for each of {count} {name}, found {len(numbers)}")
        found[columns.column(key)] = [-number for number in numbers] if key in RANKS else numbers
    return found


def _are_entries(responses: list[Any]) -> bool:
    """Returns whether the responses are objects with text and score; messages have a role."""
    return any(isinstance(entry, dict) and entry and _is_entry(entry) for entry in responses)


def _is_entry(entry: dict[str, Any]) -> bool:
    if {"role", "from"} & entry.keys():
        return not {"content", "value", "tool_calls", "function_call"} & entry.keys() and "text" in entry
    return bool(entry.keys() - {"messages"})


def _entries(columns: Columns, entries: list[Any], name: str) -> tuple[list[Any], dict[str, list[float]]]:
    """Returns the texts or messages of the responses, and their own scores, if they have them."""
    if not _are_entries(entries):
        return scored_messages(columns, entries, name, _OWN_SCORES)
    if not all(isinstance(entry, dict) for entry in entries):
        raise BadRow(f"{name} must all be text or all be objects, found both")
    text = next((key for key in _TEXTS if all(key in entry for entry in entries)), None)
    if text is None:
        raise BadRow(f"an object in {name} has no text; expected one of the keys {', '.join(_TEXTS)} in all")
    texts = [entry[text] for entry in entries]
    keys = [key for key in (*_OWN_SCORES, "rank") if any(key in entry for entry in entries)]
    _report_entry_keys(columns, entries, name, {text, *keys, "role", "from"})
    if keys:
        # The first counts; others that all responses have must not contradict it.
        used = [key for key in keys if key == keys[0] or all(key in entry for entry in entries)]
        found = {key: finite([entry.get(key) for entry in entries], key) for key in used}
        return texts, {
            f"{name}.{key}": [-value for value in numbers] if key == "rank" else numbers
            for key, numbers in found.items()
        }
    if not any(isinstance(structured(columns.get(key)), list) for key in SCORES + RANKS if key != name):
        known = f"{', '.join(_OWN_SCORES)} (highest is best) or rank (lowest is best)"
        check_order_of_objects(entries, text, name, known)
    return texts, {}


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
