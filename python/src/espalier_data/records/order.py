"""Refuses lists of responses that would be taken as best first although something in the record may say otherwise."""

from itertools import combinations
from typing import Any

from .bad_row import BadRow
from .column_names import FIELDS, RANKS, SCORES, is_bookkeeping, is_material, is_media, words
from .columns import Columns, is_blank
from .encoded import structured
from .numbers import number

_VERDICTS = {
    *("label", "labels", "best", "worst", "better", "worse", "winner", "choice", "chosen", "rejected", "preferred"),
    *("preference", "preferences", "selected", "selection", "correct", "gold", "verdict", "vote", "votes", "order"),
    *("ranking", "rankings", "accepted", "winning", "loser"),
}
# Words for a judgement of each response.
_JUDGEMENTS = {
    *("score", "scores", "rating", "ratings", "reward", "rewards", "rank", "ranks", "grade", "grades", "judgement"),
    *("judgment", "judgements", "judgments", "quality", "qualities", "feedback", "feedbacks", "annotation", "critique"),
    *("annotations", "annotators", "critiques", "evaluation", "evaluations", "review", "reviews", "helpfulness"),
    *("annotator", "upvotes", "likes", "opinion", "opinions", "assessment", "assessments"),
}
# Texts that name a side, whatever their key.
_SIDES = {
    *("chosen", "rejected", "accepted", "preferred", "dispreferred", "non-preferred", "non_preferred", "good", "bad"),
    *("better", "worse", "best", "worst", "winner", "loser", "positive", "negative", "correct", "incorrect"),
}
# Numbers that identify or measure a response, and do not rate it.
_MEASURES = {
    *("id", "ids", "idx", "index", "tokens", "length", "lengths", "len", "count", "counts", "time", "turn", "turns"),
    *("temperature", "temperatures", "p", "k", "seed", "seeds", "logprob", "logprobs", "logp", "logps", "words"),
    *(
        "chars",
        "duration",
        "durations",
        "latency",
        "date",
        "timestamp",
        "timestamps",
        "dates",
        "utc",
        "version",
        "usage",
        "num",
        "size",
    ),
}
_LEAVE_OUT = "leave it out with --columns unused="


def check_order(columns: Columns, responses: list[Any], name: str) -> None:
    """Raises an error if a column that is not read may rank the responses: numbers for each, or a verdict."""
    for key, value in columns.unread.items():
        column = columns.column(key)
        value = structured(value)
        if _is_list_of_numbers(value, len(responses)) and not _is_measure(key) and not _are_names(key, value):
            raise BadRow(
                f"the column '{column}' has a number for each of the {name}, but no known meaning; name it with "
                f"--columns scores={column} (highest is best) or ranks={column} (lowest is best), or leave it out with "
                f"--columns unused={column}"
            )
        if _names_model(columns, key, value) or (
            _is_verdict_on_list(key, value, len(responses))
            or _is_verdict(key, value)
            or _is_another(value, responses)
            or _may_judge(key, value, len(responses))
        ):
            raise BadRow(
                f"the column '{column}' may say which of the {name} is best, but has no known meaning; provide scores "
                f"or ranks, or {_LEAVE_OUT}{column} if the {name} are best first"
            )


def check_order_of_objects(entries: list[dict[str, Any]], read: str, name: str, known: str) -> None:
    """Raises an error if a key of the responses' objects, other than `read`, may rank them."""
    for entry in entries:
        for key, value in entry.items():
            if key != read and _ranks_object(key, value):
                raise BadRow(
                    f"the objects in {name} have the key '{key}', which may rank them, but has no known meaning; "
                    f"expected one of the keys {known}, or a column of numbers, one for each (scores or ranks)"
                )


def refuse_contradiction(scores: dict[str, list[float]]) -> None:
    """Raises an error if two lists of scores, highest best, order two responses differently."""
    for (first, ours), (second, theirs) in combinations(scores.items(), 2):
        for one, other in combinations(range(len(ours)), 2):
            if (ours[one] - ours[other] > 0 > theirs[one] - theirs[other]) or (
                ours[one] - ours[other] < 0 < theirs[one] - theirs[other]
            ):
                removable = " or ".join(f"unused={name}" for name in (first, second) if "." not in name)
                remedy = f"leave out the wrong one with --columns {removable}" if removable else "provide the right one"
                raise BadRow(f"{first} and {second} order the responses differently; {remedy}")


def _is_measure(key: str) -> bool:
    """Returns whether a number's name says that it identifies or measures a response, and does not rate it."""
    return words(key)[-1] in _MEASURES or words(key)[0] in ("num", "number", "n")


def _is_verdict(key: str, value: Any) -> bool:
    return not is_blank(value) and not _VERDICTS.isdisjoint(words(key)) and not _is_model_or_source(key)


