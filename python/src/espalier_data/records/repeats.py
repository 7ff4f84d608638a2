"""Recognises responses that repeat the prompt, and removes the repetition."""

from .bad_row import BadRow
from .columns import Columns
from .messages import Messages, compared

_NOTE = "the responses repeat the prompt, which is used once"


def without_repeated_text(columns: Columns, prompt: str, responses: list[str]) -> list[str]:
    """Removes the prompt from the start of responses that all begin with it, as complete texts.

    A prompt counts as repeated if it ends at the end of a word in each response, and has at least two words or ends in
    punctuation or white space: a response may begin with the only word of its prompt by chance.
    """
    for text in (prompt, prompt.strip()):
        repeated = [_repeats(text, response) for response in responses]
        if all(repeated):
            if not _is_distinct(text):
                columns.note(
                    "the responses begin with the prompt, a single word, and are kept as they are", warning=True
                )
                return responses
            columns.note(_NOTE)
            return [response[len(text) :] for response in responses]
        if any(repeated) and _is_distinct(text):
            raise BadRow("some responses begin with the prompt and others do not; provide all with it, or none")
    return responses


def report_repeated_question(columns: Columns, question: str, responses: list[str]) -> None:
    """Notes responses that all begin with the question in a conversation, where that may be intended."""
    text = question.strip()
    if _is_distinct(text) and all(_repeats(text, response.lstrip()) for response in responses):
        columns.note("the responses begin with the text of the question, which is kept", warning=True)


def without_repeated_messages(columns: Columns, prompt: Messages, responses: list[Messages]) -> list[Messages]:
    """Removes the prompt's messages, or the last of them, from the start of responses that all begin with them."""
    asked = _comparable(prompt)
    counts = [_repeated(asked, _comparable(response)) for response in responses]
    if not any(counts):
        return responses
    if len(set(counts)) > 1:
        raise BadRow(
            "some responses repeat the messages of the prompt and others do not; provide all with them, or none"
        )
    columns.note(_NOTE)
    return [response[count:] for count, response in zip(counts, responses)]


def _repeats(prompt: str, response: str) -> bool:
    if not prompt or not response.startswith(prompt):
        return False
    after = response[len(prompt) : len(prompt) + 1]
    return not (prompt[-1].isalnum() and after.isalnum())


def _is_distinct(prompt: str) -> bool:
    return len(prompt.split()) > 1 or not prompt[-1].isalnum()


def _repeated(prompt: Messages, response: Messages) -> int:
    """Returns the number of messages that end the prompt, begin the response, and are not the assistant's first."""
    for count in range(min(len(prompt), len(response) - 1), 0, -1):
        tail = prompt[-count:]
        if tail == response[:count] and (count == len(prompt) or tail[0]["role"] != "assistant"):
            return count
    return 0


def _comparable(messages: Messages) -> Messages:
    """Returns messages for comparison, without white space around their text."""
    return [
        {key: value.strip() if isinstance(value, str) else value for key, value in message.items()}
        for message in compared(messages)
    ]
