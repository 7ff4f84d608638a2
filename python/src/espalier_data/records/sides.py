"""Two answers in columns that differ in a letter or number: `response_a` and `response_b`, `answer1` and `answer2`."""

import re
from dataclasses import dataclass
from typing import Any

from .bad_row import BadRow
from .column_names import is_bookkeeping, words
from .columns import Columns
from .numbers import number

#: Words for an answer in the name of a column, the clearest first.
STEMS = (
    *("response", "answer", "completion", "output", "conversation", "summary", "candidate", "reply", "generation"),
    *("text", "model", "assistant"),
)
#: The letters or numbers of two answers.
_SIDES = (("a", "b"), ("1", "2"), ("0", "1"))
_TIES = {
    "tie",
    "tie (bothbad)",
    "tie (both bad)",
    "both_bad",
    "bothbad",
    "both bad",
    "both",
    "neither",
    "equal",
    "draw",
}


@dataclass(frozen=True)
class Sides:
    """The columns of two answers, and the letters or numbers that distinguish them."""

    names: tuple[str, str]
    marks: tuple[str, str]

    def advantage(self, value: Any, columns: Columns) -> float | None:
        """Returns 1 if a verdict names the first answer, -1 the second, and 0 neither; None if it names nothing.

        A verdict is a letter or number of the pair, the name of a column, such a name of a model or answer
        (`model_b`), or the text of the answer.
        """
        found = number(value)
        if found is not None:
            value = str(int(found)) if found == int(found) else ""
        if not isinstance(value, str):
            return None
        folded = value.strip().lower()
        if folded in _TIES:
            return 0
        texts = [columns.get(name) for name in self.names]
        matches = [
            folded == mark or folded == name.lower() or marked(folded) == mark or value == text
            for name, mark, text in zip(self.names, self.marks, texts)
        ]
        return None if matches[0] == matches[1] else 1 if matches[0] else -1

    @property
    def values(self) -> str:
        """The values of a verdict, for messages."""
        return f"'{self.marks[0]}' or '{self.marks[1]}'"


def sides(columns: Columns) -> Sides | None:
    """Returns the two answers of a record; more than two in such columns are an error."""
    found: dict[tuple[str, ...], dict[str, str]] = {}
    for name in columns.fields:
        parts = split(name)
        if parts and not is_bookkeeping(name, columns.get(name)):
            found.setdefault(parts[0], {})[parts[1]] = name
    for stem in STEMS:
        for rest, names in found.items():
            if rest[-1] != stem:
                continue
            if len(names) > 2:
                raise BadRow(
                    f"more than two answers in the columns {', '.join(names.values())}; provide them as a list in "
                    "responses, with scores"
                )
            marks = next((marks for marks in _SIDES if set(marks) == names.keys()), None)
            if marks:
                return Sides((names[marks[0]], names[marks[1]]), marks)
    return None


def split(name: str) -> tuple[tuple[str, ...], str] | None:
    """Returns the words of an answer's column without its letter or number, and that; None for another column."""
    rest = side_of(name)
    if rest is None or rest[0][-1] not in STEMS or len(rest[0]) > 2 or not set(rest[0]) <= set(STEMS):
        return None
    return rest


def side_of(name: str) -> tuple[tuple[str, ...], str] | None:
    """Returns the words of a name without the letter or number of a side, and that."""
    parts = [piece for word in words(name) for piece in re.findall(r"[^\W\d]+|\d+", word)]
    places = [index for index, part in enumerate(parts) if part in ("a", "b", "c", "d") or part.isdigit()]
    if len(places) != 1 or len(parts) < 2:
        return None
    mark = parts.pop(places[0])
    return tuple(parts), mark


def marked(text: str) -> str | None:
    """Returns the letter or number in a name of an answer, such as `Model B`, or in brackets."""
    match = re.fullmatch(rf"[\s\[('\"]*(?:(?:{'|'.join(STEMS)})[\s_-]*)?([a-d]|\d)[\s\])'\".]*", text)
    return match[1] if match else None
