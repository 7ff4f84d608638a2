"""Brings every form of preference record that people have into one: a prompt and its responses, best first."""

import json
from dataclasses import dataclass, field
from typing import Any

Messages = list[dict[str, Any]]

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


class BadRow(Exception):
    """Why a record is not a preference."""


@dataclass(frozen=True)
class PreferenceRow:
    """A prompt and two or more responses, best first: all of them strings, or all lists of messages."""

    prompt: str | Messages
    responses: list[str] | list[Messages]
    template_arguments: dict[str, Any] = field(default_factory=dict)

    @property
    def is_conversational(self) -> bool:
        return isinstance(self.prompt, list)


def parse(value: Any) -> PreferenceRow:
    """The preference that a JSON value holds, in any of the known forms."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        half = ascii(error.object[error.start])[1:-1]
        raise BadRow(f"the text holds half a character (a lone surrogate), as {half}") from None
    if not isinstance(value, dict):
        raise BadRow(f"expected an object, found {type(value).__name__}")
    if "label" in value and "completion" in value:
        raise BadRow("an unpaired preference (completion with label); pairs or ranked responses are needed")
    if "conversations" in value:
        row = _sharegpt(value)
    elif "prompt" in value:
        row = _explicit(value)
    else:
        row = _implicit(value)
    _check(row)
    return row


def _answers(value: dict[str, Any]) -> list[Any]:
    """The responses of a record, best first."""
    if "responses" in value:
        if not isinstance(value["responses"], list) or len(value["responses"]) < 2:
            raise BadRow("responses must be a list of two or more, best first")
        return value["responses"]
    for key in ("chosen", "rejected"):
        if value.get(key) is None:
            raise BadRow(f"{key} is missing; a row has chosen and rejected, or responses")
    return [value["chosen"], value["rejected"]]


def _arguments(value: dict[str, Any]) -> dict[str, Any]:
    tools = value.get("tools")
    if isinstance(tools, str):
        try:
            tools = json.loads(tools) if tools.strip() else None
        except json.JSONDecodeError as error:
            raise BadRow(f"tools is not valid JSON: {error.msg}") from None
    arguments = value.get("chat_template_kwargs") or {}
    if not isinstance(arguments, dict):
        raise BadRow(f"chat_template_kwargs must be an object, found {type(arguments).__name__}")
    return {"tools": tools, **arguments}


def _sharegpt(value: dict[str, Any]) -> PreferenceRow:
    prompt = [_message(turn) for turn in _list(value["conversations"], "conversations")]
    if value.get("system"):
        prompt.insert(0, {"role": "system", "content": value["system"]})
    responses = [[_message(turn) for turn in _turns(answer)] for answer in _answers(value)]
    return PreferenceRow(prompt, responses, _arguments(value))


def _explicit(value: dict[str, Any]) -> PreferenceRow:
    prompt, answers = value["prompt"], _answers(value)
    if isinstance(prompt, str) and all(isinstance(answer, str) for answer in answers):
        return PreferenceRow(prompt, answers, _arguments(value))
    if isinstance(prompt, str) and all(isinstance(answer, list) for answer in answers):
        # Some datasets repeat the prompt as text beside whole conversations.
        return _implicit(value)
    messages = [_message(turn) for turn in _list(prompt, "prompt")]
    return PreferenceRow(messages, [_response(answer) for answer in answers], _arguments(value))


def _response(answer: Any) -> Messages:
    if isinstance(answer, str):
        return [{"role": "assistant", "content": answer}]
    return [_message(turn) for turn in _turns(answer)]


def _implicit(value: dict[str, Any]) -> PreferenceRow:
    """The prompt is what all answers begin with: whole messages of conversations, or text up to a word's start."""
    answers = _answers(value)
    if all(isinstance(answer, str) for answer in answers):
        common = _common(answers)
        # The space before a word belongs to the word.
        if common and all(common < len(answer) for answer in answers) and answers[0][common - 1] == " ":
            common -= 1
    elif all(isinstance(answer, list) for answer in answers):
        answers = [[_message(turn) for turn in answer] for answer in answers]
        common = _common(answers)
    else:
        raise BadRow("responses must all be strings, or all be lists of messages")
    if common == 0:
        raise BadRow("there is no prompt, and the responses do not begin alike")
    return PreferenceRow(answers[0][:common], [answer[common:] for answer in answers], _arguments(value))


def _common(sequences: list[Any]) -> int:
    """How long a beginning all sequences have in common, without using any of them up."""
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
    """A message in Hugging Face's words, from those or from ShareGPT's `from` and `value`."""
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
    for response in row.responses:
        if not response:
            raise BadRow("a response is empty")
        for message in response if row.is_conversational else []:
            if not isinstance(message.get("content"), (str, list)) and not message.get("tool_calls"):
                raise BadRow("a response's message has no content")
