"""What a user should know about rows that are kept."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Note:
    """A remark about a kept row. Equal notes are reported once, with the number of rows and the first location."""

    #: A statement about a row in one line, without a count: "the column 'topic' is not used".
    text: str
    #: Whether the rows may be learned wrongly unless the user acts, so that the remark is a warning.
    warning: bool = False
