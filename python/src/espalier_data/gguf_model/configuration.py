"""Translates the metadata of a GGUF file to the configuration of a Hugging Face model."""

import math
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from ..errors import UserError
from . import rotary
from .architectures import Architecture
from .metadata import ModelMetadata, required
from .vocabulary import token_id

#: Settings of llama.cpp that would change what the model computes, and the values with which they do not.
_NEUTRAL = {
    "expert_count": (0,),
    "expert_used_count": (0,),
    "nextn_predict_layers": (0,),
    "pooling_type": (0,),
    "use_parallel_residual": (False,),
    "attention.scale": (0.0,),
    "attention.output_scale": (0.0, 1.0),
    "attention.temperature_scale": (0.0,),
    "attention.clamp_kqv": (0.0,),
    "attention.max_alibi_bias": (0.0,),
    "attention.causal": (True,),
    "attention.shared_kv_layers": (0,),
    "attn_logit_softcapping": (0.0,),
    "final_logit_softcapping": (0.0,),
    "logit_scale": (0.0, 1.0),
    "residual_scale": (0.0, 1.0),
    "embedding_scale": (0.0, 1.0),
    "rope.dimension_sections": ([0, 0, 0, 0],),
}
#: Settings that do not change what the model computes, or that the tensors repeat.
_DESCRIPTIONS = ("vocab_size", "tensor_data_layout", "rope.scaling.finetuned", "attention.temperature_length")
#: Gemma 3 with this number of layers, 27B, scales scores by the width of the model.
_GEMMA_27B_LAYERS = 62


