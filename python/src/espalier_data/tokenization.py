"""Converts preferences to token ids with Hugging Face's tokenizers and chat templates, following TRL's rules."""

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
    """A prompt and its responses as token ids; `boundary_mismatch` if the prompt lost tokens to the responses."""

    prompt: list[int]
    responses: list[list[int]]
    #: 0 is best; ascending, equal for ties.
    ranks: list[int]
    #: The number of leading tokens of each response that are context and do not count.
    skips: list[int]
    boundary_mismatch: bool


class PreferenceTokenizer:
    """Tokenizes rows with the tokenizer of a model directory.

    `template_arguments` are variables for the chat template; those of a row take precedence. With `last_turn_only`,
    only the last turn of a response counts.
    """

    def __init__(
        self, model: Path, template_arguments: dict[str, Any] | None = None, last_turn_only: bool = False
    ) -> None:
        if not model.is_dir():
            raise UserError(f"{model}: expected a Hugging Face model directory, found none")
        file = model / "tokenizer.json"
        if not file.is_file():
            raise UserError(
                f"{model}: expected tokenizer.json, whose digest links the data to its tokenizer; found none"
            )
        self._tokenizer = _load(model)
        self._template_arguments = template_arguments or {}
        self._last_turn_only = last_turn_only
        self.digest = hashlib.sha256(file.read_bytes()).hexdigest()
        self._start = _start(self._tokenizer)
        template = self._tokenizer.chat_template or ""
        self.template_digest = hashlib.sha256(str(template).encode()).hexdigest()

    def __call__(self, row: PreferenceRow) -> TokenizedRow:
        """Returns the prompt's tokens, and for each response those that follow them in prompt and response together."""
        if row.is_conversational:
            if not self._tokenizer.chat_template:
                raise BadRow("found messages, but the tokenizer has no chat template; provide the data as text")
            if self._last_turn_only:
                _check_last_turns(row)
                row = row.with_shared_turns_in_prompt()
            prompt, sequences = self._conversations(row)
        else:
            prompt, sequences = self._texts(row)
        # If the prompt's last tokens merge with a response, the boundary moves to the longest common prefix.
        boundary = min(_common_prefix(prompt, sequence) for sequence in sequences)
        skips, mismatch = self._skips(row, sequences, boundary)
        return TokenizedRow(
            prompt[:boundary],
            [sequence[boundary:] for sequence in sequences],
            row.ranks,
            skips,
            mismatch or boundary < len(prompt),
        )

    def _conversations(self, row: PreferenceRow) -> tuple[list[int], list[list[int]]]:
        prompt = self._template(row.prompt, row, add_generation_prompt=True)
        return prompt, [self._template(row.prompt + response, row) for response in row.responses]

    def _skips(self, row: PreferenceRow, sequences: list[list[int]], boundary: int) -> tuple[list[int], bool]:
        """Returns the number of tokens in each response's earlier turns, and whether any boundary had to move."""
        if not self._last_turn_only or not row.is_conversational or all(len(turns) == 1 for turns in row.responses):
            return [0] * len(sequences), False
        contexts = [self._template(row.prompt + turns[:-1], row, add_generation_prompt=True) for turns in row.responses]
        ends = [_common_prefix(context, sequence) for context, sequence in zip(contexts, sequences)]
        mismatch = any(end < len(context) for end, context in zip(ends, contexts))
        return [max(0, end - boundary) for end in ends], mismatch

    def _template(self, messages: Messages, row: PreferenceRow, **options: Any) -> list[int]:
        arguments = {**self._template_arguments, **row.template_arguments}
        try:
            encoded = self._tokenizer.apply_chat_template(
                messages, tokenize=True, return_dict=True, **options, **arguments
            )
        except Exception as error:  # Templates raise their own errors for conversations that they reject.
            raise BadRow(f"the chat template rejects the conversation: {' '.join(str(error).split())}") from None
        return list(encoded["input_ids"])

    def _texts(self, row: PreferenceRow) -> tuple[list[int], list[list[int]]]:
        end = self._tokenizer.eos_token or ""
        responses = [text if text.endswith(end) else text + end for text in row.responses]
        return self._encode(row.prompt), [self._encode(row.prompt + text) for text in responses]

    def _encode(self, text: str) -> list[int]:
        """Returns the tokens of `text`, preceded exactly once by those that the tokenizer puts before every text."""
        own = list(self._tokenizer(text, add_special_tokens=False)["input_ids"])
        return own if own[: len(self._start)] == self._start else self._start + own


def _load(model: Path) -> Any:
    from transformers import AutoTokenizer

    try:
        # By default transformers asks on the terminal whether to run code from the model directory.
        return AutoTokenizer.from_pretrained(str(model), trust_remote_code=False)
    except Exception as error:  # The tokenizers library raises bare exceptions for files it cannot read.
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise UserError(f"{model}: the tokenizer cannot be loaded ({reason}); download its files again") from None


def _check_last_turns(row: PreferenceRow) -> None:
    for response in row.responses:
        role = response[-1].get("role")
        if role != "assistant":
            raise BadRow(f"with --last-turn-only a response must end with a message of the assistant, found {role!r}")


def _start(tokenizer: Any) -> list[int]:
    """Returns the tokens, usually none or BOS, that the tokenizer puts before a text; those after it are not used."""
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
