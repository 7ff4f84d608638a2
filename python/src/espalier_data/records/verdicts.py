"""Which of two answers in columns of their own is better: a verdict, or a score for each."""

from typing import Any

from .bad_row import BadRow
from .column_names import words
from .columns import Columns, is_blank
from .numbers import number
from .sides import STEMS, Sides, side_of

_VERDICTS = {"winner", "preferred", "preference", "better", "best", "choice", "chosen"}
_DETAILS = {*STEMS, "id", "idx", "index", "human", "annotator", "overall", "side", "is", "which"}
_SCORES = {"score", "rating", "reward", "rank"}
_OF_SCORES = {*_SCORES, *STEMS, "overall", "avg", "average", "mean"}
_UNSETTLED = {
    *("label", "labels", "verdict", "vote", "votes", "judgement", "judgment", "selected", "selection", "gold"),
    *("correct", "worse", "worst", "rejected", "preferences", "rank", "ranking", "win", "result", "decision", "safer"),
}


def advantage(columns: Columns, pair: Sides) -> float | None:
    """Returns above 0 if the first answer is better, below 0 if the second is, 0 for a tie, and None if none says so.

    Raises an error for verdicts that contradict each other or have no settled meaning.
    """
    found = _verdicts(columns, pair) or _nested_verdicts(columns, pair)
    found |= _scores(columns, pair)
    known = {name: value for name, value in found.items() if value is not None}
    if not known:
        _refuse_unsettled(columns, pair)
        return None
    signs = {(value > 0) - (value < 0) for value in known.values()}
    if len(signs) > 1:
        first, second = list(known)[:2]
        raise BadRow(
            f"the columns {' and '.join(known)} name different answers as the better one; leave out those that are "
            f"wrong with --columns unused={first} or unused={second}"
        )
    return next(iter(known.values()))


def is_verdict(name: str) -> bool:
    """Returns whether a column holds a verdict, by its name."""
    parts = set(words(name))
    return bool(parts & _VERDICTS) and parts <= _VERDICTS | _DETAILS


def _verdicts(columns: Columns, pair: Sides) -> dict[str, float | None]:
    names = [name for name in columns.unread if is_verdict(name) and name not in pair.names]
    found = {}
    for name in names:
        value = columns.get(name)
        if isinstance(value, (list, dict)):
            continue
        found[columns.column(name)] = pair.advantage(value, columns)
        if found[columns.column(name)] is None:
            _refuse(columns, pair, name)
        columns.read(name)
    return found


def _nested_verdicts(columns: Columns, pair: Sides) -> dict[str, float | None]:
    found = {}
    for name, value in columns.unread.items():
        for key, verdict in value.items() if isinstance(value, dict) and name not in pair.names else ():
            result = pair.advantage(verdict, columns) if is_verdict(key) else None
            if result is not None:
                found[f"{columns.column(name)}.{key}"] = result
                columns.read(name)
    return found


def _scores(columns: Columns, pair: Sides) -> dict[str, float | None]:
    """Returns the advantage by each pair of scores whose names have the letters or numbers of the answers."""
    groups: dict[tuple[str, ...], dict[str, str]] = {}
    for name in columns.fields:
        parts = side_of(name)
        if parts and set(parts[0]) & _SCORES and set(parts[0]) <= _OF_SCORES:
            groups.setdefault(parts[0], {})[parts[1]] = name
    found = {}
    for names in groups.values():
        if names.keys() != set(pair.marks):
            continue
        first, second = (number(columns.get(names[mark])) for mark in pair.marks)
        if first is not None and second is not None:
            columns_of = "/".join(columns.column(columns_name) for columns_name in names.values())
            found[columns_of] = (
                second - first if any("rank" in words(name) for name in names.values()) else first - second
            )
            for name in names.values():
                columns.read(name)
    return found


def _refuse_unsettled(columns: Columns, pair: Sides) -> None:
    for name, value in columns.unread.items():
        if name in pair.names or isinstance(value, (list, dict)) or not set(words(name)) & _UNSETTLED:
            continue
        parts = side_of(name)
        if parts is None or parts[1] not in pair.marks:
            _refuse(columns, pair, name)
        same = {side_of(other)[1]: columns.column(other) for other in columns.fields if _is_of(other, parts[0])}
        names = [same[mark] for mark in pair.marks if mark in same]
        if len(names) < 2:
            continue
        options = " ".join(f"score_{mark}={other}" for mark, other in zip(pair.marks, names))
        raise BadRow(
            f"the columns {' and '.join(names)} may say which of {' and '.join(map(columns.column, pair.names))} is "
            f"better, but have no settled meaning; use --columns {options} if the highest is best"
        )


def _is_of(name: str, rest: tuple[str, ...]) -> bool:
    """Returns whether a name has these words and the letter or number of a side."""
    parts = side_of(name)
    return parts is not None and parts[0] == rest


def _refuse(columns: Columns, pair: Sides, name: str) -> None:
    """Raises an error for a verdict that is not settled, with a remedy for its value."""
    value, column = columns.get(name), columns.column(name)
    first, second = (columns.column(answer) for answer in pair.names)
    raise BadRow(
        f"the column '{column}' may say which of {first} and {second} is better, but {value!r} has no settled meaning; "
        f"{_remedy(column, value, pair, columns)}"
    )


def _remedy(column: str, value: Any, pair: Sides, columns: Columns) -> str:
    leave_out = f"leave it out with --columns unused={column}"
    found = None if isinstance(value, bool) else number(value)
    if found in (0, 1, 2):
        first = columns.column(pair.names[0])
        meanings = [f"{_renamed(column, pair, columns, marks)} if {marks[0]} is {first}" for marks in _marks(found)]
        return f"use {', '.join(meanings)}, or {leave_out}"
    if pair.advantage(value, columns) is not None:
        return f"name it as the verdict with --columns winner={column}, or {leave_out}"
    letters = Sides(pair.names, ("a", "b"))
    if letters.advantage(value, columns) is not None:
        return f"use {_renamed(column, pair, columns, letters.marks)}, or {leave_out}"
    return f"provide {pair.values} in a column winner, or {leave_out}"


def _marks(value: float) -> list[tuple[str, str]]:
    """Returns the numbers that the answers may have if a verdict is 0, 1 or 2."""
    return [(str(start), str(start + 1)) for start in (0, 1) if start <= value <= start + 1]


def _renamed(column: str, pair: Sides, columns: Columns, marks: tuple[str, str]) -> str:
    """Returns the option that reads a verdict with these letters or numbers."""
    names = "".join(f"response_{mark}={columns.column(name)} " for mark, name in zip(marks, pair.names))
    verdict = "" if column == "winner" else f"winner={column}"
    return f"--columns {'' if marks == pair.marks else names}{verdict}".rstrip()


def without_verdict(columns: Columns, pair: Sides) -> BadRow:
    """Returns the error for two answers without a verdict."""
    first, second = pair.names
    named = [name for name, value in columns.unread.items() if name not in pair.names and not is_blank(value)]
    which = next(
        (f"--columns winner={columns.column(name)}" for name in named if _names_one(columns, pair, name)), None
    )
    return BadRow(
        f"{first} and {second} without a verdict; provide a column that holds {pair.values} and name it with "
        f"{which or '--columns winner=COLUMN'}; {columns.found}"
    )


def _names_one(columns: Columns, pair: Sides, name: str) -> bool:
    return not number(columns.get(name)) and pair.advantage(columns.get(name), columns) is not None
