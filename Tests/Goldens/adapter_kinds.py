"""The adapters of the goldens: every kind on every one of three families, and two kinds on a fourth."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class AdapterGolden:
    """An adapter: the golden whose model it is of, the seed of its weights, and settings of PEFT's `LoraConfig`."""

    base: str
    seed: int
    settings: dict[str, Any]
    # Whether there are steps of a new adapter too.
    has_fresh: bool = False
    # Whether merged weights are kept.
    is_merged: bool = False


PLAIN = dict(r=4, lora_alpha=8, target_modules="all-linear")
STABLE = dict(r=3, lora_alpha=5, target_modules="all-linear", use_rslora=True)
DORA = dict(r=2, lora_alpha=5, target_modules="all-linear", use_dora=True)


def some(names: list[str]) -> dict[str, Any]:
    return dict(r=3, lora_alpha=4, target_modules=names)


def saved(names: list[str], modules: list[str]) -> dict[str, Any]:
    return dict(r=2, lora_alpha=3, target_modules=names, modules_to_save=modules)


# Of two keys that match a module, the first holds. A key begins a name or follows a dot: `proj` matches no module. Keys
# are in the order in which PEFT writes them, sorted; with another order PEFT cannot load what it saves.
PATTERN = dict(
    r=3,
    lora_alpha=6,
    target_modules="all-linear",
    rank_pattern={"down_proj": 1, "layers.1.self_attn.q_proj": 5, "proj": 9, "q_proj": 2},
    alpha_pattern={"layers.0.mlp.up_proj": 1.5, "self_attn.o_proj": 2, "up_proj": 9},
)
FUSED_PATTERN = dict(
    r=3,
    lora_alpha=6,
    target_modules="all-linear",
    rank_pattern={r".*\.0\.mlp\.down_proj": 1, "layers.1.self_attn.qkv_proj": 5, "qkv_proj": 2},
    alpha_pattern={"0.mlp.gate_up_proj": 1.5, "gate_up_proj": 9, "self_attn.o_proj": 2},
)

ADAPTERS: dict[str, AdapterGolden] = {
    # Llama with a tied head, and with a head of its own.
    "yarn/plain": AdapterGolden("yarn", 60, PLAIN, has_fresh=True, is_merged=True),
    "yarn/some": AdapterGolden("yarn", 61, some(["q_proj", "v_proj"]), has_fresh=True),
    "yarn/rslora": AdapterGolden("yarn", 62, STABLE),
    "yarn/dora": AdapterGolden("yarn", 63, DORA),
    "yarn/pattern": AdapterGolden("yarn", 64, PATTERN, is_merged=True),
    "linear/saved": AdapterGolden(
        "linear", 65, saved(["q_proj", "v_proj"], ["lm_head", "embed_tokens"]), has_fresh=True, is_merged=True
    ),
    # Qwen 3 with biases and norms of queries and keys.
    "qwen3-biases/plain": AdapterGolden("qwen3-biases", 66, PLAIN),
    "qwen3-biases/some": AdapterGolden("qwen3-biases", 67, some(["q_proj", "v_proj"])),
    "qwen3-biases/rslora": AdapterGolden("qwen3-biases", 68, STABLE, has_fresh=True, is_merged=True),
    "qwen3-biases/dora": AdapterGolden("qwen3-biases", 69, DORA, has_fresh=True, is_merged=True),
    "qwen3-biases/pattern": AdapterGolden("qwen3-biases", 70, PATTERN, has_fresh=True),
    "qwen3-biases/saved": AdapterGolden("qwen3-biases", 71, saved(["k_proj", "gate_proj"], ["lm_head"])),
    # Phi 3 with fused projections; the head is tied in the first.
    "phi3/plain": AdapterGolden("phi3", 72, PLAIN, is_merged=True),
    "phi3/some": AdapterGolden("phi3", 73, some(["qkv_proj"])),
    "phi3-default/rslora": AdapterGolden("phi3-default", 74, STABLE),
    "phi3-default/dora": AdapterGolden("phi3-default", 75, DORA, has_fresh=True, is_merged=True),
    "phi3-default/pattern": AdapterGolden("phi3-default", 76, FUSED_PATTERN),
    "phi3-default/saved": AdapterGolden("phi3-default", 77, saved(["qkv_proj", "down_proj"], ["embed_tokens"])),
    "gpt-neox/plain": AdapterGolden("gpt-neox", 78, PLAIN, is_merged=True),
    "gpt-neox/dora": AdapterGolden("gpt-neox", 79, DORA),
}
