"""The tokens of a GGUF file, their kinds and roles, and what is added to texts."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from tokenizers import processors

from ..errors import UserError
from .metadata import required

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
#: The ids of llama.cpp for SentencePiece tokenizers, where a file lacks them.
_SENTENCEPIECE_IDS = {"unknown": 0, "bos": 1, "eos": 2}
_ROLES = {"bos_token": "bos", "eos_token": "eos", "unk_token": "unknown", "pad_token": "padding"}


def is_sentencepiece(metadata: Mapping[str, Any]) -> bool:
    """Returns whether the tokenizer is one of SentencePiece with scores."""
    return metadata.get("tokenizer.ggml.model") == "llama"


def tokens(metadata: Mapping[str, Any]) -> list[str]:
    """Returns the tokens by their ids, after checking that they differ."""
    found = required(metadata, "tokenizer.ggml.tokens")
    if not isinstance(found, list) or not found or not all(isinstance(token, str) for token in found):
        raise UserError("expected a list of text in tokenizer.ggml.tokens")
    if len(set(found)) < len(found):
        [(token, count)] = Counter(found).most_common(1)
        raise UserError(f"tokenizer.ggml.tokens has the token {token!r} {count} times, so ids would be lost")
    return found


def kinds(metadata: Mapping[str, Any], count: int) -> list[int]:
    """Returns the kind of each token."""
    return numbers(metadata, "tokenizer.ggml.token_type", count, [NORMAL] * count)


def numbers(metadata: Mapping[str, Any], key: str, count: int, default: list[Any] | None = None) -> list[Any]:
    """Returns a list with one number for each token."""
    found = required(metadata, key) if default is None else metadata.get(key, default)
    if not isinstance(found, list) or len(found) != count:
        length = len(found) if isinstance(found, list) else 0
        raise UserError(f"{key} has {length} entries for {count} tokens")
    return found


def token_id(metadata: Mapping[str, Any], name: str) -> int | None:
    """Returns the id of a special token, if it has one, after checking that it is in the vocabulary."""
    key = f"tokenizer.ggml.{name}_token_id"
    size = len(required(metadata, "tokenizer.ggml.tokens"))
    default = _SENTENCEPIECE_IDS.get(name) if is_sentencepiece(metadata) else None
    index = metadata.get(key, default)
    if index is None:
        return None
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < size:
        raise UserError(f"{key} = {index!r} is not one of the {size} tokens")
    return index


def special_tokens(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Returns the special tokens by their Hugging Face names."""
    found = metadata["tokenizer.ggml.tokens"]
    ids = {role: token_id(metadata, name) for role, name in _ROLES.items()}
    return {role: found[index] for role, index in ids.items() if index is not None}


def assumed_roles(metadata: Mapping[str, Any]) -> list[str]:
    """Returns remarks about special tokens that a file lacks and llama.cpp assumes."""
    if not is_sentencepiece(metadata):
        return []
    missing = [name for name in _SENTENCEPIECE_IDS if f"tokenizer.ggml.{name}_token_id" not in metadata]
    return [
        f"tokenizer.ggml.{name}_token_id is missing; token {token_id(metadata, name)} is used, as in llama.cpp"
        for name in missing
    ]


def chat_template(metadata: Mapping[str, Any]) -> str | None:
    """Returns the chat template, if there is one."""
    template = metadata.get("tokenizer.chat_template")
    if not isinstance(template, str | None):
        raise UserError(f"expected text in tokenizer.chat_template, found {type(template).__name__}")
    return template


def post_processor(metadata: Mapping[str, Any], adds_start: bool) -> processors.PostProcessor | None:
    """Adds the start token before each text and the end token after it, if the file or `adds_start` asks for them."""
    start, end = _added_token(metadata, "bos", adds_start), _added_token(metadata, "eos", False)
    if start is None and end is None:
        return None
    names = tokens(metadata)
    first, last = ["start"] * (start is not None), ["end"] * (end is not None)
    return processors.TemplateProcessing(
        single=[*first, "$A", *last],
        pair=[*first, "$A", *last, *(f"{name}:1" for name in first), "$B:1", *(f"{name}:1" for name in last)],
        special_tokens=[
            {"id": name, "ids": [index], "tokens": [names[index]]}
            for name, index in (("start", start), ("end", end))
            if index is not None
        ],
    )


def _added_token(metadata: Mapping[str, Any], name: str, default: bool) -> int | None:
    """Returns the id of the token that is added to every text, if the file or llama.cpp's default asks for one."""
    key = f"tokenizer.ggml.add_{name}_token"
    wanted, index = metadata.get(key, default), token_id(metadata, name)
    if wanted and index is None and key in metadata:
        raise UserError(f"{key} is true, but tokenizer.ggml.{name}_token_id is missing")
    return index if wanted else None
