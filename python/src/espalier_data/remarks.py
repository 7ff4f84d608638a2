"""Collects remarks about rows: bad rows as they occur, and notes with their number of rows at the end."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from .notes import Note
from .outcomes import Outcome
from .printable import excerpt

#: The number of bad rows of one kind that are reported with their location.
REPORTED = 3


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
        #: The number of records with each reason why they cannot be used.
        self.reasons: Counter[str] = Counter()

    def add(self, place: str, outcome: Outcome) -> None:
        if outcome.reason is not None:
            self.reasons[outcome.reason] += 1
            if self.reasons[outcome.reason] <= REPORTED:
                self._show(f"bad row: {place}: {outcome.reason}")
        if outcome.row is None:
            return
        for note, times in Counter(outcome.notes).items():
            found = self._notes.setdefault(note, _Occurrences(place))
            found.times += times
            found.rows += 1
        if outcome.guessed_prompt is not None:
            self._guessed += 1
            self._first_guess = self._first_guess or f"{place}: {excerpt(outcome.guessed_prompt)!r}"

    def further_bad_rows(self) -> list[str]:
        """Returns a line for each reason with more records than were reported."""
        return [
            f"bad rows: {count - REPORTED} more: {reason}"
            for reason, count in self.reasons.most_common()
            if count > REPORTED
        ]

    def notes(self) -> list[str]:
        """Returns a line for each note that is no warning."""
        lines = [_line("note", note, found) for note, found in self._notes.items() if not note.warning]
        if self._guessed:
            lines.append(
                "note: no column holds the prompt, so it is the common start of the responses: "
                f"{_number(self._guessed, 'row')}, first {self._first_guess}"
            )
        return lines

    def warnings(self) -> list[str]:
        """Returns a line for each warning."""
        return [_line("warning", note, found) for note, found in self._notes.items() if note.warning]


def _line(kind: str, note: Note, found: _Occurrences) -> str:
    rows = _number(found.rows, "row")
    number = rows if found.times == found.rows else f"{found.times} times in {rows}"
    return f"{kind}: {note.text}: {number}, first {found.first}"


def _number(count: int, name: str) -> str:
    return f"{count} {name}" if count == 1 else f"{count} {name}s"
