"""Collects remarks about rows: bad rows as they occur, and notes with their number of rows at the end."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from ..notes import Note
from ..outcomes import Outcome
from .printable import excerpt

#: The number of bad rows of one kind, and of all kinds, that are reported with their location.
REPORTED, _MOST_REPORTED = 3, 60
#: The number of lines about further bad rows, of notes and of warnings.
_MOST_LINES = 20
#: The number of reasons and of notes with a count of their own; the data decides how many occur.
_MOST_KINDS = 10_000
_OTHER = "other reasons"
#: Rows that have the same fault may have different columns, for instance since some are null.
_FOUND = re.compile("found the columns [^;]*")


@dataclass
class _Occurrences:
    """How often a note occurs, in how many rows, and where first."""

    first: str
    times: int = 0
    rows: int = 0


class Remarks:
    """The remarks about the rows of a run, in the order of the sources; `show` prints a line at once."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self._notes: dict[Note, _Occurrences] = {}
        self._guessed, self._first_guess = 0, ""
        #: The number of records with each reason why they cannot be used, and of those that were reported.
        self.reasons: Counter[str] = Counter()
        self._reported: Counter[str] = Counter()
        #: The first reason of each kind.
        self._kinds: dict[str, str] = {}

    def add(self, place: str, outcome: Outcome) -> None:
        if outcome.reason is not None:
            self._add_reason(place, outcome.reason)
        if outcome.row is None:
            return
        for note, times in Counter(outcome.notes).items() if outcome.notes else ():
            if note in self._notes or len(self._notes) < _MOST_KINDS:
                found = self._notes.setdefault(note, _Occurrences(place))
                found.times += times
                found.rows += 1
        if outcome.guessed_prompt is not None:
            self._guessed += 1
            self._first_guess = self._first_guess or f"{place}: {excerpt(outcome.guessed_prompt)!r}"

    def _add_reason(self, place: str, found: str) -> None:
        kind = _FOUND.sub("", found)
        reason = self._kinds.get(kind, found)
        if reason not in self.reasons and len(self.reasons) >= _MOST_KINDS:
            reason = _OTHER
        else:
            self._kinds[kind] = reason
        self.reasons[reason] += 1
        if self._reported[reason] < REPORTED and self._reported.total() < _MOST_REPORTED and reason != _OTHER:
            self._reported[reason] += 1
            self._show(f"bad row: {place}: {found}")

    def further_bad_rows(self) -> list[str]:
        """Returns a line for each reason with more records than were reported."""
        further = (self.reasons - self._reported).most_common()
        lines = [f"bad rows: {count} more: {reason}" for reason, count in further[:_MOST_LINES]]
        if rest := further[_MOST_LINES:]:
            lines.append(f"bad rows: {sum(count for _, count in rest)} more for {len(rest)} other reasons")
        return lines

    def notes(self) -> list[str]:
        """Returns a line for each note that is no warning."""
        lines = self._lines("note", warning=False)
        if self._guessed:
            lines.append(
                "note: no column holds the prompt, so it is the common start of the responses: "
                f"{_number(self._guessed, 'row')}, first {self._first_guess}"
            )
        return lines

    def warnings(self) -> list[str]:
        """Returns a line for each warning."""
        return self._lines("warning", warning=True)

    def _lines(self, kind: str, warning: bool) -> list[str]:
        found = [_line(kind, note, found) for note, found in self._notes.items() if note.warning == warning]
        further = len(found) - _MOST_LINES
        return found if further <= 0 else [*found[:_MOST_LINES], f"{kind}: {further} more {kind}s"]


def _line(kind: str, note: Note, found: _Occurrences) -> str:
    rows = _number(found.rows, "row")
    number = rows if found.times == found.rows else f"{found.times} times in {rows}"
    return f"{kind}: {note.text}: {number}, first {found.first}"


def _number(count: int, name: str) -> str:
    return f"{count} {name}" if count == 1 else f"{count} {name}s"
