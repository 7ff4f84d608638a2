"""Brings messages of any public format to Hugging Face's: a role, text, and what chat templates read besides."""

from collections.abc import Callable
from typing import Any

from .bad_row import BadRow
from .columns import is_blank, without_nulls
from .encoded import decoded, encoded_messages, refuse_duplicates
from .roles import role

Messages = list[dict[str, Any]]
#: Reports a remark about a row.
Note = Callable[[str], None]

#: The keys of a message that public chat templates read, which are compared.
READ = (
    *("role", "content", "name", "tool_calls", "tool_call_id"),
    *("reasoning_content", "reasoning", "thinking", "tool_plan", "prefix"),
)
# Keys that describe a message.
_DESCRIBING = {
    *("id", "uuid", "index", "idx", "parent_id", "timestamp", "created_at", "model", "lang", "language", "num_tokens"),
    *("token_count", "markdown", "source", "metadata", "annotations", "toxic", "redacted"),
}
_MEDIA = ("image", "images", "image_url", "audio", "audios", "video", "videos")
_WRAPPERS = ("messages", "conversations", "conversation")


#: A remark about messages that were written in text.
IN_TEXT = "messages that are written in text, as JSON or in Python's notation, are read as messages"


def normalised(value: Any, where: str, note: Note) -> Messages:
    """Returns messages with the roles user, assistant, system and tool, or one that a template may know, and text.

    Accepts a list of messages, a single one, a list for each key (`{"role": […], "content": […]}`), and each of these
    as JSON in text. `where` is the column, for errors; `note` receives remarks.
    """
    if isinstance(value, str):
        value = encoded_messages(value, where) or value
        note(IN_TEXT)
    turns = _turns(value, where)
    try:
        return [_message(turn, note) for turn in turns]
    except BadRow as error:
        raise BadRow(f"{where}: {error}") from None


def is_blank_message(message: dict[str, Any]) -> bool:
    """Returns whether a message has neither text nor tool calls."""
    texts = ("content", "reasoning_content", "reasoning", "thinking", "tool_plan")
    return not message.get("tool_calls") and all(is_blank(message.get(key)) for key in texts)


def compared(messages: Messages) -> Messages:
    """Returns messages with the keys that count when messages are compared."""
    return [{key: message[key] for key in READ if key in message} for message in messages]


def text_of(value: Any) -> list[str]:
    """Returns all text in a value, without the names and values of roles and types."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        items = [item for key, item in value.items() if key not in ("role", "from", "type")]
    else:
        items = value if isinstance(value, list) else []
    return [text for item in items for text in text_of(item)]


def _turns(value: Any, where: str) -> list[Any]:
    if isinstance(value, dict):
        wrapper = next((name for name in _WRAPPERS if value.keys() == {name}), None)
        value = value[wrapper] if wrapper else _transposed(value, "role", "from") or [value]
    if not isinstance(value, list):
        raise BadRow(f"{where} must be text or messages, found {type(value).__name__}")
    if any(isinstance(turn, list) for turn in value):
        raise BadRow(f"{where} has lists inside its list of messages; provide one list of messages with roles")
    return value


def _transposed(value: dict[str, Any], *keys: str) -> list[dict[str, Any]] | None:
    """Returns the objects of a list for each key, as tables write lists of objects."""
    lengths = {len(item) for item in value.values() if isinstance(item, list)}
    if not any(isinstance(value.get(key), list) for key in keys) or len(lengths) != 1:
        return None
    if not all(isinstance(item, list) for item in value.values()):
        return None
    return [without_nulls(dict(zip(value, items))) for items in zip(*value.values())]


def _message(turn: Any, note: Note) -> dict[str, Any]:
    if isinstance(turn, str):
        found = encoded_messages(turn, "a message")
        turn = found if isinstance(found, dict) else turn
    if isinstance(turn, str):
        raise BadRow("expected a message, found str; a list of strings has no roles")
    if not isinstance(turn, dict):
        raise BadRow(f"expected a message, found {'null' if turn is None else type(turn).__name__}")
    message = {_KEYS[key] if _KEYS.get(key, key) not in turn else key: value for key, value in turn.items()}
    if "role" not in message or not message.keys() & {"content", "tool_calls", "function_call"}:
        _refuse_keys(turn)
    message["role"] = role(message["role"])
    if "content" in message:
        message["content"] = _content(message["content"], note)
    _set_tool_calls(message)
    if "content" not in message:
        if "tool_calls" not in message:
            raise BadRow("a message has no content")
        # Templates that join texts fail for an absent one; all others write nothing for both.
        message["content"] = ""
    _report_keys(message, note)
    return message


# ShareGPT's names.
_KEYS = {"from": "role", "value": "content"}


def _refuse_keys(turn: dict[str, Any]) -> None:
    if "role" in turn and turn.keys() <= {*READ, *_DESCRIBING}:
        raise BadRow("a message has no content")
    raise BadRow(f"a message needs role and content, or from and value; found {', '.join(map(str, turn)) or 'none'}")


def _content(value: Any, note: Note) -> str:
    """Returns the text of a message; content parts are joined as templates print them, without anything between."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        value = _transposed(value, "type", "text") or [value]
    if not isinstance(value, list):
        raise BadRow(f"the content of a message must be text or a list of parts, found {type(value).__name__}")
    return "".join(_part(part, note) for part in value)