def _is_verdict_on_list(key: str, value: Any, count: int) -> bool:
    """Returns whether a number names or rates one response of a list: `score_0`, `answer_idx`, a negative margin."""
    parts, found = words(key), number(value)
    if found is None or len(parts) < 2:
        return False
    if parts[-1] in ("0", "1", "2", "a", "b"):
        return not _JUDGEMENTS.isdisjoint(parts)
    if parts[-1] in ("idx", "index", "id"):
        return parts[-2] in ("answer", "target") and found in range(count)
    return parts[-1] == "margin" and found < 0


def _is_model_or_source(key: str) -> bool:
    """Returns whether a name is about a labelling, or a score or the model of a pair, which rank no list."""
    parts = words(key)
    of_pair = not {"chosen", "rejected"}.isdisjoint(parts) and parts[-1] in ("model", "models")
    return of_pair or parts[0] in ("labelling", "labeling") or not {"source", *_SINGLE}.isdisjoint(parts)


_SINGLE = ("score", "scores", "rating", "ratings", "reward", "rewards")


def _names_model(columns: Columns, key: str, value: Any) -> bool:
    """Returns whether a column such as `chosen_model` names one entry of a list in another column."""
    if not isinstance(value, str) or _VERDICTS.isdisjoint(words(key)):
        return False
    lists = [structured(columns.get(name)) for name in columns.unread]
    return any(isinstance(item, list) and value in item and len(item) > 1 for item in lists)


def _is_judgement(key: str) -> bool:
    return not _JUDGEMENTS.isdisjoint(words(key)) and not _is_measure(key)


def _ranks_object(key: str, value: Any) -> bool:
    """Returns whether a key of a response's object may say how good the response is."""
    if is_blank(value):
        return False
    if _is_verdict(key, value):
        return True
    if _is_measure(key):
        return False
    if isinstance(value, (bool, int, float)) or _is_judgement(key):
        return True
    if isinstance(value, str) and is_bookkeeping(key, value):
        return _names_side(value)
    if number(value) is not None:
        return True
    return _names_side(value) or _is_judged_inside(value)


def _names_side(value: Any) -> bool:
    return isinstance(value, str) and value.strip().lower() in _SIDES


def _is_judged_inside(value: Any) -> bool:
    """Returns whether a key at any depth of a value is a verdict or a judgement."""
    if isinstance(value, dict):
        return any(
            not is_blank(item) and (_is_verdict(key, item) or _is_judgement(key) or _is_judged_inside(item))
            for key, item in value.items()
        )
    return isinstance(value, list) and any(_is_judged_inside(item) or _names_side(item) for item in value)


def _may_judge(key: str, value: Any, count: int) -> bool:
    """Returns whether a column may hold a judgement of each of `count` responses: a list, or an object by name."""
    # Fields of the prompt are read later; scores that are no list are of the row.
    if (key in FIELDS and key not in (*SCORES, *RANKS)) or is_material(key, value) or is_media(key):
        return False
    if isinstance(value, dict):
        numbers = [number(item) for item in value.values()]
        by_name = len(numbers) == count and None not in numbers and not all(map(_is_measure, value))
        by_name = by_name and not is_bookkeeping(key, value)
        return _is_judgement(key) or by_name or _judges_many(value) or _has_lists(value, count)
    if isinstance(value, list) and len(value) == count:
        return _is_judgement(key) or not (_is_measure(key) or is_bookkeeping(key, value)) or _is_judged_inside(value)
    return "rank" in words(key) and words(key) != ["rank"] or (isinstance(value, list) and _is_judged_inside(value))


def _judges_many(value: dict[str, Any]) -> bool:
    """Returns whether an object has a verdict, or judgements of several responses; one score is of the row."""
    return any(
        _is_verdict(key, item) or (isinstance(item, (list, dict)) and _is_judged_inside({key: item}))
        for key, item in value.items()
    )


def _has_lists(value: dict[str, Any], count: int) -> bool:
    """Returns whether an object has a list of a number for each response, such as rewards by model."""
    return any(_is_list_of_numbers(item, count) and not _is_measure(key) for key, item in value.items())


def _is_another(value: Any, responses: list[Any]) -> bool:
    """Returns whether a text repeats a response that is not the first of the list."""
    return isinstance(value, str) and value in responses[1:] and value != responses[0]


def _are_names(key: str, value: list[Any]) -> bool:
    """Returns whether numbers as text are names, as those of models and sources may be."""
    return all(isinstance(item, str) for item in value) and is_bookkeeping(key, value) and not _is_judgement(key)


def _is_list_of_numbers(value: Any, count: int) -> bool:
    is_list = isinstance(value, list) and len(value) == count
    return is_list and all(isinstance(item, bool) or number(item) is not None for item in value)
