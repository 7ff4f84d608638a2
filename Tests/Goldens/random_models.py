"""Random small configurations of every family, with odd but legal shapes and random features.

Each maker takes a random generator and the form of the configuration that is written. Choices of layers that the older
form cannot express, such as windows without a pattern, are made for the newer one only.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from golden_models import FULL, SLIDING, rope
from transformers import (
    Cohere2Config,
    CohereConfig,
    Gemma2Config,
    Gemma3Config,
    Gemma3TextConfig,
    GemmaConfig,
    GPTNeoXConfig,
    GraniteConfig,
    LlamaConfig,
    Mistral3Config,
    MistralConfig,
    Olmo2Config,
    Olmo3Config,
    Phi3Config,
    PixtralVisionConfig,
    PreTrainedConfig,
    Qwen2Config,
    Qwen3Config,
    SiglipVisionConfig,
    SmolLM3Config,
)

# The longest sequence of the data; the original length of tables that depend on the length.
LONGEST = 64
Settings = dict[str, Any]


class Draw:
    """Draws from a seeded generator."""

    def __init__(self, random: np.random.Generator):
        self.random = random

    def number(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`."""
        return int(self.random.integers(low, high + 1))

    def real(self, low: float, high: float) -> float:
        return round(float(self.random.uniform(low, high)), 3)

    def one(self, values: list) -> Any:
        return values[self.number(0, len(values) - 1)]

    def flag(self) -> bool:
        return self.one([False, True])


