"""The clock of chat templates: fixed during a run, and found out if it changes what a template writes."""

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

#: Changes every part of a date and a time.
_SHIFT = timedelta(days=399, hours=7, minutes=11, seconds=13)
_WORD = re.compile(r"[A-Za-z_]\w*")
_TIME = re.compile(r"date|time|today|now|day|month|year", re.IGNORECASE)
_OPTIONAL = re.compile(r"(\w+) is (?:not )?(?:defined|undefined|none)|\bnot (\w+)|(\w+) or\b|(\w+)\s*\|\s*default")
_NOT_VARIABLES = {"strftime_now", "strftime", "datetime", "messages", "message", "tools", "add_generation_prompt"}

#: Renders one conversation, with additional variables.
Render = Callable[[dict[str, Any]], str]


class TemplateClock:
    """Takes the place of the clock that `strftime_now` reads in templates.

    All conversations of a run see the same moment: otherwise a prompt and its answers could differ by a second.
    """

    def __init__(self, moment: datetime) -> None:
        self._moment = moment
        self._shift = timedelta()
        self._written: list[str] = []
        #: Whether a template has read the clock.
        self.is_read = False

    def install(self) -> bool:
        """Replaces the clock in transformers, whose `strftime_now` calls `datetime.now().strftime(format)`."""
        from transformers.utils import chat_template_utils

        found = hasattr(chat_template_utils, "datetime")
        if found:
            chat_template_utils.datetime = self
        return found

    def now(self) -> "TemplateClock":
        self.is_read = True
        return self

    def strftime(self, form: str) -> str:
        text = (self._moment + self._shift).strftime(form)
        if not self._shift:
            self._written.append(text)
        return text

    def changes(self, render: Render) -> bool:
        """Returns whether the result of `render` depends on the time."""
        return not self._is_stable(render, {})

    def remedy(self, render: Render, source: str) -> str:
        """Returns how to fix the time for a template; `render` renders a conversation with it."""
        variables = self._replacements(render, source)
        if not variables:
            return "use a chat template that takes the date from a variable"
        given = json.dumps(variables, ensure_ascii=False).replace("'", "'\\''")
        return f"fix it with --chat-template-kwargs '{given}'"

    def _is_stable(self, render: Render, variables: dict[str, Any]) -> bool:
        try:
            now = render(variables)
            self._shift = _SHIFT
            return render(variables) == now
        except Exception:  # A template may reject any value.
            return False
        finally:
            self._shift = timedelta()

    def _replacements(self, render: Render, source: str) -> dict[str, str]:
        """Returns variables of the template, with today's text, that take the place of the clock."""
        names = [name for name in dict.fromkeys(_WORD.findall(source)) if name not in _NOT_VARIABLES]
        optional = {name for found in _OPTIONAL.findall(source) for name in found}
        times = [name for name in names if _TIME.search(name)]
        try:
            self._written.clear()
            now = render({})
        except Exception:  # A template may reject any conversation; then the names must do.
            return {name: "…" for name in times if name in optional}
        texts = list(dict.fromkeys(self._written))
        alone = [*times, *(name for name in names if name in optional)]
        choices = [{name: text} for name in alone for text in texts]
        choices += [{name: text for name in times} for text in texts]
        stable = [choice for choice in choices if self._is_stable(render, choice)]
        # With the right text in the right variable the tokens stay what they are today.
        return next((choice for choice in stable if render(choice) == now), stable[0] if stable else {})
