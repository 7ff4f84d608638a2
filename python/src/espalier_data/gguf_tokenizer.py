"""Rebuilds a byte-level BPE tokenizer from the metadata of a GGUF file."""

from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

from .errors import UserError

# Splitting of text before BPE, by the name in tokenizer.ggml.pre. The patterns are those of the models' tokenizer.json
# files.
_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_CONTROL, _USER_DEFINED = 3, 4


def _byte_level(use_regex: bool) -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=use_regex)


def _split(digits: str) -> pre_tokenizers.PreTokenizer:
    words = pre_tokenizers.Split(Regex(_WORDS % digits), behavior="isolated")
    return pre_tokenizers.Sequence([words, _byte_level(use_regex=False)])


_PRE_TOKENIZERS = {
    "gpt-2": lambda: _byte_level(use_regex=True),
    # Each digit is split off before the words are.
    "smollm": lambda: pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), _byte_level(use_regex=True)]
    ),
    "llama-bpe": lambda: _split(r"\p{N}{1,3}"),
    "qwen2": lambda: _split(r"\p{N}"),
}


def required(metadata: dict[str, Any], key: str) -> Any:
    """Returns the value of a mandatory key."""
    if key not in metadata:
        raise UserError(f"expected metadata {key}, found none")
    return metadata[key]


def build(metadata: dict[str, Any]) -> Tokenizer:
    """Builds the tokenizer described by a GGUF file's metadata."""
    kind = metadata.get("tokenizer.ggml.model")
    if kind != "gpt2":
        raise UserError(f"tokenizer.ggml.model = {kind!r} is not supported; supported: gpt2 (byte-level BPE)")
    name = metadata.get("tokenizer.ggml.pre", "gpt-2")
    if name not in _PRE_TOKENIZERS:
        raise UserError(f"tokenizer.ggml.pre = {name!r} is not supported; supported: {', '.join(_PRE_TOKENIZERS)}")
    tokens = required(metadata, "tokenizer.ggml.tokens")
    merges = [tuple(merge.split(" ", 1)) for merge in required(metadata, "tokenizer.ggml.merges")]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, ignore_merges=name == "llama-bpe"))
    tokenizer.pre_tokenizer = _PRE_TOKENIZERS[name]()
    tokenizer.decoder = decoders.ByteLevel()
    kinds = metadata.get("tokenizer.ggml.token_type", [1] * len(tokens))
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True, normalized=False) for token, kind in zip(tokens, kinds) if kind == _CONTROL]
    )
    tokenizer.add_tokens(
        [AddedToken(token, normalized=False) for token, kind in zip(tokens, kinds) if kind == _USER_DEFINED]
    )
    return tokenizer


def special_tokens(metadata: dict[str, Any]) -> dict[str, str]:
    """Returns the special tokens by their Hugging Face names."""
    tokens = metadata["tokenizer.ggml.tokens"]
    roles = {"bos_token": "bos", "eos_token": "eos", "unk_token": "unknown", "pad_token": "padding"}
    ids = {role: metadata.get(f"tokenizer.ggml.{name}_token_id") for role, name in roles.items()}
    return {role: tokens[index] for role, index in ids.items() if index is not None}
