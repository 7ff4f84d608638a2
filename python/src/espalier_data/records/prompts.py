"""Finds the prompt of a record, in the columns of public formats or at the start of the responses."""

from dataclasses import dataclass
from typing import Any

from .answers import RankedResponses
from .bad_row import BadRow, EmptyAnswer
from .column_names import QUESTIONS
from .columns import Columns, is_blank
from .draft import Draft
from .encoded import encoded_messages
from .guess import common_prefix
from .history import earlier_turns, refuse_history_with_text
from .messages import IN_TEXT, Messages, compared, normalised, text_of
from .missing import INTO_TEMPLATE
from .repeats import report_repeated_question, without_repeated_messages, without_repeated_text
from .said import is_said
from .unread import refuse_guess

_PARTS_OF_PROMPT = ("user", "system", "developer")


@dataclass(frozen=True)
class _Given:
    """A prompt as given in a column: text or messages; `is_plain` if text that needs no chat template."""

    column: str
    prompt: str | Messages
    is_plain: bool = False


def draft(columns: Columns, found: RankedResponses) -> Draft:
    """Returns the prompt and the responses; those of a conversation as messages."""
    responses = found.responses
    given = _given(columns, found)
    complete = all(isinstance(response, list) and _has_question(response) for response in responses)
    if given is not None and not given.prompt:
        if not complete:
            raise EmptyAnswer(f"the prompt is empty: the column '{columns.column(given.column)}' has no messages")
        given = None
    if complete:
        return _complete(columns, given, responses)
    if given is None:
        refuse_guess(columns, text_of(responses))
        _refuse_blank(columns)
        return _implicit(columns, responses)
    if given.is_plain and all(isinstance(response, str) for response in responses):
        refuse_history_with_text(columns)
        texts = without_repeated_text(columns, given.prompt, responses)
        return Draft(given.prompt, texts, given.column)
    if given.is_plain and not all(isinstance(response, list) for response in responses):
        raise BadRow("the responses to a prompt of text must all be text, or all be messages; found both")
    return _conversation(columns, given, responses)


def _given(columns: Columns, found: RankedResponses) -> _Given | None:
    """Returns the first prompt that the record has, in the order of precedence; the others remain unread."""
    if found.prompt is not None:
        return _Given("messages", normalised(found.prompt, "messages", columns.note))
    if found.question is not None:
        return _Given(*found.question)
    for name in ("conversations", "prompt"):
        if name in columns.unread:
            given = _messages(columns, name) or _text(columns, name)
            columns.read(name)
            return given
    for name in QUESTIONS:
        if isinstance(columns.unread.get(name), str):
            return _Given(name, _question(columns, name))
    for name in ("context", "messages", "trajectory"):
        messages = _messages(columns, name, required=False) if name in columns.unread else None
        # `messages` that end with the assistant are a complete conversation, as in UltraFeedback.
        if messages and messages.prompt and (name != "messages" or messages.prompt[-1]["role"] != "assistant"):
            columns.read(name)
            return messages
    return None


def _messages(columns: Columns, name: str, required: bool = True) -> _Given | None:
    """Returns a column of messages; None if it is text."""
    value = columns.get(name)
    if isinstance(value, str) and (value := encoded_messages(value, name)) is not None:
        columns.note(IN_TEXT)
    if is_blank(value) or not (required or isinstance(value, (list, dict))):
        return None
    if not required and not any(isinstance(turn, dict) for turn in (value if isinstance(value, list) else [value])):
        return None
    return _Given(name, normalised(value, name, columns.note))


def _text(columns: Columns, name: str) -> _Given:
    value = columns.get(name)
    if name != "prompt":
        raise BadRow(f"{name} must be a list of messages")
    return _Given(name, value, is_plain=True)


def _question(columns: Columns, name: str) -> str:
    """Returns the text of the user; `input` is the material of an `instruction`."""
    parts = [columns.read(name)]
    if name == "instruction" and isinstance(columns.get("input"), str):
        parts.append(columns.read("input"))
    return "\n".join(part for part in parts if part)


def _has_question(response: Messages) -> bool:
    return bool(response) and response[0]["role"] in _PARTS_OF_PROMPT


def _refuse_blank(columns: Columns) -> None:
    for name in ("prompt", "conversations", *QUESTIONS, "context"):
        if columns.has(name) and not any(text.strip() for text in text_of(columns.get(name))):
            raise EmptyAnswer(f"the prompt is empty: the column '{columns.column(name)}' is blank")


def _complete(columns: Columns, given: _Given | None, responses: list[Messages]) -> Draft:
    """Returns a draft of responses that are complete conversations."""
    if given is not None and isinstance(given.prompt, list):
        return _conversation(columns, given, responses)
    found = _implicit(columns, responses)
    if given is None:
        return found
    if not is_said(given.prompt, found.prompt):
        raise BadRow(
            f"the column '{columns.column(given.column)}' holds another prompt than the responses, which are complete "
            f"conversations; leave it out with --columns unused={columns.column(given.column)} if they are right"
        )
    return found


