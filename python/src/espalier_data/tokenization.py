"""Turns preferences into token ids with Hugging Face's tokenizers and chat templates, by the rules of TRL."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .answers import BadRow
from .errors import UserError
from .rows import Messages, PreferenceRow


@dataclass(frozen=True)
class TokenizedRow:
    """A prompt and its responses as token ids; `boundary_mismatch` where the prompt's own tokens were cut."""

    prompt: list[int]
    responses: list[list[int]]
    #: 0 is the best response; ascending, equal where responses tie.
    ranks: list[int]
    #: How many leading tokens of each response are context alone, and not counted.
    skips: list[int]
    boundary_mismatch: bool


class PreferenceTokenizer:
    """The tokenizer of a model directory.

    `template_arguments` go to the chat template, after those of a row. With `last_turn_only` no turn of a response
    counts but the last.
    """

    def __init__(
        self, model: Path, template_arguments: dict[str, Any] | None = None, last_turn_only: bool = False
    ) -> None:
        if not model.is_dir():
            raise UserError(f"{model}: expected a Hugging Face model directory, found none")
        file = model / "tokenizer.json"
        if not file.is_file():
            raise UserError(f"{model}: expected tokenizer.json, by which the data is tied to its tokenizer; found none")
        self._tokenizer = _load(model)
        self._template_arguments = template_arguments or {}
        self._last_turn_only = last_turn_only
        self.digest = hashlib.sha256(file.read_bytes()).hexdigest()
        self._start = _start(self._tokenizer)
        template = self._tokenizer.chat_template or ""
        self.template_digest = hashlib.sha256(str(template).encode()).hexdigest()

    def __call__(self, row: PreferenceRow) -> TokenizedRow:
        """The prompt's tokens alone, and each response's as what follows them in the tokens of both together."""
        if row.is_conversational:
            if not self._tokenizer.chat_template:
                raise BadRow("messages, but the tokenizer has no chat template; give the data as text")
            if self._last_turn_only:
                _check_last_turns(row)
                row = row.with_shared_turns_in_prompt()
            prompt, wholes = self._conversations(row)
        else:
            prompt, wholes = self._texts(row)
        # Where the prompt's last tokens change once a response follows, the cut moves to where all still agree.
        cut = min(_common_prefix(prompt, whole) for whole in wholes)
        skips, mismatch = self._skips(row, wholes, cut)
        return TokenizedRow(
            prompt[:cut], [whole[cut:] for whole in wholes], row.ranks, skips, mismatch or cut < len(prompt)
        )

    def _conversations(self, row: PreferenceRow) -> tuple[list[int], list[list[int]]]:
        prompt = self._template(row.prompt, row, add_generation_prompt=True)
        return prompt, [self._template(row.prompt + response, row) for response in row.responses]

    def _skips(self, row: PreferenceRow, wholes: list[list[int]], cut: int) -> tuple[list[int], bool]:
        """The tokens of each response's earlier turns, where only the last counts, and whether any was cut short."""
        if not self._last_turn_only or not row.is_conversational or all(len(turns) == 1 for turns in row.responses):
            return [0] * len(wholes), False
        contexts = [self._template(row.prompt + turns[:-1], row, add_generation_prompt=True) for turns in row.responses]
        ends = [_common_prefix(context, whole) for context, whole in zip(contexts, wholes)]
        mismatch = any(end < len(context) for end, context in zip(ends, contexts))
        return [max(0, end - cut) for end in ends], mismatch

    def _template(self, messages: Messages, row: PreferenceRow, **options: Any) -> list[int]:
        arguments = {**self._template_arguments, **row.template_arguments}
        try:
            encoded = self._tokenizer.apply_chat_template(
                messages, tokenize=True, return_dict=True, **options, **arguments
            )
        except Exception as error:  # Templates raise errors of their own for conversations they refuse.
            raise BadRow(f"the chat template refuses the conversation: {' '.join(str(error).split())}") from None
        return list(encoded["input_ids"])

    def _texts(self, row: PreferenceRow) -> tuple[list[int], list[list[int]]]:
        end = self._tokenizer.eos_token or ""
        responses = [text if text.endswith(end) else text + end for text in row.responses]
        return self._encode(row.prompt), [self._encode(row.prompt + text) for text in responses]

    def _encode(self, text: str) -> list[int]:
        """The tokens of `text` after those that the tokenizer begins every text with, which come once."""
        own = list(self._tokenizer(text, add_special_tokens=False)["input_ids"])
        return own if own[: len(self._start)] == self._start else self._start + own


def _load(model: Path) -> Any:
    from transformers import AutoTokenizer

    try:
        # Else it would ask at the terminal whether to run what lies beside the tokenizer.
        return AutoTokenizer.from_pretrained(str(model), trust_remote_code=False)
    except Exception as error:  # The tokenizers library raises bare exceptions for files it cannot read.
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise UserError(f"{model}: the tokenizer cannot be loaded ({reason}); fetch its files again") from None


def _check_last_turns(row: PreferenceRow) -> None:
    for response in row.responses:
        role = response[-1].get("role")
        if role != "assistant":
            raise BadRow(f"with --last-turn-only a response ends with the assistant's message, found {role!r}")


def _start(tokenizer: Any) -> list[int]:
    """The tokens, mostly none or BOS, that the tokenizer puts before a text. What it puts behind is not wanted."""
    whole = list(tokenizer("a")["input_ids"])
    own = list(tokenizer("a", add_special_tokens=False)["input_ids"])
    return next((whole[:n] for n in range(len(whole)) if whole[n : n + len(own)] == own), [])


def _common_prefix(a: list[int], b: list[int]) -> int:
    count = 0
    for left, right in zip(a, b):
        if left != right:
            break
        count += 1
    return count
