"""Records whose `chosen` and `rejected` name answers in other columns, such as `"chosen": "B"`."""

from dataclasses import dataclass
from typing import Any

from .bad_row import BadRow
from .column_names import LISTS, words
from .columns import Columns
from .encoded import structured
from .numbers import number
from .sides import STEMS, Sides, sides
from .verdicts import is_verdict

_NAMES = ("chosen", "rejected")


@dataclass(frozen=True)
class Named:
    """The columns of two answers; `advantage` is above 0 if the first is better."""

    names: tuple[str, str]
    advantage: float


def named_pair(columns: Columns) -> Named | None:
    """Returns the answers that `chosen` or `rejected` name; None if these hold the answers themselves."""
    given = [name for name in _NAMES if columns.has(name)]
    if len(given) == 2:
        _compare_verdicts(columns)
    if not given or not all(_may_name(columns.get(name)) for name in given):
        return None
    found = sides(columns)
    if found is None:
        _refuse_positions(columns, given)
        refuse_names_of_columns(columns, given)
        return None
    if len(given) == 2 and all(_is_text_of(columns, found, name) for name in given):
        return None
    found_for = {name: found.advantage(columns.get(name), columns) for name in given}
    signs = {(value if name == "chosen" else -value) if value else None for name, value in found_for.items()}
    if len(signs) != 1 or None in signs:
        if None in signs and not any(_is_label(columns.get(name)) for name in given):
            return None
        _refuse(columns, given, list(found.names))
    for name in given:
        columns.read(name)
    return Named(found.names, signs.pop())


def compare_with_chosen(columns: Columns, responses: list[Any], advantage: float, verdict: str) -> None:
    """Raises an error if a verdict contradicts `chosen` or `rejected`."""
    better, worse = responses if advantage >= 0 else reversed(responses)
    if advantage and better != worse and (columns.get("chosen") == worse or columns.get("rejected") == better):
        name = columns.column(verdict)
        ours = [f"unused={columns.column(key)}" for key in _NAMES if columns.has(key)]
        raise BadRow(
            f"the columns '{name}' and '{columns.column('chosen')}' name different answers as the better one; leave "
            f"out the wrong one with --columns unused={name}, or with --columns {' '.join(ours)}"
        )


def _compare_verdicts(columns: Columns) -> None:
    """Raises an error if `chosen` and `rejected` are answers, and a verdict on two columns contradicts them."""
    verdicts = [name for name in columns.unread if name not in _NAMES and is_verdict(name)]
    found = sides(columns) if verdicts else None
    for name in verdicts if found else ():
        answers = [columns.get(answer) for answer in found.names]
        compare_with_chosen(columns, answers, found.advantage(columns.get(name), columns) or 0, name)


def refuse_names_of_columns(columns: Columns, given: list[str]) -> None:
    """Raises an error if each of the given fields holds a word in the name of another column of longer text."""
    found = []
    for field in given:
        value = columns.get(field)
        label = value.strip().lower() if isinstance(value, str) and _may_name(value) else ""
        others = [
            name
            for name, text in columns.unread.items()
            if name not in given and label and (label == name.lower() or label in words(name))
            if isinstance(text, (list, str)) and len(text) > len(label)
        ]
        found += others[:1]
    if len(set(found)) == len(given) == 2:
        _refuse(columns, given, found)


def _may_name(value: Any) -> bool:
    """Returns whether a value is short enough to name an answer."""
    return isinstance(value, (bool, int, float)) or (isinstance(value, str) and len(value.strip()) <= _LONGEST_NAME)


_LONGEST_NAME = 24


def _is_text_of(columns: Columns, found: Sides, name: str) -> bool:
    return columns.get(name) in [columns.get(answer) for answer in found.names]


def _is_label(value: Any) -> bool:
    """Returns whether a value is too short to be an answer beside longer ones: a truth value, number or letter."""
    return number(value) is not None or isinstance(value, bool) or (isinstance(value, str) and len(value.strip()) == 1)


_OTHER_LISTS = {"options", "choices", "samples", "replies", "summaries", "candidates"}


def _refuse_positions(columns: Columns, given: list[str]) -> None:
    """Raises an error if `chosen` or `rejected` is a letter or number beside a list of longer answers."""
    for name in columns.unread:
        last = words(name)[-1]
        if name not in LISTS and last not in {f"{stem}s" for stem in STEMS} and last not in _OTHER_LISTS:
            continue
        answers = structured(columns.get(name))
        if not isinstance(answers, list) or len(answers) < 2 or not any(map(_is_longer, answers)):
            continue
        if all(_is_position(columns.get(key), len(answers)) for key in given):
            _refuse(columns, given, [name])


def _is_position(value: Any, count: int) -> bool:
    """Returns whether a value may be the position of one of `count` answers: a truth value, number or letter."""
    if isinstance(value, bool):
        return True
    found = number(value)
    if found is None and isinstance(value, str) and len(value.strip()) == 1:
        found = ord(value.strip().lower()) - ord("a")
    return found is not None and 0 <= found <= count


def _is_longer(answer: Any) -> bool:
    return not isinstance(answer, str) or len(answer.strip()) > 3


def _refuse(columns: Columns, given: list[str], answers: list[str]) -> None:
    values = " and ".join(f"'{columns.column(name)}' ({columns.get(name)!r})" for name in given)
    found = [columns.column(name) for name in answers]
    raise BadRow(
        f"the column{'s' * (len(given) > 1)} {values} may name the answers in {' and '.join(found)}, but not clearly; "
        f"provide the answers themselves in chosen and rejected, or leave out the others with --columns "
        f"{' '.join(f'unused={name}' for name in found)}"
    )
