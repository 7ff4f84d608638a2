"""Small random models of every family, as Hugging Face stores them and as llama.cpp's converter writes them."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tiny_gguf
from gguf import MODEL_ARCH, get_tensor_name_map

LAYERS, VOCABULARY = 4, len(tiny_gguf.TOKENS)


@dataclass(frozen=True)
class Family:
    """A model: its configuration in the form of transformers 5, and the metadata that stands for it in GGUF."""

    architecture: str
    #: The settings of transformers' configuration class, but for the sizes in `base`.
    config: dict[str, Any]
    metadata: dict[str, Any] = field(default_factory=dict)
    #: Tensors of settings.
    factors: dict[str, list[float]] = field(default_factory=dict)

    def configuration(self) -> dict[str, Any]:
        return BASE | self.config

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Returns the shapes of the tensors by their Hugging Face names."""
        config = self.configuration()
        kind, width, forward = config["model_type"], config["hidden_size"], config["intermediate_size"]
        head = config["head_dim"]
        queries, keys = config["num_attention_heads"] * head, config["num_key_value_heads"] * head
        layer = {"input_layernorm": (width,), "post_attention_layernorm": (width,)}
        if kind == "phi3":
            layer |= {"self_attn.qkv_proj": (queries + 2 * keys, width), "mlp.gate_up_proj": (2 * forward, width)}
        else:
            layer |= {"self_attn.q_proj": (queries, width), "self_attn.k_proj": (keys, width)}
            layer |= {"self_attn.v_proj": (keys, width)}
            layer |= {"mlp.gate_proj": (forward, width), "mlp.up_proj": (forward, width)}
        layer |= {"self_attn.o_proj": (width, queries), "mlp.down_proj": (width, forward)}
        if kind in ("qwen3", "gemma3_text"):
            layer |= {"self_attn.q_norm": (head,), "self_attn.k_norm": (head,)}
        if kind == "gemma3_text":
            layer |= {"pre_feedforward_layernorm": (width,), "post_feedforward_layernorm": (width,)}
        weights = {f"{name}.weight": shape for name, shape in layer.items()}
        weights |= {f"{name}.bias": layer[name][:1] for name in self.biases()}
        result = {f"model.layers.{n}.{name}": shape for n in range(LAYERS) for name, shape in weights.items()}
        result |= {"model.embed_tokens.weight": (VOCABULARY, width), "model.norm.weight": (width,)}
        return result if config["tie_word_embeddings"] else result | {"lm_head.weight": (VOCABULARY, width)}

    def biases(self) -> list[str]:
        config = self.configuration()
        found = ["q_proj", "k_proj", "v_proj"] if config["model_type"] == "qwen2" else []
        if config.get("attention_bias"):
            found = ["q_proj", "k_proj", "v_proj", "o_proj"]
        mlp = ["gate_proj", "up_proj", "down_proj"] if config.get("mlp_bias") else []
        return [f"self_attn.{name}" for name in found] + [f"mlp.{name}" for name in mlp]

    def weights(self) -> dict[str, np.ndarray]:
        """Returns random weights by their Hugging Face names."""
        random = np.random.default_rng(11)
        return {
            name: random.normal(scale=0.3, size=shape).astype(np.float32)
            for name, shape in sorted(self.shapes().items())
        }

    def stored(self) -> dict[str, np.ndarray]:
        """Returns the tensors that llama.cpp's converter writes."""
        config = self.configuration()
        names = get_tensor_name_map(MODEL_ARCH[GGUF_NAMES.get(self.architecture, self.architecture).upper()], LAYERS)
        result = {name: np.array(values, np.float32) for name, values in self.factors.items()}
        for name, values in self.weights().items():
            if name.endswith("norm.weight") and self.architecture == "gemma3":
                values = values + 1
            if self.architecture in ("llama", "mistral", "mistral3"):
                heads = {"q_proj": "num_attention_heads", "k_proj": "num_key_value_heads"}.get(name.split(".")[-2])
                values = in_pairs(values, config[heads]) if heads else values
            result[names.get_name(name, try_suffixes=(".weight", ".bias"))] = values
        return result

    def write(self, path: Path, tensors: dict[str, np.ndarray] | None = None, **changes: object) -> Path:
        """Writes the GGUF file; `changes` replace metadata (None removes a key)."""
        config = self.configuration()
        metadata = {
            "context_length": config["max_position_embeddings"],
            "embedding_length": config["hidden_size"],
            "block_count": LAYERS,
            "feed_forward_length": config["intermediate_size"],
            "attention.head_count": config["num_attention_heads"],
            "attention.head_count_kv": config["num_key_value_heads"],
            "attention.key_length": config["head_dim"],
            "attention.value_length": config["head_dim"],
            "attention.layer_norm_rms_epsilon": config["rms_norm_eps"],
            "rope.freq_base": 10000.0,
            **self.metadata,
        }
        settings = {key: None for key in tiny_gguf.METADATA if key.startswith("llama.")}
        settings |= {f"{self.architecture}.{name}": value for name, value in metadata.items()}
        tensors = self.stored() if tensors is None else tensors
        return tiny_gguf.write(path, tensors, architecture=self.architecture, **(settings | changes))


