"""Translates the tensors of a GGUF file to those of a Hugging Face model, after checking that all are there."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import UserError
from .architectures import Architecture
from .rotary import FACTOR_TENSORS

_INCOMPLETE = "; is the file complete?"


def factors(tensors: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Returns the tensors that scale frequencies; they are settings."""
    return {name: dequantized(tensors[name]) for name in FACTOR_TENSORS if name in tensors}


def hugging_face_names(tensors: Mapping[str, Any], kind: Architecture) -> dict[str, str]:
    """Returns the Hugging Face name of each tensor with weights."""
    return {name: _hugging_face_name(name, kind) for name in tensors if name not in FACTOR_TENSORS}


def _hugging_face_name(name: str, kind: Architecture) -> str:
    stem, _, suffix = name.rpartition(".")
    module = kind.module(stem)
    if (
        module is None
        or suffix not in ("weight", "bias")
        or (suffix == "bias" and not kind.has_bias(stem.split(".")[-1]))
    ):
        raise UserError(f"tensor {name} is not part of a {kind.class_name} model")
    return f"{module}.{suffix}"


def expected_shapes(config: Mapping[str, Any], kind: Architecture) -> dict[str, list[int]]:
    """Returns the shapes of the tensors of a model with this configuration, by their GGUF names."""
    width, vocabulary = config["hidden_size"], config["vocab_size"]
    sizes = _layer_shapes(config)
    biases = set(kind.biases)
    for setting, modules in kind.optional_biases.items():
        biases |= modules if config[setting] else set()
    layer = {f"{module}.weight": sizes[module] for module in kind.layer}
    layer |= {f"{module}.bias": sizes[module][:1] for module in kind.layer if module in biases}
    shapes = {"token_embd.weight": [vocabulary, width], "output_norm.weight": [width]}
    if not config["tie_word_embeddings"]:
        shapes["output.weight"] = [vocabulary, width]
    return shapes | {
        f"blk.{n}.{name}": shape for n in range(config["num_hidden_layers"]) for name, shape in layer.items()
    }


def _layer_shapes(config: Mapping[str, Any]) -> dict[str, list[int]]:
    """Returns the shapes of the weights that a layer can have."""
    width, forward, head = config["hidden_size"], config["intermediate_size"], config["head_dim"]
    queries, keys = config["num_attention_heads"] * head, config["num_key_value_heads"] * head
    fused = config["model_type"] == "phi3"
    norms = ("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm")
    return {
        **{norm: [width] for norm in norms},
        "attn_q_norm": [head],
        "attn_k_norm": [head],
        "attn_q": [queries, width],
        "attn_k": [keys, width],
        "attn_v": [keys, width],
        "attn_qkv": [queries + 2 * keys, width],
        "attn_output": [width, queries],
        "ffn_gate": [forward, width],
        "ffn_up": [2 * forward if fused else forward, width],
        "ffn_down": [width, forward],
    }


def check_shapes(
    tensors: Mapping[str, Any], config: Mapping[str, Any], kind: Architecture, prefix: str, part: str
) -> None:
    """Raises an error if a tensor is missing, left over, or of another shape.

    `prefix` begins the names of the model's settings, `part` ends messages about missing tensors.
    """
    found = {name: shape(tensor) for name, tensor in tensors.items() if name not in FACTOR_TENSORS}
    layers, vocabulary = config["num_hidden_layers"], config["vocab_size"]
    if layers > len(found):
        raise UserError(
            f"{prefix}.block_count = {layers}, but there are only {len(found)} tensors{part or _INCOMPLETE}"
        )
    rows = found.get("token_embd.weight", [vocabulary])[0]
    if rows != vocabulary:
        raise UserError(
            f"tokenizer.ggml.tokens has {vocabulary} tokens, but token_embd.weight has {rows} rows; "
            "download the model from another conversion"
        )
    expected = expected_shapes(config, kind)
    missing = [name for name in expected if name not in found]
    if missing:
        count = "1 tensor is missing:" if len(missing) == 1 else f"{len(missing)} tensors are missing, the first is"
        raise UserError(f"{count} {missing[0]}{part or _INCOMPLETE}")
    for name, sizes in found.items():
        if sizes != expected.get(name):
            raise UserError(f"tensor {name}: expected {_described(expected.get(name))}, found {sizes}")


def _described(sizes: list[int] | None) -> str:
    return f"the shape {sizes}" if sizes else "no such layer"


def shape(tensor: Any) -> list[int]:
    """Returns the shape; GGUF lists dimensions from the innermost."""
    return [int(size) for size in reversed(tensor.shape)]


def values(tensor: Any, config: Mapping[str, Any], kind: Architecture) -> np.ndarray:
    """Returns the weights as Hugging Face stores them."""
    result = dequantized(tensor)
    module = tensor.name.rsplit(".", 2)[-2]
    if kind.norm_offset and module.endswith("norm"):
        return result - np.float32(kind.norm_offset)
    heads = {"attn_q": "num_attention_heads", "attn_k": "num_key_value_heads"}.get(module)
    return unpermuted(result, config[heads]) if kind.interleaved and heads else result


def unpermuted(weight: np.ndarray, heads: int) -> np.ndarray:
    """Returns the rows of a query or key projection, or of its bias, in Hugging Face's order.

    GGUF interleaves the two halves of each head, since its rotary embedding rotates adjacent elements; Hugging Face's
    rotates element i with element i + K/2.
    """
    rows = weight.shape[0]
    return weight.reshape(heads, rows // heads // 2, 2, -1).swapaxes(1, 2).reshape(weight.shape)


def dequantized(tensor: Any) -> np.ndarray:
    """Returns the elements of a tensor as float32."""
    from gguf import quants

    try:
        elements = quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
    except NotImplementedError:
        raise UserError(
            f"tensor {tensor.name}: type {tensor.tensor_type.name} cannot be dequantized; "
            "convert the file first: llama-quantize --allow-requantize FILE OUT.gguf F16"
        ) from None
    return elements.reshape(shape(tensor))
