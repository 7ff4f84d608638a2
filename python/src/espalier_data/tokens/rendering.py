"""Renders conversations with the chat template of a tokenizer, and looks at what the template writes."""

import os
import re
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import TemplateSyntaxError

from ..errors import UserError
from ..notes import Note
from ..records.answers import BadRow
from ..records.rows import Messages, PreferenceRow
from .special_tokens import SpecialTokens
from .template_clock import TemplateClock
from .template_content import REASONING, changes, owner, unread_keys
from .template_markers import MarkedConversations
from .template_variables import TemplateVariables

_WORD = re.compile(r"[A-Za-z_]\w*")
_NOT_VARIABLES = ("tools", "documents", "chat_template")
#: A longer end of a prompt is not printed.
_LONGEST_END = 40
#: Keys of messages that hold what the assistant wrote.
_WRITTEN = (*REASONING, "tool_calls")


class ChatTemplate:
    """The chat template of a model's tokenizer; `arguments` are variables for it, and those of a row take precedence.

    Templates that read the clock read `moment`.
    """

    def __init__(self, tokenizer: Any, model: Path, arguments: dict[str, Any], moment: datetime) -> None:
        self._tokenizer, self._model, self._arguments = tokenizer, model, arguments
        self._clock = TemplateClock(moment)
        self._sees_reads = self._clock.install()
        self._special = SpecialTokens(tokenizer)
        self._checked = TemplateVariables(tokenizer)
        if problem := self._checked.problem(arguments):
            raise UserError(f"--chat-template-kwargs: {problem}")
        self._words: dict[str, frozenset[str]] = {}
        self._marked = MarkedConversations(self._render)
        self._remedies: dict[str, str] = {}

    @property
    def exists(self) -> bool:
        return bool(self.source)

    @property
    def source(self) -> Any:
        """The template that is used: that of the arguments, or the tokenizer's, of which there may be several."""
        own = self._arguments.get("chat_template")
        return self._source(self._arguments) if own else self._tokenizer.chat_template or ""

    def render(self, messages: Messages, row: PreferenceRow, prompt: bool = False) -> str:
        """Returns what the template writes; with the generation prompt if the messages are a `prompt`."""
        if problem := self._checked.problem(row.template_arguments):
            raise BadRow(f"chat_template_kwargs: {problem}")
        return self._render(messages, self._variables(row), prompt)

    def notes(self, row: PreferenceRow, prompt: str, rendered: list[str]) -> list[Note]:
        """Returns remarks about what the template did to a row: to the prompt, and to the prompt with each response."""
        variables = self._variables(row)
        source = self._source(variables)
        words = self._identifiers(source)
        found = [
            Note(f"the chat template does not read the variable {name!r}", warning=True)
            for name, value in variables.items()
            if name not in words and name not in _NOT_VARIABLES and value is not None
        ]
        if not _has_tools(variables, words, rendered[0]):
            found.append(Note("the chat template leaves out the tools", warning=True))
        found += _different_starts(prompt, rendered)
        found += self._header(row, prompt, rendered, variables)
        found += self._special.notes(row, variables, words)
        found += self._unread_keys(row, words)
        found += self._texts(row, rendered, variables, words)
        return found + self._changes(row, source, variables, words)

    def _changes(self, row: PreferenceRow, source: str, variables: dict[str, Any], words: frozenset[str]) -> list[Note]:
        """Returns remarks about a template that does not write the same text every time."""
        found = []
        render = partial(self._render_with, row.prompt + row.responses[0], variables)
        is_read = self._clock.is_read if self._sees_reads else "strftime_now" in words
        if is_read and self._clock.changes(render):
            text = "the chat template writes the current date or time, so the same data has other tokens another day"
            found.append(Note(f"{text}; {self._remedy(source)}", warning=True))
        self._clock.is_read = False
        # Jinja's own sources of chance.
        if ("random" in words or "lipsum" in words) and render({}) != render({}):
            found.append(Note("the chat template writes random text, so the same data has other tokens", warning=True))
        return found

    def _remedy(self, source: str) -> str:
        """Returns how to fix the time; the same for all rows, since it is found with a conversation of its own."""
        if source not in self._remedies:
            conversation = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes"}]
            render = partial(self._render_with, conversation, {**self._arguments, "chat_template": source})
            self._remedies[source] = self._clock.remedy(render, source)
        return self._remedies[source]

    def _render_with(self, messages: Messages, variables: dict[str, Any], more: dict[str, Any]) -> str:
        return self._render(messages, {**variables, **more})

    def _unread_keys(self, row: PreferenceRow, words: frozenset[str]) -> list[Note]:
        found = []
        for message in (message for messages in (row.prompt, *row.responses) for message in messages):
            for key in unread_keys(message, words):
                text = f"the chat template does not read the key {key!r} of {owner(message)}"
                found.append(Note(text, warning=key in _WRITTEN))
        return found

    def _texts(
        self, row: PreferenceRow, rendered: list[str], variables: dict[str, Any], words: frozenset[str]
    ) -> list[Note]:
        found: dict[tuple[int, int, str], None] = {}
        for number, (response, text) in enumerate(zip(row.responses, rendered)):
            conversation = row.prompt + response
            written = partial(self._marked.written, conversation, variables)
            repeated = partial(self._marked.repeated, conversation, variables)
            for index, what in changes(conversation, text, words, written, repeated):
                # A message of the prompt is in all conversations, but is one message.
                found[(0 if index < len(row.prompt) else number, index, what)] = None
        return [Note(what, warning=True) for _, _, what in found]

    def _header(self, row: PreferenceRow, prompt: str, rendered: list[str], variables: dict[str, Any]) -> list[Note]:
        """Returns a warning if all answers begin with the same text of a template without a generation prompt."""
        if not all(text.startswith(prompt) for text in rendered):
            return []
        common = os.path.commonprefix([text[len(prompt) :] for text in rendered])
        if not common.strip():
            return []
        headers = {self._marked.header(row.prompt, response, variables) for response in row.responses}
        header = headers.pop()
        if headers or not header.strip() or not common.startswith(header):
            return []
        text = f"the chat template writes no generation prompt, so answers are learned with {header!r} before them"
        return [Note(f"{text}; use a chat template with a generation prompt", warning=True)]

    def _variables(self, row: PreferenceRow) -> dict[str, Any]:
        return {**self._arguments, **row.template_arguments}

    @property
    def _place(self) -> str:
        """The file or the option that the template comes from; a row gives none."""
        if self._arguments.get("chat_template"):
            return "--chat-template-kwargs"
        file = self._model / "chat_template.jinja"
        return str(file if file.is_file() else self._model / "tokenizer_config.json")

    def _source(self, variables: dict[str, Any]) -> str:
        try:
            return str(self._tokenizer.get_chat_template(variables.get("chat_template"), variables.get("tools")))
        except Exception:  # For a model with several templates and none that fits; rendering reports it.
            return ""

    def _identifiers(self, source: str) -> frozenset[str]:
        if source not in self._words:
            self._words[source] = frozenset(_WORD.findall(source))
        return self._words[source]

    def _render(self, messages: Messages, variables: dict[str, Any], prompt: bool = False) -> str:
        options = {"add_generation_prompt": True} if prompt else {}
        try:
            return self._tokenizer.apply_chat_template(messages, tokenize=False, **options, **variables)
        except TemplateSyntaxError as error:
            fault = f"{' '.join(str(error.message).split())}, in line {error.lineno} of the template"
            raise UserError(f"{self._place}: the chat template cannot be read: {fault}; correct it") from None
        except Exception as error:  # Templates raise their own errors for conversations that they reject.
            raise BadRow(f"the chat template rejects the conversation: {' '.join(str(error).split())}") from None


def _different_starts(prompt: str, rendered: list[str]) -> list[Note]:
    """Returns a remark if a conversation does not start with its prompt and the generation prompt."""
    if all(text.startswith(prompt) for text in rendered):
        return []
    rest = prompt[len(os.path.commonprefix([prompt, *rendered])) :]
    if len(rest) > _LONGEST_END:
        return [Note("the chat template writes conversations that do not start as their prompt", warning=True)]
    text = f"the chat template writes {rest!r} at the end of a prompt but not before an answer"
    # Some templates differ by a newline; a lost mark such as <think> changes what a model is given to answer.
    return [Note(f"{text}, so answers are not learned after it", warning=bool(rest.strip()))]


def _has_tools(variables: dict[str, Any], words: frozenset[str], rendered: str) -> bool:
    tools = variables.get("tools") or []
    functions = [tool.get("function", tool) if isinstance(tool, dict) else {} for tool in tools]
    names = [function.get("name") for function in functions if isinstance(function, dict)]
    return not tools or ("tools" in words and all(name in rendered for name in names if isinstance(name, str)))