def in_pairs(values: np.ndarray, heads: int) -> np.ndarray:
    """Returns rows of queries or keys so that elements that rotate together, i and i + K/2, are neighbours."""
    half = len(values) // heads // 2
    order = [head * 2 * half + part * half + i for head in range(heads) for i in range(half) for part in range(2)]
    return values[order]


def llama3_factors(head: int, base: float, factor: float, low: float, high: float, original: int) -> list[float]:
    """Returns what llama.cpp's converter writes for a scaling of Llama 3."""
    result = []
    for index in range(0, head, 2):
        wavelength = 2 * math.pi * base ** (index / head)
        smooth = (original / wavelength - low) / (high - low)
        smooth = min(max(smooth, 0.0), 1.0)
        result.append(1 / ((1 - smooth) / factor + smooth))
    return result


BASE = {
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": 128,
    "rms_norm_eps": 1e-5,
    "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
    "tie_word_embeddings": False,
    "bos_token_id": 256,
    "eos_token_id": 257,
    "pad_token_id": 258,
}
#: The spelling of the library for names that it does not have.
GGUF_NAMES = {"mistral": "llama"}
_SCALED = {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0}
_YARN = {"rope_type": "yarn", "rope_theta": 1e6, "factor": 4.0, "original_max_position_embeddings": 32}
_GEMMA = {
    "model_type": "gemma3_text",
    "head_dim": 24,
    "num_key_value_heads": 1,
    "rms_norm_eps": 1e-6,
    "query_pre_attn_scalar": 24,
    "hidden_activation": "gelu_pytorch_tanh",
    "tie_word_embeddings": True,
}


def _gemma_rope(**full: object) -> dict[str, Any]:
    return {
        "full_attention": {"rope_type": "default", "rope_theta": 1e6, **full},
        "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
    }


def _layers(kinds: str) -> list[str]:
    return [{"s": "sliding_attention", "f": "full_attention"}[kind] for kind in kinds]


