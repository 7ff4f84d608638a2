"""Responses that are messages with a score or rank of their own."""

from typing import Any

from .bad_row import BadRow
from .columns import Columns
from .numbers import finite
from .order import check_order_of_objects


def scored_messages(
    columns: Columns, responses: list[Any], name: str, scores: tuple[str, ...]
) -> tuple[list[Any], dict[str, list[float]]]:
    """Returns responses whose last messages have a number, without it, and the numbers, highest best."""
    last = [_last(response) for response in responses]
    if not all(message is not None for message in last):
        return responses, {}
    key = next((key for key in (*scores, "rank") if any(key in message for message in last)), None)
    if key is None:
        others = [{name: value for name, value in message.items() if name not in _OF_MESSAGES} for message in last]
        check_order_of_objects(others, "", name, f"{', '.join(scores)} (highest is best) or rank (lowest is best)")
        return responses, {}
    if not all(key in message for message in last):
        raise BadRow(f"only some messages of {name} have the key '{key}'; provide it in all or none")
    numbers = finite([message[key] for message in last], key)
    bare = [_without(response, key) for response in responses]
    return bare, {f"{name}.{key}": [-number for number in numbers] if key == "rank" else numbers}


# What a message says, and not how good it is.
_OF_MESSAGES = {
    *("role", "from", "content", "value", "name", "tool_calls", "function_call", "tool_call_id", "weight", "prefix"),
    *("reasoning_content", "reasoning", "thinking", "tool_plan", "tool_calls", "model", "metadata", "train"),
}


def _last(response: Any) -> dict[str, Any] | None:
    """Returns the last message of a response."""
    if isinstance(response, dict) and isinstance(response.get("messages"), list):
        response = response["messages"]
    turn = response[-1] if isinstance(response, list) and response else response
    return turn if isinstance(turn, dict) and {"role", "from"} & turn.keys() else None


def _without(response: Any, key: str) -> Any:
    if isinstance(response, list):
        return [*response[:-1], _without(response[-1], key)]
    if isinstance(response.get("messages"), list):
        return _without(response["messages"], key)
    return {name: value for name, value in response.items() if name != key}
