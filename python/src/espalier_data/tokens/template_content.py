"""Finds the parts of a conversation that a chat template leaves out, changes or repeats."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Message = dict[str, Any]

#: The keys under which messages have reasoning; transformers gives templates each under the other names.
REASONING = ("reasoning_content", "reasoning", "thinking")
#: A shorter text may occur by chance; a marker in its place decides.
_SHORT = 12
_TAG = re.compile(r"\s*(</?think>)\s*")
_NAMED_ROLES = {"system": "a", "developer": "a", "user": "a", "tool": "a", "assistant": "an"}


@dataclass(frozen=True)
class _Part:
    """A text of a message, and what it is."""

    text: str
    what: str
    message: int
    #: Whether it is the message's content.
    is_content: bool = False


def changes(
    messages: list[Message],
    rendered: str,
    words: frozenset[str],
    written: Callable[[], frozenset[int]],
    repeated: Callable[[], frozenset[int]],
) -> Iterator[tuple[int, str]]:
    """Yields the index of a message and what a template did to it: a text left out, with other white space, or twice.

    `rendered` is what the template wrote, `words` are the identifiers of its source. `written` returns the indexes of
    the messages whose content the template writes whatever it is; it is called if a text is too short for a search.
    `repeated` returns the indexes of those that it writes more than once; it is called if a text occurs again.
    """
    parts = [part for index, message in enumerate(messages) for part in _parts(index, message, words)]
    absent, respaced = _absent([part.text for part in parts], rendered)
    short = [place for place, part in enumerate(parts) if part.is_content and len(part.text) < _SHORT]
    if short:
        indexes = written()
        absent |= {place for place in short if parts[place].message not in indexes}
    for place in sorted(absent):
        part = parts[place]
        yield part.message, f"the chat template leaves out {_description(part, rendered)}"
    for place in sorted(respaced - absent):
        yield parts[place].message, f"the chat template changes the white space inside of {parts[place].what}"
    twice = [part for part in parts if part.is_content and rendered.count(part.text) > 1]
    indexes = repeated() if twice else frozenset()
    for part in twice:
        if part.message in indexes:
            yield part.message, f"the chat template writes {part.what} more than once"


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


def _absent(texts: list[str], rendered: str) -> tuple[set[int], set[int]]:
    """Returns the indexes of the texts without a place of their own in `rendered`, and with other white space there."""
    position = 0
    for text in texts:
        position = rendered.find(text, position)
        if position < 0:
            break
        position += len(text)
    else:
        return set(), set()
    # Templates may move a text, for instance a system message into a question. Longer texts take their places first.
    rest, absent, respaced = rendered, set(), set()
    for index in sorted(range(len(texts)), key=lambda index: -len(texts[index])):
        text = texts[index]
        start = rest.find(text)
        if start >= 0:
            end = start + len(text)
            rest = rest[:start] + "\0" * (end - start) + rest[end:]
        elif not _occurs_as_json(text, rest) and _unspaced_tags(text) not in _unspaced_tags(rest):
            (respaced if "".join(text.split()) in "".join(rest.split()) else absent).add(index)
    return absent, respaced


def _occurs_as_json(text: str, rendered: str) -> bool:
    return any(json.dumps(text, ensure_ascii=ascii)[1:-1] in rendered for ascii in (False, True))


def _unspaced_tags(text: str) -> str:
    """Returns text without the white space at the tags of reasoning, which templates write in their own way."""
    return _TAG.sub(r"\1", text)


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