_SHORT, _LONG = [1.0, 1.25, 1.5, 2.0, 2.5, 3.0], [1.5, 2.0, 4.0, 8.0, 16.0, 32.0]
_PHI = {"model_type": "phi3", "num_key_value_heads": 4, "sliding_window": None, "original_max_position_embeddings": 128}
FAMILIES = {
    "llama": Family("llama", {"model_type": "llama"}, {"rope.dimension_count": 16, "vocab_size": VOCABULARY}),
    "llama 3.1": Family(
        "llama",
        {
            "model_type": "llama",
            "head_dim": 32,
            "max_position_embeddings": 131072,
            "rope_parameters": _SCALED | {"high_freq_factor": 4.0, "original_max_position_embeddings": 8192},
        },
        {"rope.freq_base": 500000.0},
        {"rope_freqs.weight": llama3_factors(32, 500000.0, 8.0, 1.0, 4.0, 8192)},
    ),
    "llama with biases": Family(
        "llama", {"model_type": "llama", "attention_bias": True, "mlp_bias": True, "tie_word_embeddings": True}
    ),
    "llama, linear": Family(
        "llama",
        {
            "model_type": "llama",
            "rope_parameters": {"rope_type": "linear", "rope_theta": 10000.0, "factor": 2.5},
        },
        {"rope.scaling.type": "linear", "rope.scaling.factor": 2.5},
    ),
    "mistral with a window": Family(
        "llama",
        {"model_type": "mistral", "sliding_window": 7, "head_dim": 24},
        {"attention.sliding_window": 7},
    ),
    "mistral": Family("mistral", {"model_type": "mistral", "sliding_window": None}),
    "mistral 3": Family(
        "mistral3",
        {
            "model_type": "mistral",
            "sliding_window": None,
            "rope_parameters": _YARN | {"beta_fast": 24.0, "beta_slow": 2.0, "mscale": 1.0, "mscale_all_dim": 1.0},
        },
        {
            "rope.freq_base": 1e6,
            "rope.scaling.type": "yarn",
            "rope.scaling.factor": 4.0,
            "rope.scaling.original_context_length": 32,
            "rope.scaling.yarn_beta_fast": 24.0,
            "rope.scaling.yarn_beta_slow": 2.0,
            "rope.scaling.yarn_log_multiplier": 1.0,
        },
    ),
    "qwen 2": Family("qwen2", {"model_type": "qwen2", "use_sliding_window": False, "tie_word_embeddings": True}),
    "qwen 2, yarn": Family(
        "qwen2",
        {"model_type": "qwen2", "use_sliding_window": False, "rope_parameters": _YARN},
        {
            "rope.freq_base": 1e6,
            "rope.scaling.type": "yarn",
            "rope.scaling.factor": 4.0,
            "rope.scaling.original_context_length": 32,
        },
    ),
    "qwen 3": Family("qwen3", {"model_type": "qwen3", "head_dim": 24, "use_sliding_window": False}),
    "qwen 3 with biases": Family("qwen3", {"model_type": "qwen3", "attention_bias": True, "tie_word_embeddings": True}),
    "gemma 3": Family(
        "gemma3",
        _GEMMA | {"sliding_window": 5, "layer_types": _layers("sssf"), "rope_parameters": _gemma_rope()},
        {"rope.freq_base": 1e6, "attention.sliding_window": 5, "attention.sliding_window_pattern": 4},
    ),
    "gemma 3, larger": Family(
        "gemma3",
        _GEMMA
        | {
            "sliding_window": 3,
            "layer_types": _layers("sffs"),
            "rope_parameters": _gemma_rope(rope_type="linear", factor=8.0),
            "final_logit_softcapping": 12.0,
        },
        {
            "rope.freq_base": 1e6,
            "rope.freq_base_swa": 10000.0,
            "rope.scaling.type": "linear",
            "rope.scaling.factor": 8.0,
            "attention.sliding_window": 3,
            "attention.sliding_window_pattern": [True, False, False, True],
            "final_logit_softcapping": 12.0,
        },
    ),
    "gemma 3 without windows": Family(
        "gemma3",
        _GEMMA | {"sliding_window": 128, "layer_types": _layers("ffff"), "rope_parameters": _gemma_rope()},
        {"rope.freq_base": 1e6},
    ),
    "phi 3": Family(
        "phi3",
        _PHI | {"sliding_window": 9, "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}},
        {"rope.dimension_count": 16, "attention.sliding_window": 9, "rope.scaling.original_context_length": 128},
    ),
    "phi 3, longrope": Family(
        "phi3",
        _PHI
        | {
            "num_key_value_heads": 2,
            "original_max_position_embeddings": 16,
            "tie_word_embeddings": True,
            "rope_parameters": {
                "rope_type": "longrope",
                "rope_theta": 10000.0,
                "partial_rotary_factor": 0.75,
                "short_factor": _SHORT,
                "long_factor": _LONG,
                "original_max_position_embeddings": 16,
            },
        },
        {
            "rope.dimension_count": 12,
            "attention.sliding_window": 0,
            "rope.scaling.original_context_length": 16,
            "rope.scaling.attn_factor": math.sqrt(1 + math.log(8) / math.log(16)),
        },
        {"rope_factors_short.weight": _SHORT, "rope_factors_long.weight": _LONG},
    ),
}
