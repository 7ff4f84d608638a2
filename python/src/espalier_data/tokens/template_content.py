"""Finds the parts of a conversation that a chat template leaves out."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Message = dict[str, Any]

#: The keys under which messages have reasoning; transformers gives templates each under the other names.
REASONING = ("reasoning_content", "reasoning", "thinking")
#: A shorter text may occur by chance; a marker in its place decides.
_SHORT = 12
_NAMED_ROLES = {"system": "a", "developer": "a", "user": "a", "tool": "a", "assistant": "an"}


@dataclass(frozen=True)
class _Part:
    """A text of a message, and what it is."""

    text: str
    what: str
    message: int
    #: Whether it is the message's content.
    is_content: bool = False


def left_out(
    messages: list[Message], rendered: str, words: frozenset[str], written: Callable[[], frozenset[int]]
) -> Iterator[tuple[int, str]]:
    """Yields the index of a message and what a template left out of it.

    `rendered` is what the template wrote, `words` are the identifiers of its source. `written` returns the indexes of
    the messages whose content the template writes whatever it is; it is called if a text is too short for a search.
    """
    parts = [part for index, message in enumerate(messages) for part in _parts(index, message, words)]
    absent = _absent([part.text for part in parts], rendered)
    short = [place for place, part in enumerate(parts) if part.is_content and len(part.text) < _SHORT]
    if short:
        indexes = written()
        absent |= {place for place in short if parts[place].message not in indexes}
    for place in sorted(absent):
        part = parts[place]
        yield part.message, f"the chat template leaves out {_description(part, rendered)}"


def unread_keys(message: Message, words: frozenset[str]) -> Iterator[str]:
    """Yields the keys with a value that a template, whose source has the identifiers `words`, does not read."""
    for key, value in message.items():
        if key in words or key in ("role", "content") or value in (None, "", [], {}):
            continue
        if key not in REASONING or not any(name in words for name in REASONING):
            yield key


def owner(message: Message) -> str:
    """Returns the description of a message, such as "an assistant message"."""
    role = message.get("role")
    return f"{_NAMED_ROLES[role]} {role} message" if role in _NAMED_ROLES else f"a message of the role {role!r}"


def marked(messages: list[Message]) -> list[Message]:
    """Returns the messages with a marker in place of each text."""
    return [
        {**message, "content": marker(index)} if isinstance(message.get("content"), str) else message
        for index, message in enumerate(messages)
    ]


def marker(index: int) -> str:
    return f"Marker{index}Q"


def _parts(index: int, message: Message, words: frozenset[str]) -> Iterator[_Part]:
    name = owner(message)
    for key in REASONING:
        reasoning = message.get(key)
        if isinstance(reasoning, str) and reasoning.strip() and any(word in words for word in REASONING):
            yield _Part(reasoning.strip(), f"the reasoning of {name}", index)
            break
    for text in _texts(message.get("content")):
        if text.strip():
            yield _Part(text.strip(), f"the text of {name}", index, is_content=True)
    if "tool_calls" in words:
        for text in _called(message.get("tool_calls")):
            yield _Part(text, f"a tool call of {name}", index)


def _texts(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    parts = content if isinstance(content, list) else []
    return [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]


def _called(calls: Any) -> Iterator[str]:
    """Yields the names and the texts in the arguments of tool calls."""
    for call in calls if isinstance(calls, list) else []:
        function = call.get("function", call) if isinstance(call, dict) else {}
        if isinstance(function, dict):
            yield from _strings([function.get("name"), function.get("arguments")])


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if value.strip():
            yield value.strip()
    elif isinstance(value, (list, dict)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner)


def _absent(texts: list[str], rendered: str) -> set[int]:
    """Returns the indexes of the texts for which `rendered` has no place of their own."""
    position = 0
    for text in texts:
        position = rendered.find(text, position)
        if position < 0:
            break
        position += len(text)
    else:
        return set()
    # Templates may move a text, for instance a system message into a question. Longer texts take their places first.
    rest, absent = rendered, set()
    for index in sorted(range(len(texts)), key=lambda index: -len(texts[index])):
        start = rest.find(texts[index])
        if start >= 0:
            end = start + len(texts[index])
            rest = rest[:start] + "\0" * (end - start) + rest[end:]
        elif not _occurs_otherwise(texts[index], rest):
            absent.add(index)
    return absent


def _occurs_otherwise(text: str, rendered: str) -> bool:
    """Returns whether a text occurs as JSON, or with other white space."""
    escaped = (json.dumps(text, ensure_ascii=ascii)[1:-1] for ascii in (False, True))
    return any(form in rendered for form in escaped) or "".join(text.split()) in "".join(rendered.split())


def _description(part: _Part, rendered: str) -> str:
    """Returns what is absent: reasoning in front of an answer, a part of a text, or all of it."""
    if not part.is_content:
        return part.what
    _, end, answer = part.text.rpartition("</think>")
    if end and (not answer.strip() or answer.strip() in rendered):
        return f"the reasoning (<think> … </think>) of {part.what.removeprefix('the text of ')}"
    half = len(part.text) // 2
    if half >= _SHORT and (part.text[:half] in rendered or part.text[half:] in rendered):
        return f"a part of {part.what}"
    return part.what
