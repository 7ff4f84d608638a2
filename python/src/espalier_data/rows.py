"""Converts all supported preference formats to one: a prompt and its responses, best first."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

from .answers import BadRow, RankedResponses, ranked_responses
from .notes import Note

Messages = list[dict[str, Any]]

# Keys of a prompt that is text, but goes through the chat template as a message of the user.
_QUESTIONS = ("instruction", "question")
_ROLES = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "system": "system",
    "function_call": "assistant",
    "observation": "tool",
    "tool": "tool",
}


@dataclass(frozen=True)
class PreferenceRow:
    """A prompt and two or more responses, best first: either all strings, or all lists of messages."""

    prompt: str | Messages
    responses: list[str] | list[Messages]
    #: 0 is best; ascending, equal for ties.
    ranks: list[int]
    #: Variables for the chat template: `tools` and those in `chat_template_kwargs`.
    template_arguments: dict[str, Any] = field(default_factory=dict)
    #: Remarks about the row.
    notes: tuple[Note, ...] = ()
    #: Whether no column holds the prompt, so that it is the common start of the responses' text.
    guessed_prompt: bool = False

    @property
    def is_conversational(self) -> bool:
        return isinstance(self.prompt, list)

    def with_shared_turns_in_prompt(self) -> "PreferenceRow":
        """Moves all but the last message of each response to the prompt, if these messages are identical."""
        earlier = self.responses[0][:-1]
        if not all(response[:-1] == earlier for response in self.responses):
            return self
        last = [response[-1:] for response in self.responses]
        return replace(self, prompt=self.prompt + earlier, responses=last)


def parse(value: Any) -> PreferenceRow:
    """Parses a JSON value in any supported format."""
    try:
        # Values of tables that are not text, such as times, are irrelevant here.
        json.dumps(value, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError as error:
        surrogate = ascii(error.object[error.start])[1:-1]
        raise BadRow(f"the text contains a lone surrogate, {surrogate}") from None
    if not isinstance(value, dict):
        raise BadRow(f"expected an object, found {type(value).__name__}")
    row = _row(value, ranked_responses(value))
    _check(row)
    return row


def _row(value: dict[str, Any], found: RankedResponses) -> PreferenceRow:
    complete = all(isinstance(response, list) for response in found.responses)
    if "conversations" in value:
        return _conversation(value, value["conversations"], "conversations", found)
    if "prompt" in value:
        # Some datasets have the prompt as text in addition to complete conversations.
        return _implicit(value, found) if isinstance(value["prompt"], str) and complete else _explicit(value, found)
    for name in _QUESTIONS:
        if isinstance(value.get(name), str) and not complete:
            return _conversation(value, _question(value, name), name, found)
    if isinstance(value.get("context"), list):
        return _conversation(value, value["context"], "context", found)
    return _implicit(value, found)


def _arguments(value: dict[str, Any]) -> dict[str, Any]:
    tools = value.get("tools")
    if isinstance(tools, str):
        try:
            tools = json.loads(tools) if tools.strip() else None
        except json.JSONDecodeError as error:
            raise BadRow(f"tools is not valid JSON: {error.msg}") from None
    if not isinstance(tools or [], list):
        raise BadRow(f"tools must be a list, found {type(tools).__name__}")
    arguments = value.get("chat_template_kwargs") or {}
    if not isinstance(arguments, dict):
        raise BadRow(f"chat_template_kwargs must be an object, found {type(arguments).__name__}")
    if "chat_template" in arguments:
        # A template is a program; it comes from the model, never from data.
        raise BadRow("chat_template_kwargs must not contain chat_template; the model's template is used")
    return {"tools": tools, **arguments} if tools else arguments


def _conversation(value: dict[str, Any], turns: Any, name: str, found: RankedResponses) -> PreferenceRow:
    prompt = [_message(turn) for turn in _list(turns, name)]
    # In TRL's format the prompt contains the system message.
    if value.get("system") and name != "prompt":
        prompt.insert(0, {"role": "system", "content": value["system"]})
    return PreferenceRow(prompt, [_response(response) for response in found.responses], found.ranks, _arguments(value))


def _question(value: dict[str, Any], name: str) -> Messages:
    """Returns the user's message; `input` is the material of an `instruction`."""
    parts = [value[name], value.get("input") if name == "instruction" else None]
    return [{"role": "user", "content": "\n".join(part for part in parts if part)}]


def _explicit(value: dict[str, Any], found: RankedResponses) -> PreferenceRow:
    prompt, responses = value["prompt"], found.responses
    if isinstance(prompt, str) and all(isinstance(response, str) for response in responses):
        return PreferenceRow(prompt, responses, found.ranks, _arguments(value))
    return _conversation(value, prompt, "prompt", found)


def _response(response: Any) -> Messages:
    if isinstance(response, str):
        return [{"role": "assistant", "content": response}]
    return [_message(turn) for turn in _turns(response)]


def _implicit(value: dict[str, Any], found: RankedResponses) -> PreferenceRow:
    """Takes the common prefix as the prompt: whole messages of conversations, or text up to the start of a word."""
    responses = found.responses
    if all(isinstance(response, str) for response in responses):
        common = _common(responses)
        # The space before a word belongs to the word.
        if common and all(common < len(response) for response in responses) and responses[0][common - 1] == " ":
            common -= 1
    elif all(isinstance(response, list) for response in responses):
        responses = [[_message(turn) for turn in response] for response in responses]
        common = _common(responses)
    else:
        raise BadRow("responses must all be strings, or all be lists of messages")
    if common == 0:
        raise BadRow("no prompt, and the responses have no common prefix")
    rest = [response[common:] for response in responses]
    return PreferenceRow(responses[0][:common], rest, found.ranks, _arguments(value))


def _common(sequences: list[Any]) -> int:
    """Returns the length of the common prefix of all sequences, shorter than each of them."""
    limit = min(len(sequence) for sequence in sequences) - 1
    count = 0
    while count < limit and all(sequence[count] == sequences[0][count] for sequence in sequences):
        count += 1
    return count


def _list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise BadRow(f"{name} must be a list of messages")
    return value


def _turns(value: Any) -> list[Any]:
    return [value] if isinstance(value, dict) else _list(value, "a response")


def _message(turn: Any) -> dict[str, Any]:
    """Returns a message in Hugging Face's format, from that format or from ShareGPT's `from` and `value`."""
    if not isinstance(turn, dict):
        raise BadRow(f"expected a message, found {type(turn).__name__}")
    if "role" in turn:
        return turn
    if "from" not in turn or "value" not in turn:
        raise BadRow(
            f"a message needs role and content, or from and value; found {', '.join(map(str, turn)) or 'none'}"
        )
    role = _ROLES.get(turn["from"]) if isinstance(turn["from"], str) else None
    if role is None:
        raise BadRow(f"unknown role {turn['from']!r}; known: {', '.join(_ROLES)}")
    return {"role": role, "content": turn["value"]}


def _check(row: PreferenceRow) -> None:
    if not row.prompt:
        raise BadRow("the prompt is empty")
    if all(response == row.responses[0] for response in row.responses):
        raise BadRow("all responses are identical, so none is preferred")
    for response in row.responses:
        if not response:
            raise BadRow("a response is empty")
        for message in response if row.is_conversational else []:
            if not isinstance(message.get("content"), (str, list)) and not message.get("tool_calls"):
                raise BadRow("a response's message has no content")
