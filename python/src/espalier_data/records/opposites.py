"""Two answers whose columns have opposite names: `preferred_response` and `dispreferred_response`, `good` and `bad`."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from .bad_row import BadRow
from .column_names import words
from .columns import Columns
from .numbers import number

_OPPOSITES: dict[str, tuple[str, ...]] = {
    "chosen": ("rejected", "reject"),
    "preferred": ("dispreferred", "non preferred", "nonpreferred", "unpreferred", "not preferred", "rejected"),
    "accepted": ("rejected", "reject"),
    "accept": ("reject", "rejected"),
    "good": ("bad",),
    "better": ("worse",),
    "best": ("worst",),
    "winner": ("loser",),
    "winning": ("losing",),
    "win": ("lose", "loss"),
    "positive": ("negative",),
    "pos": ("neg",),
    "correct": ("incorrect", "wrong"),
}
_OF_ANSWERS = {
    *("response", "output", "answer", "completion", "message", "messages", "text", "conversation", "conversations"),
    *("reply", "summary", "code"),
}


def opposites(names: Iterable[str]) -> tuple[str, str] | None:
    """Returns the columns of the better and the worse answer, by names such as `good` and `bad`.

    Names that differ only by case or signs are ambiguous, so none of them is used.
    """
    named = [(_key(name), name) for name in names]
    counts = Counter(key for key, _ in named)
    known = {key: name for key, name in named if counts[key] == 1}
    for good, bads in _OPPOSITES.items():
        for (word, suffix), name in known.items():
            worse = next((known[bad, suffix] for bad in bads if (bad, suffix) in known), None)
            if word == good and worse is not None:
                return name, worse
    return None


def _key(name: str) -> tuple[str, str]:
    """Returns the words of a name and the word for an answer at its end or start, if there is one."""
    parts = words(name)
    if len(parts) > 1 and parts[-1] in _OF_ANSWERS:
        return " ".join(parts[:-1]), parts[-1]
    if len(parts) > 1 and parts[0] in _OF_ANSWERS:
        return " ".join(parts[1:]), parts[0]
    return " ".join(parts), ""


def refuse_reversed(columns: Columns, better: str, worse: str) -> None:
    """Raises an error if a second pair of columns holds the same two answers in the opposite order."""
    others = opposites(name for name in columns.fields if name not in (better, worse))
    if others is not None and [columns.get(name) for name in others] == [columns.get(worse), columns.get(better)]:
        good, bad = (columns.column(name) for name in others)
        raise BadRow(
            f"the columns '{columns.column(better)}' and '{good}' name different answers as the better one; leave out "
            f"the wrong pair with --columns unused={good} unused={bad}, or with --columns "
            f"unused={columns.column(better)} unused={columns.column(worse)}"
        )


_SCORES = {"score", "scores", "rating", "ratings", "reward", "rewards", "grade", "rank"}


def note_scores(columns: Columns, better: str, worse: str) -> None:
    """Warns if the columns of two answers have scores of their own that contradict the order of the answers."""
    goods, bads = (_sides_of(name) for name in (better, worse))
    scored = {name: number(columns.get(name)) for name in columns.fields if _SCORES & set(words(name))}
    scored = {name: value for name, value in scored.items() if value is not None}
    for name, value in scored.items():
        for good, bad in zip(goods, bads):
            parts = words(name)
            if good not in parts:
                continue
            other = [word if word != good else bad for word in parts]
            partner = next((key for key in scored if words(key) == other), None)
            if partner is not None and (-1 if "rank" in parts else 1) * (value - scored[partner]) <= 0:
                _warn(columns, better, worse, f"{columns.column(name)}, {columns.column(partner)}")
    ours, theirs = (_own_scores(columns.get(name)) for name in (better, worse))
    for key in ours.keys() & theirs.keys():
        if (-1 if key == "rank" else 1) * (ours[key] - theirs[key]) <= 0:
            _warn(columns, better, worse, f"their key {key}")
    for name in columns.fields if _OPPOSITES.keys() & set(goods) else ():
        if words(name)[-1] == "margin" and (number(columns.get(name)) or 0) < 0:
            _warn(columns, better, worse, columns.column(name))


def _own_scores(value: Any) -> dict[str, float]:
    """Returns the scores in an answer's last message."""
    message = value[-1] if isinstance(value, list) and value else value
    items = message.items() if isinstance(message, dict) else ()
    scored = {key: number(item) for key, item in items if not _SCORES.isdisjoint(words(key))}
    return {key: item for key, item in scored.items() if item is not None}


def _sides_of(name: str) -> tuple[str, ...]:
    """Returns the words of a name that a score may share."""
    return tuple(word for word in words(name.rsplit(".", 1)[-1]) if word not in _OF_ANSWERS)


def _warn(columns: Columns, better: str, worse: str, scores: str) -> None:
    good, bad = columns.column(better), columns.column(worse)
    columns.note(f"{good} is scored no higher than {bad} ({scores})", warning=True)
