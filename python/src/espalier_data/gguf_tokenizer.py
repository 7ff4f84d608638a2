"""Rebuilds a byte-level BPE tokenizer from the metadata of a GGUF file."""

from collections import Counter
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors

from .errors import UserError

# Splitting of text before BPE, by the name in tokenizer.ggml.pre. The patterns are those of the models' tokenizer.json
# files.
_WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_CONTROL, _USER_DEFINED = 3, 4


def _byte_level(use_regex: bool) -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=use_regex)


def _split(digits: str) -> pre_tokenizers.PreTokenizer:
    words = pre_tokenizers.Split(Regex(_WORDS % digits), behavior="isolated")
    return pre_tokenizers.Sequence([words, _byte_level(use_regex=False)])


#: Pre-tokenizers for which llama.cpp adds the start token unless the file says otherwise.
_WITH_START = ("llama-bpe",)
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
    name = _pre_tokenizer(metadata)
    tokens, merges = _tokens(metadata), _merges(metadata)
    vocabulary = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, ignore_merges=name == "llama-bpe"))
    tokenizer.pre_tokenizer = _PRE_TOKENIZERS[name]()
    tokenizer.decoder = decoders.ByteLevel()
    kinds = _kinds(metadata, tokens)
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True, normalized=False) for token, kind in zip(tokens, kinds) if kind == _CONTROL]
    )
    tokenizer.add_tokens(
        [AddedToken(token, normalized=False) for token, kind in zip(tokens, kinds) if kind == _USER_DEFINED]
    )
    start, end = _added_token(metadata, "bos", name in _WITH_START), _added_token(metadata, "eos", False)
    if start is not None or end is not None:
        tokenizer.post_processor = _post_processor(start, end, tokens)
    return tokenizer


def special_tokens(metadata: dict[str, Any]) -> dict[str, str]:
    """Returns the special tokens by their Hugging Face names."""
    tokens = metadata["tokenizer.ggml.tokens"]
    roles = {"bos_token": "bos", "eos_token": "eos", "unk_token": "unknown", "pad_token": "padding"}
    ids = {role: token_id(metadata, name) for role, name in roles.items()}
    return {role: tokens[index] for role, index in ids.items() if index is not None}


def chat_template(metadata: dict[str, Any]) -> str | None:
    """Returns the chat template, if there is one."""
    template = metadata.get("tokenizer.chat_template")
    if not isinstance(template, str | None):
        raise UserError(f"expected text in tokenizer.chat_template, found {type(template).__name__}")
    return template


def token_id(metadata: dict[str, Any], name: str) -> int | None:
    """Returns the id of a special token, if it has one, after checking that it is in the vocabulary."""
    key = f"tokenizer.ggml.{name}_token_id"
    index, size = metadata.get(key), len(required(metadata, "tokenizer.ggml.tokens"))
    if index is None:
        return None
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < size:
        raise UserError(f"{key} = {index!r} is not one of the {size} tokens")
    return index


def notes(metadata: dict[str, Any]) -> list[str]:
    """Returns remarks about what the file lacks and what is not imported."""
    found = []
    if not metadata.get("tokenizer.chat_template"):
        found.append("no chat template; for data with messages, add chat_template.jinja to the directory")
    others = [key for key in metadata if key.startswith("tokenizer.chat_template.")]
    if others:
        found.append(f"only the default chat template is imported, not {', '.join(others)}")
    if "tokenizer.ggml.pre" not in metadata:
        found.append("tokenizer.ggml.pre is missing; text is split as for gpt-2: compare with the original tokenizer")
    if metadata.get("tokenizer.ggml.add_space_prefix"):
        found.append("tokenizer.ggml.add_space_prefix is ignored, as llama.cpp does for gpt2 tokenizers")
    return found


def _pre_tokenizer(metadata: dict[str, Any]) -> str:
    name = metadata.get("tokenizer.ggml.pre", "gpt-2")
    if not isinstance(name, str) or name not in _PRE_TOKENIZERS:
        raise UserError(f"tokenizer.ggml.pre = {name!r} is not supported; supported: {', '.join(_PRE_TOKENIZERS)}")
    return name


def _tokens(metadata: dict[str, Any]) -> list[str]:
    tokens = required(metadata, "tokenizer.ggml.tokens")
    if not isinstance(tokens, list) or not tokens or not all(isinstance(token, str) for token in tokens):
        raise UserError("expected a list of text in tokenizer.ggml.tokens")
    if len(set(tokens)) < len(tokens):
        [(token, count)] = Counter(tokens).most_common(1)
        raise UserError(f"tokenizer.ggml.tokens has the token {token!r} {count} times, so ids would be lost")
    return tokens


def _merges(metadata: dict[str, Any]) -> list[tuple[str, str]]:
    merges = required(metadata, "tokenizer.ggml.merges")
    if not isinstance(merges, list) or not all(isinstance(merge, str) and " " in merge for merge in merges):
        raise UserError("expected pairs of tokens in tokenizer.ggml.merges, each with a space between")
    return [tuple(merge.split(" ", 1)) for merge in merges]


def _kinds(metadata: dict[str, Any], tokens: list[str]) -> list[int]:
    kinds = metadata.get("tokenizer.ggml.token_type", [1] * len(tokens))
    if not isinstance(kinds, list) or len(kinds) != len(tokens):
        count = len(kinds) if isinstance(kinds, list) else 0
        raise UserError(f"tokenizer.ggml.token_type has {count} entries for {len(tokens)} tokens")
    return kinds


def _added_token(metadata: dict[str, Any], name: str, default: bool) -> int | None:
    """Returns the id of the token that is added to every text, if the file or llama.cpp's default asks for one."""
    key = f"tokenizer.ggml.add_{name}_token"
    wanted, index = metadata.get(key, default), token_id(metadata, name)
    if wanted and index is None and key in metadata:
        raise UserError(f"{key} is true, but tokenizer.ggml.{name}_token_id is missing")
    return index if wanted else None


def _post_processor(start: int | None, end: int | None, tokens: list[str]) -> processors.PostProcessor:
    """Puts the start token before each text and the end token after it."""
    ids = {"start": start, "end": end}
    first = [name for name in ("start",) if ids[name] is not None]
    last = [name for name in ("end",) if ids[name] is not None]
    return processors.TemplateProcessing(
        single=[*first, "$A", *last],
        pair=[*first, "$A", *last, *(f"{name}:1" for name in first), "$B:1", *(f"{name}:1" for name in last)],
        special_tokens=[
            {"id": name, "ids": [index], "tokens": [tokens[index]]} for name, index in ids.items() if index is not None
        ],
    )
