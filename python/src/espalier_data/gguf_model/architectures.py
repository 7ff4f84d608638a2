"""The architectures that can be imported: the family of each, the names of its tensors, and how it stores them."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import UserError

_MODEL = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
_ATTENTION = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
}
_FUSED_ATTENTION = {"attn_qkv": "self_attn.qkv_proj", "attn_output": "self_attn.o_proj"}
_HEAD_NORMS = {"attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm"}
_GATED = {"ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}
_FUSED_GATED = {"ffn_up": "mlp.gate_up_proj", "ffn_down": "mlp.down_proj"}
_BEFORE_ATTENTION = {"attn_norm": "input_layernorm"}
_BEFORE_GATED = {"ffn_norm": "post_attention_layernorm"}
_DENSE = _BEFORE_ATTENTION | _ATTENTION | _BEFORE_GATED | _GATED
#: Gemma 3 has norms before and after both.
_AROUND_GATED = {
    "post_attention_norm": "post_attention_layernorm",
    "ffn_norm": "pre_feedforward_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
}


@dataclass(frozen=True)
class Architecture:
    """A family of Hugging Face, and how GGUF files store its models."""

    model_type: str
    #: The class of Hugging Face, without `ForCausalLM`.
    class_name: str
    #: The modules of a layer, by their GGUF names.
    layer: Mapping[str, str]
    #: Modules of a layer with a bias.
    biases: frozenset[str] = frozenset()
    #: Modules with a bias in all layers or in none, by the setting of config.json that says which.
    optional_biases: Mapping[str, frozenset[str]] = field(default_factory=dict)
    #: Whether rows of queries and keys are stored in pairs (i, i + K/2), since llama.cpp rotates neighbours.
    interleaved: bool = False
    #: What GGUF adds to the weights of norms.
    norm_offset: float = 0.0
    #: Types of scaled rotary embeddings.
    scalings: tuple[str, ...] = ("linear", "yarn")
    activation: Mapping[str, str] = field(default_factory=lambda: {"hidden_act": "silu"})

    def module(self, name: str) -> str | None:
        """Returns the Hugging Face name of a GGUF module such as `blk.3.attn_q`; None if there is no such module."""
        if name in _MODEL:
            return _MODEL[name]
        parts = name.split(".")
        if len(parts) == 3 and parts[0] == "blk" and parts[1].isdecimal() and parts[2] in self.layer:
            return f"model.layers.{int(parts[1])}.{self.layer[parts[2]]}"
        return None

    def has_bias(self, module: str) -> bool:
        """Returns whether a module of a layer can have a bias."""
        return module in self.biases or any(module in modules for modules in self.optional_biases.values())


_LLAMA = Architecture(
    model_type="llama",
    class_name="Llama",
    layer=_DENSE,
    optional_biases={"attention_bias": frozenset(_ATTENTION), "mlp_bias": frozenset(_GATED)},
    interleaved=True,
    scalings=("linear", "yarn", "llama3"),
)
_MISTRAL = Architecture(
    model_type="mistral",
    class_name="Mistral",
    layer=_DENSE,
    interleaved=True,
    scalings=("linear", "yarn", "llama3"),
)
ARCHITECTURES = {
    "llama": _LLAMA,
    "mistral": _MISTRAL,
    "mistral3": _MISTRAL,
    "qwen2": Architecture(
        model_type="qwen2",
        class_name="Qwen2",
        layer=_DENSE,
        biases=frozenset(("attn_q", "attn_k", "attn_v")),
    ),
    "qwen3": Architecture(
        model_type="qwen3",
        class_name="Qwen3",
        layer=_DENSE | _HEAD_NORMS,
        optional_biases={"attention_bias": frozenset(_ATTENTION)},
    ),
    "gemma3": Architecture(
        model_type="gemma3_text",
        class_name="Gemma3",
        layer=_DENSE | _HEAD_NORMS | _AROUND_GATED,
        norm_offset=1.0,
        scalings=("linear",),
        activation={"hidden_activation": "gelu_pytorch_tanh"},
    ),
    "phi3": Architecture(
        model_type="phi3",
        class_name="Phi3",
        layer=_BEFORE_ATTENTION | _FUSED_ATTENTION | _BEFORE_GATED | _FUSED_GATED,
        scalings=("longrope",),
    ),
}


def architecture(values: Mapping[str, Any]) -> Architecture:
    """Returns the architecture that a file's metadata names."""
    name, kind = values.get("general.architecture"), values.get("general.type", "model")
    if kind != "model":
        raise UserError(f"general.type = {kind!r}: expected a model; import the file of the model itself")
    if not isinstance(name, str) or name not in ARCHITECTURES:
        nearest = difflib.get_close_matches(str(name), ARCHITECTURES, n=1, cutoff=0.7)
        hint = f" (nearest: {nearest[0]})" if nearest else ""
        raise UserError(
            f"general.architecture = {name!r} is not supported{hint}; supported: {', '.join(sorted(ARCHITECTURES))}"
        )
    if name == "llama" and values.get("llama.attention.sliding_window", 0):
        # A Llama with a sliding window in every layer is a Mistral.
        return _MISTRAL
    return ARCHITECTURES[name]
