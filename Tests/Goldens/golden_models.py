"""The configurations of the goldens: one for each family and feature, with odd but legal shapes.

Every feature must matter: each entry of `changes` is a change of the configuration that `make_goldens.py` proves to move
log-probabilities, so that an implementation without the feature, or off by one, fails.
"""

from dataclasses import dataclass, field
from typing import Any

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

FULL, SLIDING = "full_attention", "sliding_attention"


@dataclass(frozen=True)
class GoldenModel:
    """A golden: its configuration, the seed of its weights and data, and how they are drawn."""

    seed: int
    config: PreTrainedConfig
    # Whether the data has the longer examples of the first goldens, which have neither steps nor changes.
    is_long: bool = False
    # The standard deviation of matrices.
    scale: float = 0.2
    # Settings of the text model, each of which changes log-probabilities.
    changes: list[dict[str, Any]] = field(default_factory=list)
    # A token that begins and ends every prompt.
    token: int | None = None
    # Tokens of the data are below this number; the placeholders of images are above it.
    tokens: int | None = None


LONG = dict(
    vocab_size=131,
    intermediate_size=88,
    num_hidden_layers=3,
    max_position_embeddings=512,
    rms_norm_eps=1e-5,
    attn_implementation="eager",
)
SMALL = LONG | dict(hidden_size=48, num_attention_heads=6, num_key_value_heads=2, head_dim=8)
COMMON = dict(
    vocab_size=97,
    max_position_embeddings=256,
    bos_token_id=1,
    eos_token_id=2,
    pad_token_id=None,
    attn_implementation="eager",
)


def sizes(width: int, heads: int, groups: int, ffn: int, layers: int, head: int | None = None) -> dict[str, Any]:
    """Returns the common settings of a model of these sizes; its heads have `width / heads` elements without `head`."""
    values = COMMON | dict(hidden_size=width, num_attention_heads=heads, num_key_value_heads=groups)
    values |= dict(intermediate_size=ffn, num_hidden_layers=layers)
    return values | ({} if head is None else {"head_dim": head})


def neox_sizes(width: int, heads: int, ffn: int, layers: int) -> dict[str, Any]:
    """Returns the settings of a GPT-NeoX of these sizes, which has as many key/value heads as heads."""
    return {key: value for key, value in sizes(width, heads, 0, ffn, layers).items() if key != "num_key_value_heads"}


def rope(kind: str, theta: float, **settings: Any) -> dict[str, Any]:
    """Returns `rope_parameters` of one table."""
    return {"rope_type": kind, "rope_theta": theta} | settings


GEMMA3 = sizes(24, 2, 1, 40, 3, head=20) | dict(
    query_pre_attn_scalar=13,
    sliding_window=6,
    layer_types=[SLIDING, SLIDING, FULL],
    rope_parameters={FULL: rope("linear", 20000.0, factor=4.0), SLIDING: rope("default", 500.0)},
)
# Text models of the wrappers, with the smallest vision towers, through which no text passes.
GEMMA3_WRAPPER = Gemma3Config(
    text_config=Gemma3TextConfig(
        **GEMMA3 | dict(hidden_size=20, intermediate_size=32, num_hidden_layers=2, layer_types=[SLIDING, FULL])
    ),
    vision_config=SiglipVisionConfig(
        hidden_size=8, intermediate_size=12, num_hidden_layers=1, num_attention_heads=2, image_size=8, patch_size=4
    ),
    mm_tokens_per_image=4,
    boi_token_index=94,
    eoi_token_index=95,
    image_token_index=96,
    attn_implementation="eager",
)
MISTRAL3_WRAPPER = Mistral3Config(
    text_config=MistralConfig(**sizes(28, 2, 1, 36, 2, head=18), sliding_window=None),
    vision_config=PixtralVisionConfig(
        hidden_size=16, intermediate_size=12, num_hidden_layers=1, num_attention_heads=2, image_size=8, patch_size=4
    ),
    image_token_index=96,
    tie_word_embeddings=False,
    attn_implementation="eager",
)

