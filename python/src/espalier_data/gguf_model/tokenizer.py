"""Rebuilds the tokenizer of a GGUF file."""

from collections.abc import Mapping
from typing import Any

from ..errors import UserError
from . import byte_level, sentencepiece, vocabulary
from .metadata import required

_KINDS = {"gpt2": byte_level, "llama": sentencepiece}
#: Settings that the import uses, and settings for generation and for filling gaps in text.
_KNOWN = frozenset(
    "model pre tokens token_type scores merges add_bos_token add_eos_token add_space_prefix bos_token_id eos_token_id "
    "unknown_token_id padding_token_id eot_token_id eom_token_id seperator_token_id mask_token_id cls_token_id "
    "prefix_token_id suffix_token_id middle_token_id fim_pre_token_id fim_suf_token_id fim_mid_token_id "
    "fim_pad_token_id fim_rep_token_id fim_sep_token_id token_type_count suppress_tokens "
    "precompiled_charsmap remove_extra_whitespaces".split()
)


def build(metadata: Mapping[str, Any], length: int) -> Any:
    """Builds the tokenizer of a model with contexts of `length` tokens."""
    from transformers import PreTrainedTokenizerFast

    kind = required(metadata, "tokenizer.ggml.model")
    if kind not in _KINDS:
        supported = "gpt2 (byte-level BPE), llama (SentencePiece)"
        raise UserError(f"tokenizer.ggml.model = {kind!r} is not supported; supported: {supported}")
    built = _KINDS[kind].build(metadata)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=built,
        model_max_length=length,
        clean_up_tokenization_spaces=False,
        **vocabulary.special_tokens(metadata),
    )
    tokenizer.chat_template = vocabulary.chat_template(metadata)
    return tokenizer


def notes(metadata: Mapping[str, Any]) -> list[str]:
    """Returns remarks about what the file lacks and what is not imported."""
    found = []
    if not metadata.get("tokenizer.chat_template"):
        found.append("no chat template; for data with messages, add chat_template.jinja to the directory")
    others = [key for key in metadata if key.startswith("tokenizer.chat_template.")]
    if others:
        found.append(f"only the default chat template is imported, not {', '.join(others)}")
    found += _KINDS[metadata["tokenizer.ggml.model"]].notes(metadata)
    begin = "tokenizer.ggml."
    unknown = [key for key in metadata if key.startswith(begin) and key.removeprefix(begin) not in _KNOWN]
    unknown = [key for key in unknown if metadata[key] or key != "tokenizer.ggml.add_sep_token"]
    return [*found, f"ignored, since their meaning is unknown: {', '.join(unknown)}"] if unknown else found
