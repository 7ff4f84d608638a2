"""Converts all supported preference formats to one: a prompt and its responses, best first.

Data flows one way: columns are renamed and nulls removed (`columns`), the responses and their order are found
(`answers`, `pairs`), messages get one format (`messages`), the prompt is found (`prompts`), what is not read is
reported (`unread`), and the result is checked.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from ..notes import Note
from .answers import RankedResponses, ranked_responses
from .bad_row import BadRow, EmptyAnswer, refuse_surrogates
from .column_names import LISTS, RANKS, SCORES
from .columns import Columns, is_blank
from .draft import Draft
from .encoded import encoded_messages, encoded_parts
from .history import with_system
from .messages import IN_TEXT, Messages, compared, is_blank_message, normalised
from .missing import refuse_wrapped
from .prompts import draft
from .template_arguments import template_arguments
from .unread import check_unread

#: Fields that hold a list if they are read as responses or their numbers.
_LISTS = [name for name in (*LISTS, *SCORES, *RANKS) if name.endswith("s")]


@dataclass(frozen=True)
class PreferenceRow:
    """A prompt and two or more responses, best first: either all strings, or all lists of messages."""

    prompt: str | Messages
    responses: list[str] | list[Messages]
    #: 0 is best; ascending, equal for ties.
    ranks: list[int]
    #: Variables for the chat template: `tools` and those in `chat_template_kwargs`.
    template_arguments: dict[str, Any] = field(default_factory=dict)
    #: What a user should know about the row.
    notes: tuple[Note, ...] = ()
    #: Whether the prompt is the common beginning of texts.
    guessed_prompt: bool = False

    @property
    def is_conversational(self) -> bool:
        return isinstance(self.prompt, list)

    def with_shared_turns_in_prompt(self) -> "PreferenceRow":
        """Moves all but the last message of each response to the prompt, if these messages are identical."""
        earlier = self.responses[0][:-1]
        if not all(compared(response[:-1]) == compared(earlier) for response in self.responses):
            return self
        return replace(self, prompt=self.prompt + earlier, responses=[response[-1:] for response in self.responses])


def parse(value: Any, columns: dict[str, str] | None = None) -> PreferenceRow:
    """Parses a JSON value in any supported format.

    `columns` maps names of columns to the fields that they hold, or to `unused`. Raises `BadRow` with the reason for a
    record that is no preference, and `EmptyAnswer` if its prompt is blank or fewer than two responses have text.
    """
    try:
        refuse_surrogates(value)
        if not isinstance(value, dict):
            found = "null" if value is None else type(value).__name__
            raise BadRow(f"expected an object, found {found}")
        return _row(Columns(value, columns))
    except RecursionError:
        raise BadRow("the values are nested too deeply") from None


def _row(columns: Columns) -> PreferenceRow:
    found = _without_blank(_normalised(columns, _responses(columns)), columns)
    drafted = draft(columns, found)
    drafted = replace(drafted, prompt=with_system(columns, drafted.prompt))
    found = _without_blank(replace(found, responses=drafted.responses), columns)
    drafted = replace(drafted, responses=found.responses)
    arguments = template_arguments(columns, drafted.is_conversational)
    check_unread(columns, drafted)
    _check(drafted)
    return PreferenceRow(drafted.prompt, found.responses, found.ranks, arguments, columns.notes, drafted.guessed)


def _responses(columns: Columns) -> RankedResponses:
    try:
        found = ranked_responses(columns)
    except BadRow:
        refuse_wrapped(columns)
        raise
    for name in _LISTS:
        if isinstance(columns.get(name), str) and name not in columns.unread:
            columns.note(
                f"the column '{columns.column(name)}' holds a list that is written as text, which is read as a list"
            )
    return found


def _normalised(columns: Columns, found: RankedResponses) -> RankedResponses:
    """Returns responses that are text or messages in Hugging Face's format, also if they are messages in text."""
    given = ["" if is_blank(response) else response for response in found.responses]
    responses = [
        (encoded_messages(response, name) or response) if isinstance(response, str) else response
        for response, name in zip(given, found.names)
    ]
    were_text = [isinstance(response, str) for response in given]
    are_text = [isinstance(response, str) for response in responses]
    if were_text != are_text and any(are_text):
        raise BadRow(
            "some responses are text, and others are text that holds messages as JSON; provide all as one or other"
        )
    if were_text != are_text:
        columns.note(IN_TEXT)
    normal = [
        response if isinstance(response, str) else _ending_with_assistant(normalised(response, name, columns.note))
        for response, name in zip(responses, found.names)
    ]
    return replace(found, responses=normal)


def _ending_with_assistant(response: Messages) -> Messages:
    if response and response[-1]["role"] != "assistant":
        raise BadRow(f"a response must end with a message of the assistant, found {response[-1]['role']!r}")
    return response


def _without_blank(found: RankedResponses, columns: Columns) -> RankedResponses:
    """Drops responses without text and tool calls; a row with fewer than two others, or one rank, is an error."""
    kept = [index for index, response in enumerate(found.responses) if not _is_blank(response)]
    if len(kept) == len(found.responses):
        return found
    remaining = found.kept(kept)
    if len(set(remaining.ranks)) < 2:
        raise EmptyAnswer("a response is empty, and fewer than two of different rank remain")
    columns.note("a response is empty and is dropped")
    return remaining


def _is_blank(response: str | Messages) -> bool:
    if isinstance(response, str):
        return not response.strip()
    return not response or (response[-1]["role"] == "assistant" and is_blank_message(response[-1]))


def _check(found: Draft) -> None:
    prompt, responses = found.prompt, found.responses
    if is_blank(prompt) or (found.is_conversational and all(map(is_blank_message, prompt))):
        raise EmptyAnswer("the prompt is empty")
    if not found.is_conversational:
        _refuse_encoded([prompt, *responses])
        _refuse_identical(responses)
        return
    _refuse_encoded([message.get("content", "") for turns in (prompt, *responses) for message in turns])
    _refuse_identical([compared(response) for response in responses])
    for response in responses:
        if prompt[-1]["role"] == "assistant" and compared(prompt[-1:]) == compared(response):
            raise BadRow("the prompt ends with one of the responses; provide it without them")


def _refuse_encoded(texts: list[str]) -> None:
    for text in texts:
        if encoded_messages(text, "a message") is not None:
            raise BadRow("a text holds messages as JSON; provide them as a list of messages")
        if encoded_parts(text):
            raise BadRow("a text holds content parts as JSON; provide them as a list of parts")


def _refuse_identical(responses: list[Any]) -> None:
    if all(response == responses[0] for response in responses):
        raise BadRow("all responses are identical, so none is preferred")
