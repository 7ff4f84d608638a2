"""Variables for the chat template in a record: `tools` and `chat_template_kwargs`."""

import json
from typing import Any

from .bad_row import BadRow
from .columns import Columns, is_blank
from .encoded import decoded, refuse_duplicates


def template_arguments(columns: Columns, is_conversational: bool) -> dict[str, Any]:
    """Returns the variables of a record; text goes through no template, so tools with it are an error."""
    tools, arguments = _tools(columns), _keyword_arguments(columns)
    if is_conversational:
        return {"tools": tools, **arguments} if tools else arguments
    if tools:
        raise BadRow(
            "tools cannot be used with text, which goes through no chat template; put the prompt into the template "
            f"with --columns question=prompt, or leave tools out with --columns unused={columns.column('tools')}"
        )
    if arguments:
        columns.note("the column 'chat_template_kwargs' is not used with text, which goes through no chat template")
    return {}


def _tools(columns: Columns) -> list[Any] | None:
    tools = columns.read("tools")
    if isinstance(tools, str):
        try:
            refuse_duplicates(tools)
            tools = json.loads(tools) if tools.strip() else None
        except (ValueError, RecursionError) as error:
            raise BadRow(f"tools is not valid JSON: {getattr(error, 'msg', error)}") from None
    if is_blank(tools):
        return None
    if not isinstance(tools, list):
        raise BadRow(f"tools must be a list, found {type(tools).__name__}")
    tools = [decoded(tool) if isinstance(tool, str) else tool for tool in tools]
    if not all(isinstance(tool, dict) for tool in tools):
        raise BadRow("tools must be a list of objects, also as JSON in text")
    return tools


def _keyword_arguments(columns: Columns) -> dict[str, Any]:
    arguments = columns.read("chat_template_kwargs") or {}
    if not isinstance(arguments, dict):
        raise BadRow(f"chat_template_kwargs must be an object, found {type(arguments).__name__}")
    if "chat_template" in arguments:
        # A template is a program; it comes from the model, never from data.
        raise BadRow("chat_template_kwargs must not contain chat_template; the model's template is used")
    return arguments