MODELS: dict[str, GoldenModel] = {
    "tied": GoldenModel(20, LlamaConfig(**SMALL, rope_theta=10000.0, tie_word_embeddings=True), True, 0.15),
    "free-head": GoldenModel(
        21,
        LlamaConfig(
            **LONG, hidden_size=40, num_attention_heads=4, num_key_value_heads=4, head_dim=12, rope_theta=100000.0
        ),
        True,
        0.15,
    ),
    "biases": GoldenModel(
        23, LlamaConfig(**SMALL, tie_word_embeddings=True, attention_bias=True, mlp_bias=True), True, 0.15
    ),
    "qwen2": GoldenModel(24, Qwen2Config(**SMALL, tie_word_embeddings=True, rope_theta=1000000.0), True, 0.15),
    # Lengths at which some frequencies stay, some are interpolated and some divided.
    "llama3": GoldenModel(
        22,
        LlamaConfig(
            **SMALL,
            tie_word_embeddings=True,
            rope_parameters=rope(
                "llama3",
                10000.0,
                factor=8.0,
                low_freq_factor=1.0,
                high_freq_factor=4.0,
                original_max_position_embeddings=64,
            ),
        ),
        True,
        0.15,
    ),
    # A window on every layer, shorter than most prompts.
    "mistral": GoldenModel(
        31,
        MistralConfig(**sizes(32, 4, 2, 40, 2, head=12), sliding_window=24),
        changes=[{"sliding_window": None}, {"sliding_window": 23}],
    ),
    # Windows from the second layer on, shorter than responses.
    "qwen2-window": GoldenModel(
        32,
        Qwen2Config(
            **sizes(36, 6, 3, 32, 3),
            use_sliding_window=True,
            sliding_window=5,
            max_window_layers=1,
            tie_word_embeddings=True,
        ),
        changes=[{"layer_types": [FULL] * 3}, {"layer_types": [SLIDING] * 3}, {"sliding_window": 6}],
    ),
    "qwen3": GoldenModel(
        33,
        Qwen3Config(**sizes(28, 3, 1, 40, 2, head=16), tie_word_embeddings=True, rope_parameters=rope("default", 50000.0)),
        changes=[{"rope_parameters": rope("default", 10000.0)}],
    ),
    "qwen3-biases": GoldenModel(34, Qwen3Config(**sizes(26, 4, 2, 36, 2, head=10), attention_bias=True)),
    # The layer without rotation slides.
    "smollm3": GoldenModel(
        35,
        SmolLM3Config(
            **sizes(24, 4, 2, 32, 4),
            no_rope_layers=[1, 0, 1, 1],
            use_sliding_window=True,
            sliding_window=6,
            rope_parameters=rope("default", 50000.0),
        ),
        changes=[{"no_rope_layers": [1] * 4}, {"layer_types": [FULL] * 4}, {"sliding_window": 5}],
    ),
    "gemma": GoldenModel(
        36, GemmaConfig(**sizes(24, 3, 1, 40, 2, head=14)), changes=[{"hidden_act": "gelu"}, {"hidden_act": "silu"}]
    ),
    # Caps that bind, the scale of an odd width, windows shorter than responses.
    "gemma2": GoldenModel(
        37,
        Gemma2Config(
            **sizes(24, 4, 2, 36, 3, head=10),
            query_pre_attn_scalar=17,
            attn_logit_softcapping=3.0,
            final_logit_softcapping=4.0,
            sliding_window=5,
        ),
        scale=0.3,
        changes=[
            {"attn_logit_softcapping": None},
            {"final_logit_softcapping": None},
            {"query_pre_attn_scalar": 10},
            {"layer_types": [FULL, SLIDING, FULL]},
            {"sliding_window": 6},
            {"hidden_activation": "gelu"},
        ],
    ),
    "gemma3": GoldenModel(
        38,
        Gemma3TextConfig(**GEMMA3),
        changes=[
            {"rope_parameters": {FULL: rope("default", 20000.0), SLIDING: rope("default", 500.0)}},
            {"rope_parameters": {name: rope("linear", 20000.0, factor=4.0) for name in (FULL, SLIDING)}},
            {"query_pre_attn_scalar": 20},
            {"layer_types": [SLIDING, FULL, SLIDING]},
            {"sliding_window": 7},
        ],
    ),
    # Half of a head rotates; the short factors hold, since every example is within the original length.
    "phi3": GoldenModel(
        39,
        Phi3Config(
            **sizes(48, 4, 2, 24, 2),
            original_max_position_embeddings=64,
            tie_word_embeddings=True,
            rope_parameters=rope(
                "longrope",
                10000.0,
                partial_rotary_factor=0.5,
                short_factor=[1.0, 1.3, 1.9],
                long_factor=[1.1, 4.0, 9.0],
            ),
        ),
        changes=[
            {"max_position_embeddings": 64},
            {"rope_parameters": rope("default", 10000.0, partial_rotary_factor=0.5)},
        ],
    ),
    "phi3-default": GoldenModel(
        40,
        Phi3Config(**sizes(32, 4, 1, 36, 2), sliding_window=11),
        changes=[{"sliding_window": None}, {"sliding_window": 12}],
    ),
    "olmo2": GoldenModel(41, Olmo2Config(**sizes(32, 4, 2, 36, 2))),
    # YaRN in the full layer only.
    "olmo3": GoldenModel(
        42,
        Olmo3Config(
            **sizes(32, 2, 1, 24, 4),
            sliding_window=5,
            tie_word_embeddings=True,
            rope_parameters={
                FULL: rope(
                    "yarn",
                    500000.0,
                    factor=4.0,
                    original_max_position_embeddings=64,
                    attention_factor=1.2,
                    beta_fast=4.0,
                    beta_slow=1.0,
                    truncate=False,
                ),
                SLIDING: rope("default", 500000.0),
            },
        ),
        changes=[
            {"rope_parameters": {name: rope("default", 500000.0) for name in (FULL, SLIDING)}},
            {"layer_types": [SLIDING, SLIDING, FULL, SLIDING]},
            {"sliding_window": 6},
        ],
    ),
    "granite": GoldenModel(
        43,
        GraniteConfig(
            **sizes(32, 4, 2, 36, 2),
            attention_bias=True,
            tie_word_embeddings=True,
            embedding_multiplier=3.0,
            residual_multiplier=0.4,
            attention_multiplier=0.21,
            logits_scaling=1.7,
        ),
        scale=0.3,
        changes=[
            {"embedding_multiplier": 1.0},
            {"residual_multiplier": 1.0},
            {"attention_multiplier": 8**-0.5},
            {"logits_scaling": 1.0},
        ],
    ),
    "cohere": GoldenModel(
        44, CohereConfig(**sizes(32, 4, 2, 40, 2), use_qk_norm=True, logit_scale=0.7), changes=[{"logit_scale": 1.0}]
    ),
    "cohere2": GoldenModel(
        45,
        Cohere2Config(
            **sizes(24, 3, 1, 40, 3), sliding_window=9, layer_types=[SLIDING, SLIDING, FULL], logit_scale=0.8
        ),
        changes=[{"layer_types": [SLIDING] * 3}, {"layer_types": [FULL] * 3}, {"sliding_window": 8}],
    ),
    "gpt-neox": GoldenModel(
        46,
        GPTNeoXConfig(**neox_sizes(32, 2, 56, 2), rope_parameters=rope("default", 10000.0, partial_rotary_factor=0.25)),
        changes=[
            {"use_parallel_residual": False},
            {"hidden_act": "gelu_pytorch_tanh"},
            {"rope_parameters": rope("default", 10000.0, partial_rotary_factor=0.5)},
        ],
    ),
    "gpt-neox-serial": GoldenModel(
        47,
        GPTNeoXConfig(
            **neox_sizes(24, 4, 40, 3),
            use_parallel_residual=False,
            tie_word_embeddings=True,
            rope_parameters=rope("default", 10000.0, partial_rotary_factor=1.0),
        ),
        changes=[{"use_parallel_residual": True}],
    ),
    # One frequency stays, one is interpolated, the others are divided.
    "yarn": GoldenModel(
        48,
        LlamaConfig(
            **sizes(32, 4, 2, 36, 2, head=12),
            tie_word_embeddings=True,
            rope_parameters=rope(
                "yarn",
                10000.0,
                factor=4.0,
                original_max_position_embeddings=64,
                mscale=1.3,
                mscale_all_dim=0.4,
                beta_fast=6.0,
                beta_slow=0.5,
            ),
        ),
        changes=[
            {
                "rope_parameters": rope(
                    "yarn", 10000.0, factor=4.0, original_max_position_embeddings=64, beta_fast=6.0, beta_slow=0.5
                )
            },
            {"rope_parameters": rope("linear", 10000.0, factor=4.0)},
            {"rope_parameters": rope("default", 10000.0)},
        ],
    ),
    "linear": GoldenModel(
        49,
        LlamaConfig(**sizes(32, 4, 1, 40, 2, head=10), rope_parameters=rope("linear", 10000.0, factor=2.5)),
        changes=[{"rope_parameters": rope("default", 10000.0)}],
    ),
    # Within the original length the frequencies are those of the default.
    "dynamic": GoldenModel(
        50,
        LlamaConfig(
            **sizes(30, 3, 3, 40, 2, head=8),
            tie_word_embeddings=True,
            rope_parameters=rope("dynamic", 10000.0, factor=2.0),
        ),
        changes=[{"rope_parameters": rope("linear", 10000.0, factor=2.0)}],
    ),
    "gemma3-wrapper": GoldenModel(51, GEMMA3_WRAPPER, tokens=94, changes=[{"sliding_window": 7}]),
    "mistral3-wrapper": GoldenModel(52, MISTRAL3_WRAPPER, tokens=96, changes=[{"sliding_window": 24}]),
    # The end token pads, as many models are set up, and occurs in every prompt.
    "pad": GoldenModel(
        53, LlamaConfig(**sizes(32, 4, 2, 40, 2, head=10) | {"pad_token_id": 2}), token=2
    ),
}