def _part(part: Any, note: Note) -> str:
    if isinstance(part, str):
        return part
    if not isinstance(part, dict):
        raise BadRow(f"a content part must be an object, found {type(part).__name__}")
    part = {key: value for key, value in part.items() if key == "text" or not is_blank(value)}
    kind = part.get("type", "text" if "text" in part else None)
    if kind not in ("text", "input_text", "output_text"):
        raise BadRow(f"a content part has the type {kind!r}; only text can be used")
    for key in _MEDIA:
        if key in part:
            raise BadRow(f"a content part holds {key}; only text can be used")
    if not isinstance(part.get("text"), str):
        raise BadRow("a content part has no text")
    for key in part.keys() - {"type", "text", "cache_control", "annotations", "id", "index", "mimeType"}:
        note(f"the key '{key}' of content parts is not used")
    return part["text"]


def _set_tool_calls(message: dict[str, Any]) -> None:
    """Decodes the tool calls of a message; removes the key if there are none."""
    calls = message.pop("tool_calls", None)
    if "function_call" in message:
        # OpenAI's earlier name for a single call.
        calls = calls or [{"type": "function", "function": message.pop("function_call")}]
        message.pop("function_call", None)
    if isinstance(calls, str):
        refuse_duplicates(calls)
        calls = decoded(calls) if calls.strip() else None
        calls = without_nulls(calls) if calls is not None else "text"
    if isinstance(calls, dict):
        calls = _transposed(calls, "function", "name") or [calls]
    if not is_blank(calls):
        if not isinstance(calls, list):
            raise BadRow("tool_calls must be a list of objects")
        message["tool_calls"] = [_tool_call(call) for call in calls]


def _tool_call(call: Any) -> dict[str, Any]:
    """Returns a tool call whose arguments are an object, as templates expect, also if they are JSON in text."""
    if not isinstance(call, dict):
        raise BadRow(f"a tool call must be an object, found {type(call).__name__}")
    function = call.get("function", call)
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise BadRow("a tool call needs the name of its function")
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        refuse_duplicates(arguments)
        arguments = decoded(arguments) if arguments.strip() else {}
        if not isinstance(arguments, dict):
            raise BadRow("the arguments of a tool call must be an object, also as JSON in text")
        function = {**function, "arguments": arguments}
    return {**call, "function": function} if "function" in call else function


def _report_keys(message: dict[str, Any], note: Note) -> None:
    for key, value in message.items():
        if key in READ or key in _DESCRIBING or is_blank(value) or value == message.get(_KEYS.get(key)):
            continue
        if key in _MEDIA:
            raise BadRow(f"a message holds {key}; only text can be used")
        note(f"the key '{key}' of messages counts only if the chat template reads it")
