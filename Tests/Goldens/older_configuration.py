"""The form that `config.json` had with transformers 4, as most models on the Hub have it, from that of transformers 5."""

from collections.abc import Callable
from typing import Any

Configuration = dict[str, Any]
FULL, SLIDING = "full_attention", "sliding_attention"
# Keys that the older form has not, or spells in another way.
NEWER = ("dtype", "rope_parameters", "layer_types", "_sliding_window_pattern", "use_bidirectional_attention")


def older(config: Configuration) -> Configuration:
    """Returns the older form of a configuration as transformers 5 writes it; the model is the same."""
    result = {key: value for key, value in config.items() if key not in NEWER}
    if "dtype" in config:
        result["torch_dtype"] = config["dtype"]
    if "transformers_version" in config:
        result["transformers_version"] = "4.51.3"
    for part in ("text_config", "vision_config"):
        if part in config:
            result[part] = older(config[part])
    if "rope_parameters" in config:
        rules = RULES.get(config["model_type"], plain)
        result |= rules(config, config["rope_parameters"])
    return dict(sorted(result.items()))


def scaling(rope: Configuration, name: str = "rope_type") -> Configuration | None:
    """Returns `rope_scaling`, with the type by the given key; None for the default table."""
    if rope["rope_type"] == "default":
        return None
    rest = {key: value for key, value in rope.items() if key not in ("rope_type", "rope_theta", "partial_rotary_factor")}
    return rest | {name: rope["rope_type"]}


def plain(config: Configuration, rope: Configuration) -> Configuration:
    """Llama, Mistral, Qwen, SmolLM3, Gemma 1 and 2, OLMo 2, Granite, Cohere: one table. Older types are named `type`."""
    name = "type" if rope["rope_type"] in ("linear", "dynamic") else "rope_type"
    return {"rope_theta": rope["rope_theta"], "rope_scaling": scaling(rope, name)}


def gemma(config: Configuration, rope: Configuration) -> Configuration:
    """The first release says `gelu` and means its approximation by tanh."""
    return plain(config, rope) | {"hidden_act": "gelu", "hidden_activation": None}


def gemma2(config: Configuration, rope: Configuration) -> Configuration:
    """Every second layer slides without a key that says so."""
    return plain(config, rope) | {"hidden_act": config["hidden_activation"], "cache_implementation": "hybrid"}


def gemma3(config: Configuration, rope: Configuration) -> Configuration:
    """Two bases by two keys; the scaling holds for full layers only."""
    return {
        "rope_theta": rope[FULL]["rope_theta"],
        "rope_local_base_freq": rope[SLIDING]["rope_theta"],
        "rope_scaling": scaling(rope[FULL]),
        "sliding_window_pattern": pattern(config["layer_types"]),
        "cache_implementation": "hybrid",
    }


def olmo3(config: Configuration, rope: Configuration) -> Configuration:
    """The scaling holds for full layers only, and every fourth is full."""
    return {"rope_theta": rope[FULL]["rope_theta"], "rope_scaling": scaling(rope[FULL])}


def cohere2(config: Configuration, rope: Configuration) -> Configuration:
    return plain(config, rope) | {"sliding_window_pattern": pattern(config["layer_types"])}


def phi3(config: Configuration, rope: Configuration) -> Configuration:
    """The original length, which the newer form has twice, is at the top only."""
    settings = scaling(rope, "type")
    if settings is not None:
        settings.pop("original_max_position_embeddings", None)
    return {
        "rope_theta": rope["rope_theta"],
        "rope_scaling": settings,
        "partial_rotary_factor": rope["partial_rotary_factor"],
    }


def gpt_neox(config: Configuration, rope: Configuration) -> Configuration:
    return {
        "rotary_emb_base": rope["rope_theta"],
        "rotary_pct": rope["partial_rotary_factor"],
        "rope_scaling": scaling(rope, "type"),
    }


def pixtral(config: Configuration, rope: Configuration) -> Configuration:
    return {"rope_theta": rope["rope_theta"]}


def pattern(types: list[str]) -> int:
    """Returns the number of layers of which the last one is full."""
    period = types.index(FULL) + 1 if FULL in types else len(types) + 1
    expected = [SLIDING if (layer + 1) % period else FULL for layer in range(len(types))]
    assert types == expected, f"{types} is no pattern"
    return period


RULES: dict[str, Callable[[Configuration, Configuration], Configuration]] = {
    "gemma": gemma,
    "gemma2": gemma2,
    "gemma3_text": gemma3,
    "olmo3": olmo3,
    "cohere2": cohere2,
    "phi3": phi3,
    "gpt_neox": gpt_neox,
    "pixtral": pixtral,
}
