"""Brings every form of preference record that people have into one: a prompt and its responses, best first."""

import json
from dataclasses import dataclass, field
from typing import Any

from .answers import Answers, BadRow, answers

Messages = list[dict[str, Any]]

# Names of a prompt that is text, and what a user says all the same.
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
    """A prompt and two or more responses, best first: all of them strings, or all lists of messages."""

    prompt: str | Messages
    responses: list[str] | list[Messages]
    #: 0 is the best; ascending, equal where responses tie.
    ranks: list[int]
    #: What the chat template is given: `tools`, and what `chat_template_kwargs` holds.
    template_arguments: dict[str, Any] = field(default_factory=dict)

    @property
    def is_conversational(self) -> bool:
        return isinstance(self.prompt, list)

    def with_shared_turns_in_prompt(self) -> "PreferenceRow":
        """The same conversation with all but the responses' last messages in the prompt, where those are alike."""
        earlier = self.responses[0][:-1]
        if not all(response[:-1] == earlier for response in self.responses):
            return self
        last = [response[-1:] for response in self.responses]
        return PreferenceRow(self.prompt + earlier, last, self.ranks, self.template_arguments)


def parse(value: Any) -> PreferenceRow:
    """The preference that a JSON value holds, in any of the known forms."""
    try:
        # What tables hold beside text, such as times, is of no interest here.
        json.dumps(value, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError as error:
        half = ascii(error.object[error.start])[1:-1]
        raise BadRow(f"the text holds half a character (a lone surrogate), as {half}") from None
    if not isinstance(value, dict):
        raise BadRow(f"expected an object, found {type(value).__name__}")
    row = _row(value, answers(value))
    _check(row)
    return row


def _row(value: dict[str, Any], found: Answers) -> PreferenceRow:
    whole = all(isinstance(answer, list) for answer in found.responses)
    if "conversations" in value:
        return _conversation(value, value["conversations"], "conversations", found)
    if "prompt" in value:
        # Some datasets repeat the prompt as text beside whole conversations.
        return _implicit(value, found) if isinstance(value["prompt"], str) and whole else _explicit(value, found)
    for name in _QUESTIONS:
        if isinstance(value.get(name), str) and not whole:
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
        # A template is a program, which comes from the model and not from data.
        raise BadRow("chat_template_kwargs must not hold a chat_template; the model's is taken")
    return {"tools": tools, **arguments} if tools else arguments


def _conversation(value: dict[str, Any], turns: Any, name: str, found: Answers) -> PreferenceRow:
    prompt = [_message(turn) for turn in _list(turns, name)]
    # TRL's form has the system's message in the prompt.
    if value.get("system") and name != "prompt":
        prompt.insert(0, {"role": "system", "content": value["system"]})
    return PreferenceRow(prompt, [_response(answer) for answer in found.responses], found.ranks, _arguments(value))


def _question(value: dict[str, Any], name: str) -> Messages:
    """What the user says; `input` is the material of an `instruction`."""
    parts = [value[name], value.get("input") if name == "instruction" else None]
    return [{"role": "user", "content": "\n".join(part for part in parts if part)}]


def _explicit(value: dict[str, Any], found: Answers) -> PreferenceRow:
    prompt, responses = value["prompt"], found.responses
    if isinstance(prompt, str) and all(isinstance(answer, str) for answer in responses):
        return PreferenceRow(prompt, responses, found.ranks, _arguments(value))
    return _conversation(value, prompt, "prompt", found)


def _response(answer: Any) -> Messages:
    if isinstance(answer, str):
        return [{"role": "assistant", "content": answer}]
    return [_message(turn) for turn in _turns(answer)]


def _implicit(value: dict[str, Any], found: Answers) -> PreferenceRow:
    """The prompt is what all answers begin with: whole messages of conversations, or text up to a word's start."""
    responses = found.responses
    if all(isinstance(answer, str) for answer in responses):
        common = _common(responses)
        # The space before a word belongs to the word.
        if common and all(common < len(answer) for answer in responses) and responses[0][common - 1] == " ":
            common -= 1
    elif all(isinstance(answer, list) for answer in responses):
        responses = [[_message(turn) for turn in answer] for answer in responses]
        common = _common(responses)
    else:
        raise BadRow("responses must all be strings, or all be lists of messages")
    if common == 0:
        raise BadRow("there is no prompt, and the responses do not begin alike")
    rest = [answer[common:] for answer in responses]
    return PreferenceRow(responses[0][:common], rest, found.ranks, _arguments(value))


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
    if all(response == row.responses[0] for response in row.responses):
        raise BadRow("all responses are the same, so that none is preferred")
    for response in row.responses:
        if not response:
            raise BadRow("a response is empty")
        for message in response if row.is_conversational else []:
            if not isinstance(message.get("content"), (str, list)) and not message.get("tool_calls"):
                raise BadRow("a response's message has no content")
