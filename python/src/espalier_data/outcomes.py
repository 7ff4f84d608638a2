"""What becomes of a record."""

from typing import NamedTuple

from .notes import Note
from .records.answers import BadRow, EmptyAnswer
from .tokens.truncation import FittedRow


class Outcome(NamedTuple):
    """A row for the file, or the reason why there is none; a row that the limits drop has neither, but a count."""

    row: FittedRow | None
    counts: dict[str, int]
    reason: str | None = None
    notes: tuple[Note, ...] = ()
    #: The prompt, if it is the common start of the responses and no column.
    guessed_prompt: str | None = None


def unusable(problem: BadRow) -> Outcome:
    """Returns the outcome of a record that cannot be used; rows without answers are counted separately."""
    name = "dropped_empty_prompt_or_response" if isinstance(problem, EmptyAnswer) else "dropped_bad_rows"
    return Outcome(None, {name: 1}, str(problem))
