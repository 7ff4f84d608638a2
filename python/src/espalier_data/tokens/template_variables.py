"""Checks the variables for chat templates, some of whose names transformers takes for itself."""

import inspect
from typing import Any

#: What transformers passes on to templates itself.
_LISTS = ("tools", "documents")
_OWN = ("chat_template", *_LISTS)


class TemplateVariables:
    """Finds variables that would change how a tokenizer renders conversations instead of what the template reads."""

    def __init__(self, tokenizer: Any) -> None:
        parameters = inspect.signature(tokenizer.apply_chat_template).parameters.values()
        named = {parameter.name for parameter in parameters if parameter.kind is not parameter.VAR_KEYWORD}
        # The others are those of the functions that it calls.
        self._reserved = sorted((named | {"messages", "conversations", "generation_indices"}) - {*_OWN})

    def problem(self, variables: dict[str, Any]) -> str | None:
        """Returns why variables cannot be used, or None."""
        for name in self._reserved:
            if name in variables:
                return f"{name!r} is reserved for rendering; other names than {', '.join(self._reserved)} can be used"
        for name in _LISTS:
            if found := _kind(variables.get(name)):
                return f"{name!r} must be a list of objects, found {found}"
        template = variables.get("chat_template")
        if template is not None and not isinstance(template, str):
            return f"'chat_template' must be text, found {type(template).__name__}"
        return None


def _kind(value: Any) -> str | None:
    """Returns what a value is if it is no list of objects."""
    if value is None:
        return None
    if not isinstance(value, list):
        return type(value).__name__
    return next((f"{type(item).__name__} in it" for item in value if not isinstance(item, dict)), None)
