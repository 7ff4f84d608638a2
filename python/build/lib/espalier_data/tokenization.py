"""Turns preferences into token ids with Hugging Face's tokenizers and chat templates, by the rules of TRL."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import UserError
from .rows import BadRow, PreferenceRow


@dataclass(frozen=True)
class TokenizedRow:
    """A prompt and its responses as token ids; `boundary_mismatch` where the prompt's own tokens were not kept whole."""

    prompt: list[int]
    responses: list[list[int]]
    boundary_mismatch: bool


class PreferenceTokenizer:
    """The tokenizer of a model directory."""

    def __init__(self, model: Path):
        self._tokenizer = _load(model)
        file = model / "tokenizer.json"
        if not file.is_file():
            raise UserError(f"{model}: expected tokenizer.json, by which the data is tied to its tokenizer; found none")
        self.digest = hashlib.sha256(file.read_bytes()).hexdigest()
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
            encoded = self._tokenizer.apply_chat_template(messages, tokenize=True, return_dict=True, **options, **arguments)
        except Exception as error:  # Templates raise errors of their own for conversations they refuse.
            raise BadRow(f"the chat template refuses the conversation: {error}") from None
        return list(encoded["input_ids"])

    def _texts(self, row: PreferenceRow) -> tuple[list[int], list[list[int]]]:
        end = self._tokenizer.eos_token or ""
        responses = [text if text.endswith(end) else text + end for text in row.responses]
        encode = self._tokenizer
        return encode(row.prompt)["input_ids"], [encode(row.prompt + text)["input_ids"] for text in responses]


def _load(model: Path) -> Any:
    if not model.is_dir():
        raise UserError(f"{model}: expected a Hugging Face model directory, found none")
    # Only tokenizers are wanted: no advice about deep learning libraries, and never the network.
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(str(model))
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{model}: the tokenizer cannot be loaded: {str(error).splitlines()[0]}") from None


def _common_prefix(a: list[int], b: list[int]) -> int:
    count = 0
    for left, right in zip(a, b):
        if left != right:
            break
        count += 1
    return count
