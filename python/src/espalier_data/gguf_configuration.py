"""Translates the metadata of a GGUF file to the configuration of a Llama model."""

import math
from typing import Any

import numpy as np

from .errors import UserError
from .gguf_tokenizer import required, token_id

#: Settings of llama.cpp that would change what the model computes, and the values with which they do not.
_NEUTRAL = {
    "expert_count": (0,),
    "expert_used_count": (0,),
    "attention.scale": (0.0,),
    "attention.sliding_window": (0,),
    "attention.clamp_kqv": (0.0,),
    "attention.max_alibi_bias": (0.0,),
    "attention.causal": (True,),
    "attn_logit_softcapping": (0.0,),
    "final_logit_softcapping": (0.0,),
    "logit_scale": (0.0, 1.0),
    "residual_scale": (0.0, 1.0),
    "embedding_scale": (0.0, 1.0),
    "rope.scale_linear": (0.0, 1.0),
}


def configuration(metadata: dict[str, Any], ties_embeddings: bool) -> dict[str, Any]:
    """Returns the content of `config.json` of a Llama model."""
    architecture = metadata.get("general.architecture")
    if architecture != "llama":
        raise UserError(f"general.architecture = {architecture!r} is not supported; supported: llama")
    scaling = metadata.get("llama.rope.scaling.type")
    if scaling not in (None, "none"):
        raise UserError(f"llama.rope.scaling.type = {scaling!r} is not supported")
    heads, width = _count(metadata, "attention.head_count"), _count(metadata, "embedding_length")
    head = _count(metadata, "attention.key_length", width // heads)
    _check_neutral(metadata, head)
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": len(required(metadata, "tokenizer.ggml.tokens")),
        "hidden_size": width,
        "intermediate_size": _count(metadata, "feed_forward_length"),
        "num_hidden_layers": _count(metadata, "block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": _count(metadata, "attention.head_count_kv", heads),
        "head_dim": head,
        "max_position_embeddings": _count(metadata, "context_length"),
        # Stored as float32: the shortest decimal number with this float32 value is the original one.
        "rms_norm_eps": float(str(np.float32(_positive(metadata, "attention.layer_norm_rms_epsilon")))),
        "rope_theta": _positive(metadata, "rope.freq_base", 10000.0),
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": ties_embeddings,
        "bos_token_id": token_id(metadata, "bos"),
        "eos_token_id": token_id(metadata, "eos"),
        "dtype": "float32",
    }


def _count(metadata: dict[str, Any], name: str, default: int | None = None) -> int:
    """Returns a positive whole number; a list, one number for each layer, must have equal elements."""
    key = f"llama.{name}"
    value = required(metadata, key) if default is None else metadata.get(key, default)
    if isinstance(value, list) and value and all(element == value[0] for element in value):
        value = value[0]
    if isinstance(value, list):
        raise UserError(f"{key} differs between layers, which is not supported: {value[:8]}")
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UserError(f"expected a positive whole number in {key}, found {value!r}")
    return value


def _positive(metadata: dict[str, Any], name: str, default: float | None = None) -> float:
    key = f"llama.{name}"
    value = required(metadata, key) if default is None else metadata.get(key, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
        raise UserError(f"expected a positive number in {key}, found {value!r}")
    return value


def _check_neutral(metadata: dict[str, Any], head: int) -> None:
    """Raises an error for settings that a Llama model of Hugging Face does not have."""
    neutral = {**_NEUTRAL, "rope.dimension_count": (head,), "attention.value_length": (head,)}
    if "llama.rope.scaling.type" not in metadata:
        # llama.cpp then scales linearly.
        neutral["rope.scaling.factor"] = (0.0, 1.0)
    for name, values in neutral.items():
        value = metadata.get(f"llama.{name}", values[0])
        if value not in values:
            raise UserError(f"llama.{name} = {value!r} is not supported; supported: {values[0]!r}")