def configuration(
    metadata: ModelMetadata, kind: Architecture, tensors: Collection[str], factors: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    """Returns the content of `config.json`, in the form that all versions of transformers since 4.50 read."""
    heads, width = metadata.count("attention.head_count"), metadata.count("embedding_length")
    head = metadata.count("attention.key_length", width // heads or 1)
    layers = metadata.count("block_count")
    specific = _SPECIFIC[kind.model_type](metadata, layers, head)
    rotating = specific.pop("rotating", head)
    _check_neutral(metadata, width, head, rotating)
    base = metadata.positive("rope.freq_base", 10000.0)
    scaling = rotary.scaling(metadata, kind, rotating, base, factors)
    return {
        "architectures": [f"{kind.class_name}ForCausalLM"],
        "model_type": kind.model_type,
        "vocab_size": len(required(metadata.values, "tokenizer.ggml.tokens")),
        "hidden_size": width,
        "intermediate_size": metadata.count("feed_forward_length"),
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": metadata.count("attention.head_count_kv", heads),
        "head_dim": head,
        "max_position_embeddings": metadata.count("context_length"),
        "rms_norm_eps": metadata.positive("attention.layer_norm_rms_epsilon"),
        "rope_theta": base,
        **({"rope_scaling": scaling} if scaling else {}),
        **kind.activation,
        **{setting: _has_biases(modules, tensors) for setting, modules in kind.optional_biases.items()},
        **specific,
        "tie_word_embeddings": "output.weight" not in tensors,
        **{f"{name}_token_id": token_id(metadata.values, name) for name in ("bos", "eos")},
        "pad_token_id": token_id(metadata.values, "padding"),
        "dtype": "float32",
    }


def notes(metadata: ModelMetadata) -> list[str]:
    """Returns remarks about settings of the model that are not used."""
    unread = metadata.unread()
    return [f"ignored, since their meaning is unknown: {', '.join(unread)}"] if unread else []


def _llama(metadata: ModelMetadata, layers: int, head: int) -> dict[str, Any]:
    metadata.check("attention.sliding_window", (0,))
    return {}


def _mistral(metadata: ModelMetadata, layers: int, head: int) -> dict[str, Any]:
    return {"sliding_window": metadata.optional_count("attention.sliding_window")}


def _qwen(metadata: ModelMetadata, layers: int, head: int) -> dict[str, Any]:
    metadata.check("attention.sliding_window", (0,))
    return {"use_sliding_window": False}


def _gemma3(metadata: ModelMetadata, layers: int, head: int) -> dict[str, Any]:
    required(metadata.values, metadata.key("rope.freq_base"))
    window = metadata.optional_count("attention.sliding_window")
    scalar = head
    if layers == _GEMMA_27B_LAYERS:
        scalar = metadata.count("embedding_length") // metadata.count("attention.head_count")
    return {
        "attention_bias": False,
        "query_pre_attn_scalar": scalar,
        # transformers needs a number even if no layer has a window.
        "sliding_window": window or metadata.count("context_length"),
        **_pattern(metadata, layers, window),
        "rope_local_base_freq": metadata.positive("rope.freq_base_swa", 10000.0),
        "attn_logit_softcapping": None,
        "final_logit_softcapping": metadata.optional_positive("final_logit_softcapping"),
        "use_bidirectional_attention": False,
    }


def _pattern(metadata: ModelMetadata, layers: int, window: int | None) -> dict[str, Any]:
    """Returns which layers have a window: all but every sixth, unless the file says otherwise."""
    name = "attention.sliding_window_pattern"
    if window is None:
        metadata.get(name)
        return {"layer_types": ["full_attention"] * layers}
    pattern = metadata.get(name, 6)
    if not isinstance(pattern, list):
        period = metadata.count(name, 6)
        pattern = [(layer + 1) % period != 0 for layer in range(layers)]
    if len(pattern) != layers or not all(isinstance(slides, bool) for slides in pattern):
        key = metadata.key(name)
        raise UserError(f"expected a number, or {layers} truth values, in {key}, found {len(pattern)} values")
    return {"layer_types": ["sliding_attention" if slides else "full_attention" for slides in pattern]}


def _phi3(metadata: ModelMetadata, layers: int, head: int) -> dict[str, Any]:
    rotating = metadata.count("rope.dimension_count", head)
    share = rotating / head
    if int(head * share) != rotating:
        share = math.nextafter(share, 1.0)
    if rotating % 2 or rotating > head or int(head * share) != rotating:
        key = metadata.key("rope.dimension_count")
        raise UserError(f"expected an even number up to {head} in {key}, found {rotating}")
    length = metadata.count("context_length")
    return {
        "rotating": rotating,
        "partial_rotary_factor": share,
        "original_max_position_embeddings": metadata.count("rope.scaling.original_context_length", length),
        "sliding_window": metadata.optional_count("attention.sliding_window"),
    }


_SPECIFIC = {
    "llama": _llama,
    "mistral": _mistral,
    "qwen2": _qwen,
    "qwen3": _qwen,
    "gemma3_text": _gemma3,
    "phi3": _phi3,
}


def _has_biases(modules: Collection[str], tensors: Collection[str]) -> bool:
    """Returns whether a layer has a bias in one of the modules; then all layers must have all of them."""
    biases = {f"{module}.bias" for module in modules}
    return any(tensor.split(".", 2)[-1] in biases for tensor in tensors if tensor.startswith("blk."))


def _check_neutral(metadata: ModelMetadata, width: int, head: int, rotating: int) -> None:
    """Raises an error for settings that the family of the model does not have."""
    sizes = {
        "attention.value_length": (head,),
        "attention.key_length_swa": (head,),
        "attention.value_length_swa": (head,),
        "rope.dimension_count": (rotating,),
        "rope.dimension_count_swa": (rotating,),
        "embedding_length_out": (width,),
    }
    for name, values in {**_NEUTRAL, **sizes}.items():
        if not metadata.was_read(name):
            metadata.check(name, values)
    for name in ("attention.sliding_window_pattern", "rope.freq_base_swa"):
        if not metadata.was_read(name):
            metadata.check(name, ())
    for name in _DESCRIPTIONS:
        metadata.get(name)