def _conversation(columns: Columns, given: _Given, responses: list[Any]) -> Draft:
    """Returns a draft of messages; text becomes messages of the user and of the assistant."""
    prompt = given.prompt
    if isinstance(prompt, str):
        if all(isinstance(response, str) for response in responses):
            report_repeated_question(columns, prompt, responses)
        prompt = [{"role": "user", "content": prompt}]
    prompt = earlier_turns(columns, prompt)
    lists = [
        [{"role": "assistant", "content": response}] if isinstance(response, str) else response
        for response in responses
    ]
    prompt, lists = _with_shared_system(prompt, lists)
    lists = without_repeated_messages(columns, prompt, lists)
    found = _with_leading_questions(columns, Draft(prompt, lists, given.column))
    _refuse_begun_answer(columns, found)
    return found


def _refuse_begun_answer(columns: Columns, found: Draft) -> None:
    """Raises an error for a prompt that ends with the beginning of the answers: a template would close it."""
    begun = found.prompt[-1]["role"] == "assistant"
    if not begun or not any(response and response[0]["role"] == "assistant" for response in found.responses):
        return
    if any(compared(found.prompt[-1:]) == compared(response) for response in found.responses):
        raise BadRow("the prompt ends with one of the responses; provide it without them")
    raise BadRow(
        f"the prompt in '{columns.column(found.column)}' ends with a message of the assistant, which the template "
        "closes before it begins the answer; if the answers continue it, move its text to the start of every answer, "
        "otherwise put a message of the user after it"
    )


def _with_shared_system(prompt: Messages, responses: list[Messages]) -> tuple[Messages, list[Messages]]:
    """Moves the system message of all responses to the start of a prompt that has none."""
    first = [response[:1] for response in responses]
    if prompt[0]["role"] == "system" or not all(turns and turns[0]["role"] == "system" for turns in first):
        return prompt, responses
    if any(compared(turns) != compared(first[0]) for turns in first):
        raise BadRow("the responses have different system messages; provide one for the row")
    return first[0] + prompt, [response[1:] for response in responses]


def _with_leading_questions(columns: Columns, found: Draft) -> Draft:
    """Moves messages of the user at the start of all responses to the prompt, which learns nothing from them."""
    prompt, responses = found.prompt, found.responses
    moved = 0
    while all(len(response) > 1 and response[0]["role"] in _PARTS_OF_PROMPT for response in responses):
        if any(compared(response[:1]) != compared(responses[0][:1]) for response in responses):
            break
        if prompt and prompt[-1]["role"] == responses[0][0]["role"]:
            break
        prompt, responses, moved = prompt + responses[0][:1], [response[1:] for response in responses], moved + 1
    for response in responses:
        if response and response[0]["role"] in _PARTS_OF_PROMPT:
            raise BadRow(
                f"a response begins with a message of the {response[0]['role']} that is not in the prompt; "
                "provide the earlier turns in the prompt"
            )
    if moved:
        columns.note("the responses begin with turns of the user, which are part of the prompt")
    return Draft(prompt, responses, found.column)


def _implicit(columns: Columns, responses: list[Any]) -> Draft:
    """Takes the common prefix as the prompt: whole messages of conversations, or text up to the start of a word."""
    if all(isinstance(response, str) for response in responses):
        common = common_prefix(responses)
        if common == 0:
            raise BadRow(
                f"no prompt, and the responses have no common prefix that ends before a word; {_remedy(columns)}"
            )
        return Draft(responses[0][:common], [response[common:] for response in responses], guessed=True)
    if not all(isinstance(response, list) for response in responses):
        raise BadRow("responses must all be strings, or all be lists of messages")
    common = _common_messages(responses)
    if common == 0:
        raise BadRow(f"no prompt, and the responses have no common prefix; {_remedy(columns)}")
    rest = [response[common:] for response in responses]
    if any(_has_question(response) for response in rest):
        raise BadRow(
            "the responses are conversations with different turns of the user, so their answers do not compare"
        )
    return Draft(responses[0][:common], rest)


def _common_messages(responses: list[Messages]) -> int:
    """Returns the number of messages that all responses share, less than the length of each."""
    keys = [compared(response) for response in responses]
    limit = min(len(response) for response in responses) - 1
    return next(
        (count for count in range(limit) if any(turns[count] != keys[0][count] for turns in keys)), max(limit, 0)
    )


def _remedy(columns: Columns) -> str:
    return f"{columns.found}; name the prompt's column with --columns prompt=COLUMN{INTO_TEMPLATE}"
