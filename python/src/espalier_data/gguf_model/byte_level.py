"""Rebuilds a byte-level BPE tokenizer from the metadata of a GGUF file."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

from ..errors import UserError
from . import vocabulary
from .metadata import required

# Splitting of text before BPE, by the name in tokenizer.ggml.pre. The patterns are those of the models' tokenizer.json
# files.
_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_SPACES = r"\s*[\r\n]+|\s+(?!\S)|\s+"
_WORDS = _CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*|" + _SPACES
# Words begin with capitals; %s is a contraction at the end.
_CASED_WORDS = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+%s|"
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*%s|"
    r"%s| ?[^\s\p{L}\p{N}]+[\r\n/]*|" + _SPACES
)


class _Splitting(NamedTuple):
    """How text is split before BPE."""

    make: Callable[[], pre_tokenizers.PreTokenizer]
    #: Whether a word that is a token is not merged from its parts.
    ignores_merges: bool = False
    #: Whether llama.cpp adds the start token unless the file says otherwise.
    adds_start: bool = False


def _byte_level(use_regex: bool) -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=use_regex)


def _split(pattern: str) -> pre_tokenizers.PreTokenizer:
    words = pre_tokenizers.Split(Regex(pattern), behavior="isolated")
    return pre_tokenizers.Sequence([words, _byte_level(use_regex=False)])


def _digits() -> pre_tokenizers.PreTokenizer:
    """Splits each digit off before the words."""
    return pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), _byte_level(use_regex=True)])


_GPT2 = _Splitting(lambda: _byte_level(use_regex=True))
_SMOLLM = _Splitting(_digits)
_LLAMA3 = _Splitting(lambda: _split(_WORDS % r"\p{N}{1,3}"), ignores_merges=True, adds_start=True)
_QWEN2 = _Splitting(lambda: _split(_WORDS % r"\p{N}"))
_SPLITTINGS = {
    "gpt-2": _GPT2,
    "phi-2": _GPT2,
    "smollm": _SMOLLM,
    "starcoder": _SMOLLM,
    "refact": _SMOLLM,
    "llama-bpe": _LLAMA3,
    "llama3": _LLAMA3,
    "llama-v3": _LLAMA3,
    "falcon3": _LLAMA3,
    "pixtral": _LLAMA3,
    "dbrx": _LLAMA3._replace(ignores_merges=False, adds_start=False),
    "smaug-bpe": _LLAMA3._replace(ignores_merges=False, adds_start=False),
    "qwen2": _QWEN2,
    "deepseek-r1-qwen": _QWEN2,
    "megrez": _QWEN2,
    "tekken": _Splitting(lambda: _split(_CASED_WORDS % ("", "", r"\p{N}")), ignores_merges=True, adds_start=True),
    "gpt-4o": _Splitting(lambda: _split(_CASED_WORDS % (f"{_CONTRACTIONS}?", f"{_CONTRACTIONS}?", r"\p{N}{1,3}"))),
}


def build(metadata: Mapping[str, Any]) -> Tokenizer:
    """Builds the tokenizer described by a GGUF file's metadata."""
    splitting = _splitting(metadata)
    tokens, merges = vocabulary.tokens(metadata), _merges(metadata)
    model = models.BPE(
        vocab={token: index for index, token in enumerate(tokens)},
        merges=merges,
        ignore_merges=splitting.ignores_merges,
    )
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = splitting.make()
    tokenizer.decoder = decoders.ByteLevel()
    kinds = vocabulary.kinds(metadata, len(tokens))
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True, normalized=False) for token in _of_kind(tokens, kinds, vocabulary.CONTROL)]
    )
    tokenizer.add_tokens(
        [AddedToken(token, normalized=False) for token in _of_kind(tokens, kinds, vocabulary.USER_DEFINED)]
    )
    processor = vocabulary.post_processor(metadata, splitting.adds_start)
    if processor is not None:
        tokenizer.post_processor = processor
    return tokenizer


def notes(metadata: Mapping[str, Any]) -> list[str]:
    """Returns remarks about what the file lacks and what is not imported."""
    found = []
    if "tokenizer.ggml.pre" not in metadata:
        found.append("tokenizer.ggml.pre is missing; text is split as for gpt-2: compare with the original tokenizer")
    if metadata.get("tokenizer.ggml.add_space_prefix"):
        found.append("tokenizer.ggml.add_space_prefix is ignored, as llama.cpp does for gpt2 tokenizers")
    return found


def _of_kind(tokens: list[str], kinds: list[int], kind: int) -> list[str]:
    return [token for token, found in zip(tokens, kinds) if found == kind]


def _splitting(metadata: Mapping[str, Any]) -> _Splitting:
    name = metadata.get("tokenizer.ggml.pre", "gpt-2")
    if not isinstance(name, str) or name not in _SPLITTINGS:
        raise UserError(f"tokenizer.ggml.pre = {name!r} is not supported; supported: {', '.join(_SPLITTINGS)}")
    return _SPLITTINGS[name]


def _merges(metadata: Mapping[str, Any]) -> list[tuple[str, str]]:
    merges = required(metadata, "tokenizer.ggml.merges")
    if not isinstance(merges, list) or not all(isinstance(merge, str) and " " in merge for merge in merges):
        raise UserError("expected pairs of tokens in tokenizer.ggml.merges, each with a space between")
    return [tuple(merge.split(" ", 1)) for merge in merges]
