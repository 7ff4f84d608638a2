"""Turns preferences into token ids with Hugging Face's tokenizers and chat templates, by the rules of TRL."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import UserError
from .rows import BadRow, PreferenceRow


@dataclass(frozen=True)
class TokenizedRow:
    """A prompt and its responses as token ids; `boundary_mismatch` where the prompt's own tokens were cut."""

    prompt: list[int]
    responses: list[list[int]]
    boundary_mismatch: bool


class PreferenceTokenizer:
    """The tokenizer of a model directory."""

    def __init__(self, model: Path):
        if not model.is_dir():
            raise UserError(f"{model}: expected a Hugging Face model directory, found none")
        file = model / "tokenizer.json"
        if not file.is_file():
            raise UserError(f"{model}: expected tokenizer.json, by which the data is tied to its tokenizer; found none")
        self._tokenizer = _load(model)
        self.digest = hashlib.sha256(file.read_bytes()).hexdigest()
        self._start = _start(self._tokenizer)
        template = self._tokenizer.chat_template or ""
        self.template_digest = hashlib.sha256(str(template).encode()).hexdigest()

    def __call__(self, row: PreferenceRow) -> TokenizedRow:
        """The prompt's tokens alone, and each response's as what follows them in the tokens of both together."""
        if row.is_conversational:
            prompt, wholes = self._conversations(row)
        else:
            prompt, wholes = self._texts(row)
        # Where the prompt's last tokens change once a response follows, the cut moves to where all still agree.
        cut = min(_common_prefix(prompt, whole) for whole in wholes)
        return TokenizedRow(prompt[:cut], [whole[cut:] for whole in wholes], cut < len(prompt))

    def _conversations(self, row: PreferenceRow) -> tuple[list[int], list[list[int]]]:
        if not self._tokenizer.chat_template:
            raise BadRow("messages, but the tokenizer has no chat template; give the data as text")
        prompt = self._template(row.prompt, row.template_arguments, add_generation_prompt=True)
        wholes = [self._template(row.prompt + response, row.template_arguments) for response in row.responses]
        return prompt, wholes

    def _template(self, messages: list[dict[str, Any]], arguments: dict[str, Any], **options: Any) -> list[int]:
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
        return AutoTokenizer.from_pretrained(str(model))
    except Exception as error:  # The tokenizers library raises bare exceptions for files it cannot read.
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise UserError(f"{model}: the tokenizer cannot be loaded ({reason}); fetch its files again") from None


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
