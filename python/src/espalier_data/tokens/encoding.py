"""Tokenizes texts that have their start in common, and tokenizes this start once."""

import json
import os
import re
from typing import Any

# Vocabularies have up to thousands of tokens for later use, which no text contains.
_SPARE = re.compile(r"unused|reserved|placeholder|extra_id")


class Encoder:
    """Encodes texts as the tokenizer does, without the tokens that it adds to a text.

    The tokenizers library first splits a text at added tokens such as `<|im_end|>`, and then tokenizes each part by
    itself. Therefore texts with a common start are cut after its last such token, and the start is encoded once.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._library = _library(tokenizer)
        self._cut = _cuts(self._library) if self._library is not None else None

    def __call__(self, texts: list[str]) -> list[list[int]]:
        if self._library is None:
            return self._tokenizer(texts, add_special_tokens=False, return_attention_mask=False)["input_ids"]
        position = self._common_end(texts) if self._cut else 0
        if position == 0:
            return self._encoded(texts)
        start, *rest = self._encoded([texts[0][:position], *(text[position:] for text in texts)])
        return [start + tokens for tokens in rest]

    def _encoded(self, texts: list[str]) -> list[list[int]]:
        return [encoding.ids for encoding in self._library.encode_batch_fast(texts, add_special_tokens=False)]

    def _common_end(self, texts: list[str]) -> int:
        """Returns the position after the last token of the common start at which all texts are split, or 0."""
        common = texts[0] if all(text.startswith(texts[0]) for text in texts) else os.path.commonprefix(texts)
        position = 0
        for match in self._cut.finditer(common):
            position = match.end()
        return position


def _library(tokenizer: Any) -> Any:
    """Returns the tokenizer of the tokenizers library, if transformers does nothing else than to call it."""
    from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

    kind = type(tokenizer)
    own = [getattr(kind, "__call__"), getattr(kind, "_encode_plus", None)]
    usual = [PreTrainedTokenizerBase.__call__, getattr(PreTrainedTokenizerFast, "_encode_plus", None)]
    library = getattr(tokenizer, "backend_tokenizer", None)
    if own != usual or not hasattr(library, "encode_batch_fast"):
        return None
    # A call also removes the limits and the padding that tokenizer.json may have.
    tokenizer("a", add_special_tokens=False)
    return library


def _cuts(library: Any) -> re.Pattern[str] | None:
    """Returns a pattern for the tokens at which every text is split, wherever they are; None if there are none."""
    tokens = list(library.get_added_tokens_decoder().values())
    before = library.pre_tokenizer
    # These look at the text before a token, or at its position in the whole text.
    depends = before is not None and _finds(json.loads(before.__getstate__()), "prepend_scheme", "first")
    if depends or library.encode_special_tokens or any(token.single_word for token in tokens):
        return None
    contents = [token.content for token in tokens]
    starts = {content[:count] for content in contents for count in range(1, len(content))}
    ends = {content[-count:] for content in contents for count in range(1, len(content))}
    safe = [
        token.content
        for token in tokens
        if not (token.normalized or token.lstrip or token.rstrip or _SPARE.search(token.content))
        # A longer token, or one that overlaps it, would take its place in some texts.
        and sum(token.content in content for content in contents) == 1
        and not any(
            token.content[:count] in ends or token.content[-count:] in starts for count in range(1, len(token.content))
        )
    ]
    return re.compile("|".join(map(re.escape, safe))) if safe else None


def _finds(value: Any, key: str, wanted: str) -> bool:
    """Returns whether an object inside of `value` has `wanted` at `key`."""
    if isinstance(value, dict):
        return value.get(key) == wanted or any(_finds(inner, key, wanted) for inner in value.values())
    return isinstance(value, list) and any(_finds(inner, key, wanted) for inner in value)
