"""Rebuilds a SentencePiece tokenizer, BPE with scores and byte fallback, from the metadata of a GGUF file."""

import math
from collections.abc import Mapping
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers

from ..errors import UserError
from . import vocabulary

_SPACE = "\u2581"
_BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
#: Special tokens of Phi-3 that keep the white space after them.
_PHI3_KEEPS = ("<unk>", "<s>", "<|endoftext|>")
#: Settings of other kinds of tokenizers, which llama.cpp does not use for this kind.
_UNUSED = ("merges", "precompiled_charsmap", "remove_extra_whitespaces")


def build(metadata: Mapping[str, Any]) -> Tokenizer:
    """Builds the tokenizer described by a GGUF file's metadata; it gives the tokens of llama.cpp."""
    tokens = vocabulary.tokens(metadata)
    kinds = vocabulary.kinds(metadata, len(tokens))
    ids = {token: index for index, token in enumerate(tokens)}
    _check_bytes(ids)
    unknown = tokens[vocabulary.token_id(metadata, "unknown")]
    merges = _merges(tokens, kinds, _scores(metadata, len(tokens)))
    tokenizer = Tokenizer(models.BPE(vocab=ids, merges=merges, unk_token=unknown, fuse_unk=True, byte_fallback=True))
    prefix = _has_prefix(metadata)
    tokenizer.normalizer = _normalizer(prefix)
    tokenizer.decoder = _decoder(prefix)
    _add_whole_tokens(tokenizer, tokens, kinds, strips=metadata.get("general.architecture") == "phi3")
    processor = vocabulary.post_processor(metadata, adds_start=True)
    if processor is not None:
        tokenizer.post_processor = processor
    return tokenizer


def notes(metadata: Mapping[str, Any]) -> list[str]:
    """Returns remarks about what the file lacks and what is not imported."""
    found = vocabulary.assumed_roles(metadata)
    ignored = [f"tokenizer.ggml.{name}" for name in _UNUSED if metadata.get(f"tokenizer.ggml.{name}")]
    if ignored:
        found.append(f"ignored, as llama.cpp does for llama tokenizers: {', '.join(ignored)}")
    kinds = vocabulary.kinds(metadata, len(metadata["tokenizer.ggml.tokens"]))
    scores = {score for score, kind in zip(metadata["tokenizer.ggml.scores"], kinds) if kind == vocabulary.NORMAL}
    if len(scores) == 1:
        found.append(
            "all scores in tokenizer.ggml.scores are equal; tokens are merged in the order of their ids: "
            "compare with the original tokenizer"
        )
    return found


def _check_bytes(ids: Mapping[str, int]) -> None:
    missing = [name for name in _BYTES if name not in ids]
    if missing:
        raise UserError(
            f"expected a token for each byte in tokenizer.ggml.tokens, found none for {len(missing)}, "
            f"the first is {missing[0]}"
        )


def _scores(metadata: Mapping[str, Any], count: int) -> list[float]:
    scores = vocabulary.numbers(metadata, "tokenizer.ggml.scores", count)
    if not all(isinstance(score, (int, float)) and math.isfinite(score) for score in scores):
        raise UserError("expected finite numbers in tokenizer.ggml.scores")
    return scores


def _merges(tokens: list[str], kinds: list[int], scores: list[float]) -> list[tuple[str, str]]:
    """Returns the pairs of tokens whose union is a token, in the order in which they are merged: by its score.

    Control and user-defined tokens are found in the text before it is merged, byte tokens stand for what no token
    covers: none of these is merged from parts.
    """
    pieces = {token for token, kind in zip(tokens, kinds) if kind == vocabulary.NORMAL}
    order = sorted((-score, index) for index, score in enumerate(scores) if kinds[index] == vocabulary.NORMAL)
    return [
        (token[:cut], token[cut:])
        for token in (tokens[index] for _, index in order)
        for cut in range(1, len(token))
        if token[:cut] in pieces and token[cut:] in pieces
    ]


def _has_prefix(metadata: Mapping[str, Any]) -> bool:
    """Returns whether a space is put before a text, and after special tokens; llama.cpp does unless told otherwise."""
    key = "tokenizer.ggml.add_space_prefix"
    prefix = metadata.get(key, True)
    if not isinstance(prefix, bool):
        raise UserError(f"expected true or false in {key}, found {prefix!r}")
    return prefix


def _normalizer(prefix: bool) -> normalizers.Normalizer:
    spaces = normalizers.Replace(" ", _SPACE)
    return normalizers.Sequence([normalizers.Prepend(_SPACE), spaces]) if prefix else spaces


def _decoder(prefix: bool) -> decoders.Decoder:
    steps = [decoders.Replace(_SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    return decoders.Sequence([*steps, decoders.Strip(" ", 1, 0)] if prefix else steps)


def _add_whole_tokens(tokenizer: Tokenizer, tokens: list[str], kinds: list[int], strips: bool) -> None:
    """Adds the tokens that are found in the text before anything else, with the white space after them in Phi-3."""
    special, others = [], []
    for token, kind in zip(tokens, kinds):
        if kind in (vocabulary.CONTROL, vocabulary.UNKNOWN, vocabulary.USER_DEFINED):
            strip = strips and token not in _PHI3_KEEPS
            is_special = kind != vocabulary.USER_DEFINED
            added = AddedToken(token, special=is_special, normalized=False, rstrip=strip)
            (special if is_special else others).append(added)
    tokenizer.add_special_tokens(special)
    tokenizer.add_tokens(others)