def common(draw: Draw, head: int | None, layers: int | None = None) -> Settings:
    """Sizes with any number of heads for each key/value head, and with `head_dim` if the heads' width is free."""
    groups = draw.number(1, 3)
    heads = groups * draw.number(1, 3)
    values = dict(
        vocab_size=draw.number(60, 150),
        num_attention_heads=heads,
        num_key_value_heads=groups,
        intermediate_size=draw.number(11, 60),
        num_hidden_layers=layers or draw.number(1, 4),
        max_position_embeddings=256,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=draw.one([None, 2]),
        tie_word_embeddings=draw.flag(),
    )
    if head is None:
        # The family derives the heads' width from the model's.
        return values | dict(hidden_size=heads * draw.one([4, 6, 8, 10]))
    least = -(-12 // heads)
    return values | dict(hidden_size=heads * draw.number(least, least + 5), head_dim=head)


def free(draw: Draw) -> Settings:
    return common(draw, draw.one([4, 6, 8, 12, 14, 20]))


def theta(draw: Draw) -> float:
    return draw.one([100.0, 1000.0, 10000.0, 500000.0])


def yarn(draw: Draw, base: float) -> Settings:
    values = rope(
        "yarn", base, factor=draw.real(1.5, 8), original_max_position_embeddings=draw.one([16, 32, 64])
    )
    values |= draw.one([{}, {"beta_fast": draw.real(4, 40), "beta_slow": draw.real(0.5, 2)}])
    values |= draw.one([{}, {"attention_factor": draw.real(0.7, 1.5)}, {"mscale": 1.3, "mscale_all_dim": 0.6}])
    return values | draw.one([{}, {"truncate": False}])


def llama3(draw: Draw, base: float) -> Settings:
    return rope(
        "llama3",
        base,
        factor=draw.real(2, 16),
        low_freq_factor=1.0,
        high_freq_factor=draw.real(2, 6),
        original_max_position_embeddings=draw.one([16, 32, 64]),
    )


def table(draw: Draw, base: float | None = None) -> Settings:
    """Any table of one kind of layer."""
    base = base or theta(draw)
    kind = draw.one(["default", "default", "linear", "dynamic", "llama3", "yarn"])
    if kind == "yarn":
        return yarn(draw, base)
    if kind == "llama3":
        return llama3(draw, base)
    return rope(kind, base, **({} if kind == "default" else {"factor": draw.real(1.5, 6)}))


def types(draw: Draw, layers: int, pattern: int, is_older: bool) -> list[str]:
    """Layers of which every `pattern`-th is full; in the newer form any."""
    if is_older or draw.flag():
        return [FULL if (layer + 1) % pattern == 0 else SLIDING for layer in range(layers)]
    return [draw.one([FULL, SLIDING]) for _ in range(layers)]


def window(draw: Draw) -> int:
    """A window that most sequences exceed, and some responses."""
    return draw.number(2, 20)


def llama(draw: Draw, is_older: bool) -> PreTrainedConfig:
    biases = dict(attention_bias=draw.flag(), mlp_bias=draw.flag())
    return LlamaConfig(**free(draw), **biases, rope_parameters=table(draw))


def mistral(draw: Draw, is_older: bool) -> PreTrainedConfig:
    return MistralConfig(**free(draw), sliding_window=draw.one([None, window(draw)]), rope_parameters=table(draw))


def qwen_windows(draw: Draw, layers: int, is_older: bool) -> Settings:
    values = dict(use_sliding_window=draw.flag(), sliding_window=window(draw), max_window_layers=draw.number(0, layers))
    if values["use_sliding_window"] and not is_older and draw.flag():
        values["layer_types"] = [draw.one([FULL, SLIDING]) for _ in range(layers)]
    return values


def qwen2(draw: Draw, is_older: bool) -> PreTrainedConfig:
    values = common(draw, None)
    values |= qwen_windows(draw, values["num_hidden_layers"], is_older)
    return Qwen2Config(**values, rope_parameters=table(draw))


def qwen3(draw: Draw, is_older: bool) -> PreTrainedConfig:
    values = free(draw)
    values |= qwen_windows(draw, values["num_hidden_layers"], is_older) | dict(attention_bias=draw.flag())
    return Qwen3Config(**values, rope_parameters=table(draw))


def smollm3(draw: Draw, is_older: bool) -> PreTrainedConfig:
    values = common(draw, None)
    layers = values["num_hidden_layers"]
    values |= dict(attention_bias=draw.flag(), mlp_bias=draw.flag())
    values |= dict(use_sliding_window=draw.flag(), sliding_window=window(draw))
    values |= draw.one(
        [{"no_rope_layer_interval": 2}, {"no_rope_layers": [draw.number(0, 1) for _ in range(layers)]}]
    )
    return SmolLM3Config(**values, rope_parameters=table(draw))


def gemma(draw: Draw, is_older: bool) -> PreTrainedConfig:
    return GemmaConfig(**free(draw), attention_bias=draw.flag(), rope_parameters=rope("default", theta(draw)))


def gemma2(draw: Draw, is_older: bool) -> PreTrainedConfig:
    values = free(draw)
    values |= dict(
        query_pre_attn_scalar=draw.number(3, 40),
        attn_logit_softcapping=draw.one([None, draw.real(1, 6)]),
        final_logit_softcapping=draw.one([None, draw.real(2, 8)]),
        sliding_window=window(draw),
        attention_bias=draw.flag(),
    )
    if not is_older:
        values["layer_types"] = types(draw, values["num_hidden_layers"], 2, is_older)
    return Gemma2Config(**values, rope_parameters=rope("default", theta(draw)))


def gemma3_settings(draw: Draw, is_older: bool) -> Settings:
    layers = draw.number(1, 4)
    values = common(draw, draw.one([4, 6, 8, 12, 14, 20]), layers)
    full = draw.one([rope("default", theta(draw)), rope("linear", theta(draw), factor=draw.real(2, 8))])
    return values | dict(
        query_pre_attn_scalar=draw.number(3, 40),
        sliding_window=window(draw),
        layer_types=types(draw, layers, draw.number(1, 4), is_older),
        rope_parameters={FULL: full, SLIDING: rope("default", theta(draw))},
        tie_word_embeddings=True,
    )


def gemma3(draw: Draw, is_older: bool) -> PreTrainedConfig:
    return Gemma3TextConfig(**gemma3_settings(draw, is_older) | dict(tie_word_embeddings=draw.flag()))


def gemma3_wrapper(draw: Draw, is_older: bool) -> PreTrainedConfig:
    text = gemma3_settings(draw, is_older)
    last = text["vocab_size"]
    vision = SiglipVisionConfig(
        hidden_size=8, intermediate_size=12, num_hidden_layers=1, num_attention_heads=2, image_size=8, patch_size=4
    )
    indices = dict(boi_token_index=last - 3, eoi_token_index=last - 2, image_token_index=last - 1)
    return Gemma3Config(text_config=Gemma3TextConfig(**text), vision_config=vision, mm_tokens_per_image=4, **indices)


def mistral3_wrapper(draw: Draw, is_older: bool) -> PreTrainedConfig:
    text = mistral(draw, is_older)
    vision = PixtralVisionConfig(
        hidden_size=16, intermediate_size=12, num_hidden_layers=1, num_attention_heads=2, image_size=8, patch_size=4
    )
    ties = text.tie_word_embeddings
    return Mistral3Config(
        text_config=text, vision_config=vision, image_token_index=text.vocab_size - 1, tie_word_embeddings=ties
    )


def phi3(draw: Draw, is_older: bool) -> PreTrainedConfig:
    values = common(draw, None)
    head = draw.one([8, 12, 16])
    part = draw.one([0.5, 1.0] if head != 12 else [0.5, 1.0, 1 / 3])
    values |= dict(hidden_size=head * values["num_attention_heads"], original_max_position_embeddings=LONGEST)
    values |= dict(max_position_embeddings=draw.one([LONGEST, 256]), sliding_window=draw.one([None, window(draw)]))
    parameters = rope("default", theta(draw), partial_rotary_factor=part)
    if draw.flag():
        count = int(head * part) // 2
        factors = {name: [draw.real(1, 8) for _ in range(count)] for name in ("short_factor", "long_factor")}
        parameters |= factors | {"rope_type": "longrope"}
    return Phi3Config(**values, rope_parameters=parameters)


def olmo2(draw: Draw, is_older: bool) -> PreTrainedConfig:
    return Olmo2Config(**common(draw, None), attention_bias=draw.flag(), rope_parameters=table(draw))


def olmo3(draw: Draw, is_older: bool) -> PreTrainedConfig:
    values = common(draw, None, draw.number(1, 5))
    # transformers 5 reads the older form's base for the full layers only; others have the default.
    base = 500000.0 if is_older else theta(draw)
    values |= dict(sliding_window=window(draw), layer_types=types(draw, values["num_hidden_layers"], 4, is_older))
    parameters = {FULL: draw.one([rope("default", base), yarn(draw, base)]), SLIDING: rope("default", base)}
    return Olmo3Config(**values, attention_bias=draw.flag(), rope_parameters=parameters)


def granite(draw: Draw, is_older: bool) -> PreTrainedConfig:
    values = common(draw, None) | dict(attention_bias=draw.flag(), mlp_bias=draw.flag())
    values |= dict(embedding_multiplier=draw.real(0.5, 4), residual_multiplier=draw.real(0.2, 1.5))
    values |= dict(attention_multiplier=draw.real(0.05, 0.6), logits_scaling=draw.real(0.5, 4))
    return GraniteConfig(**values, rope_parameters=table(draw))


def cohere(draw: Draw, is_older: bool) -> PreTrainedConfig:
    values = common(draw, None) | dict(attention_bias=draw.flag(), use_qk_norm=draw.flag())
    return CohereConfig(**values, logit_scale=draw.real(0.2, 1.2), rope_parameters=rope("default", theta(draw)))


def cohere2(draw: Draw, is_older: bool) -> PreTrainedConfig:
    values = common(draw, None) | dict(attention_bias=draw.flag(), sliding_window=window(draw))
    values["layer_types"] = types(draw, values["num_hidden_layers"], draw.number(1, 4), is_older)
    return Cohere2Config(**values, logit_scale=draw.real(0.2, 1.2), rope_parameters=rope("default", theta(draw)))


def gpt_neox(draw: Draw, is_older: bool) -> PreTrainedConfig:
    values = common(draw, None)
    values.pop("num_key_value_heads")
    head = draw.one([8, 16, 24])
    values |= dict(hidden_size=head * values["num_attention_heads"], use_parallel_residual=draw.flag())
    parameters = rope("default", theta(draw), partial_rotary_factor=draw.one([0.25, 0.5, 1.0]))
    return GPTNeoXConfig(**values, attention_bias=draw.flag(), rope_parameters=parameters)


FAMILIES: dict[str, Callable[[Draw, bool], PreTrainedConfig]] = {
    "llama": llama,
    "mistral": mistral,
    "qwen2": qwen2,
    "qwen3": qwen3,
    "smollm3": smollm3,
    "gemma": gemma,
    "gemma2": gemma2,
    "gemma3": gemma3,
    "gemma3-wrapper": gemma3_wrapper,
    "mistral3-wrapper": mistral3_wrapper,
    "phi3": phi3,
    "olmo2": olmo2,
    "olmo3": olmo3,
    "granite": granite,
    "cohere": cohere,
    "cohere2": cohere2,
    "gpt-neox": gpt_neox,
}
