"""What GGUF files say about windows, rotary embeddings and biases, where they say it in other ways or wrongly."""

import json
import math

import numpy as np
import pytest
from espalier_data.gguf_model import configuration
from espalier_data.gguf_model.metadata import ModelMetadata
from gguf_families import FAMILIES, llama3_factors


@pytest.fixture
def config(import_gguf, tmp_path):
    """Imports a family's file with changes, and returns config.json."""

    def run(name: str, tensors: dict | None = None, **changes: object) -> dict:
        family = FAMILIES[name]
        stored = family.stored() | (tensors or {})
        prefixed = {f"{family.architecture}.{key}": value for key, value in changes.items()}
        assert import_gguf(family.write(tmp_path / "model.gguf", stored, **prefixed)) == (0, "", "")
        return json.loads((tmp_path / "model/config.json").read_text())

    return run


@pytest.fixture
def rejected(import_gguf, tmp_path):
    """Imports a family's file with changes, which must be rejected, and returns the message."""

    def run(name: str, tensors: dict | None = None, **changes: object) -> str:
        family = FAMILIES[name]
        stored = {key: values for key, values in (family.stored() | (tensors or {})).items() if values is not None}
        prefixed = {f"{family.architecture}.{key}": value for key, value in changes.items()}
        file = family.write(tmp_path / "model.gguf", stored, **prefixed)
        status, out, err = import_gguf(file)
        assert (status, out, err.count("\n")) == (1, "", 1), err
        return err.removeprefix(f"error: {file}: ").removesuffix("\n")

    return run


@pytest.mark.parametrize("key", ["rope.scaling.factor", "rope.scale_linear"])
def test_a_factor_without_a_type_scales_linearly(key, config):
    assert config("llama", **{key: 4.0})["rope_scaling"] == {"rope_type": "linear", "factor": 4.0}


@pytest.mark.parametrize(
    "changes",
    [
        {"rope.scaling.type": "none", "rope.scaling.factor": 4.0},
        {"rope.scaling.type": "linear"},
        {"rope.scaling.type": "linear", "rope.scaling.factor": 1.0},
        {"rope.scaling.type": "yarn", "rope.scaling.factor": 1.0},
        {"rope.scaling.factor": 0.0, "rope.scale_linear": 0.0},
    ],
)
def test_factors_without_effect_are_left_out(changes, config):
    assert "rope_scaling" not in config("llama", **changes)


def test_yarn_has_the_attention_factor_of_the_file(config):
    changes = {"rope.scaling.yarn_attn_factor": 1.25, "rope.scaling.yarn_ext_factor": 1.0}
    assert config("qwen 2, yarn", **changes)["rope_scaling"] == {
        "rope_type": "yarn",
        "factor": 4.0,
        "original_max_position_embeddings": 32,
        "attention_factor": 1.25,
    }


def table(settings: dict, head: int, base: float) -> list[float]:
    names = ("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings")
    return llama3_factors(head, base, *(settings[name] for name in names))


@pytest.mark.parametrize(
    ("factor", "low", "high", "original"),
    [
        (8.0, 1.0, 4.0, 8192),
        (32.0, 1.0, 4.0, 8192),
        (4.0, 1.0, 8.0, 8192),
        (16.0, 0.5, 3.0, 4000),
        (2.0, 2.0, 5.0, 900),
    ],
)
@pytest.mark.parametrize("base", [10000.0, 500000.0])
def test_llama3_settings_give_the_factors_of_the_file(factor, low, high, original, base, config):
    factors = np.array(llama3_factors(128, base, factor, low, high, original), np.float32)
    family = FAMILIES["llama 3.1"]
    wide = {key: np.zeros(shape, np.float32) for key, shape in stored_shapes(family, 128).items()}
    found = config(
        "llama 3.1",
        wide | {"rope_freqs.weight": factors},
        **{"rope.freq_base": base, "attention.key_length": 128, "attention.value_length": 128},
    )
    assert found["rope_scaling"]["rope_type"] == "llama3"
    np.testing.assert_allclose(table(found["rope_scaling"], 128, base), factors, rtol=1e-5)
    if (low, high, original) == (1.0, 4.0, 8192):
        assert found["rope_scaling"]["original_max_position_embeddings"] == 8192


def stored_shapes(family, head: int) -> dict[str, tuple[int, ...]]:
    """Returns the shapes of tensors that depend on the width of a head."""
    shapes = {
        "attn_q": (4 * head, 64),
        "attn_k": (2 * head, 64),
        "attn_v": (2 * head, 64),
        "attn_output": (64, 4 * head),
    }
    modules = {name: name.split(".")[-2] for name in family.stored()}
    return {name: shapes[module] for name, module in modules.items() if module in shapes}


def test_factors_of_one_scale_nothing(config):
    assert "rope_scaling" not in config("llama", {"rope_freqs.weight": np.ones(8, np.float32)})


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        (np.linspace(1, 8, 8), "its factors are not those of a llama3 scaling, which alone is supported"),
        (10000.0 ** -(np.arange(8) / 8), "its factors are not those of a llama3 scaling, which alone is supported"),
        (np.full(7, 2.0), "expected 8 positive factors, found the shape (7,)"),
        (np.array([1.0] * 7 + [np.nan]), "expected 8 positive factors, found the shape (8,)"),
        (np.array([1.0] * 7 + [0.0]), "expected 8 positive factors, found the shape (8,)"),
    ],
)
def test_other_factors_are_refused(factors, message, rejected):
    found = rejected("llama", {"rope_freqs.weight": factors.astype(np.float32)})
    assert found == f"tensor rope_freqs.weight: {message}"


def test_a_window_on_every_layer_makes_a_mistral(config):
    found = config("llama", **{"attention.sliding_window": 4096})
    assert (found["model_type"], found["sliding_window"]) == ("mistral", 4096)


def test_a_mistral_without_a_window_has_none(config):
    # Without the key, transformers assumes 4096.
    assert config("mistral")["sliding_window"] is None


@pytest.mark.parametrize(("layers", "without"), [(5, []), (6, [5]), (13, [5, 11])])
def test_every_sixth_layer_of_gemma_3_has_no_window_unless_the_file_says_otherwise(layers, without):
    found = gemma3(layers, 24)["layer_types"]
    assert [layer for layer, kind in enumerate(found) if kind == "full_attention"] == without
    assert found.count("sliding_attention") == layers - len(without)


@pytest.mark.parametrize(("layers", "scalar"), [(18, 128), (48, 128), (62, 168)])
def test_scores_of_gemma_3_are_scaled_by_the_head_but_for_27b(layers, scalar):
    assert gemma3(layers, 128)["query_pre_attn_scalar"] == scalar


def gemma3(layers: int, head: int) -> dict:
    """Returns the settings that only Gemma 3 has, of a model as wide as 27B."""
    values = {"embedding_length": 5376, "attention.head_count": 32, "context_length": 131072, "rope.freq_base": 1e6}
    values["attention.sliding_window"] = 1024
    metadata = ModelMetadata({f"gemma3.{key}": value for key, value in values.items()}, "gemma3")
    return configuration._gemma3(metadata, layers, head)


@pytest.mark.parametrize(("factor", "expected"), [(math.sqrt(1.75), None), (1.5, 1.5), (None, 1.0)])
def test_longrope_has_the_attention_factor_of_the_file_if_it_is_another(factor, expected, config):
    found = config("phi 3, longrope", **{"rope.scaling.attn_factor": factor})
    assert found["rope_scaling"].get("attention_factor") == expected


@pytest.mark.parametrize("share", [2, 10, 14, 16])
def test_the_rotating_part_of_phi_3_is_that_of_the_file(share, config):
    found = config("phi 3", **{"rope.dimension_count": share})
    assert int(found["head_dim"] * found["partial_rotary_factor"]) == share


BIAS = np.zeros(64, np.float32)


@pytest.mark.parametrize(
    ("name", "tensors", "changes", "message"),
    [
        ("llama", {"blk.1.attn_q.bias": BIAS}, {}, "15 tensors are missing, the first is blk.0.attn_q.bias"),
        ("qwen 2", {"blk.2.attn_k.bias": None}, {}, "1 tensor is missing: blk.2.attn_k.bias"),
        ("qwen 2", {"blk.0.attn_output.bias": BIAS}, {}, "tensor blk.0.attn_output.bias is not part of a Qwen2 model"),
        ("qwen 2", {"output.bias": BIAS}, {}, "tensor output.bias is not part of a Qwen2 model"),
        (
            "qwen 3",
            {"blk.3.attn_q_norm.weight": None},
            {},
            "1 tensor is missing: blk.3.attn_q_norm.weight",
        ),
        (
            "qwen 3",
            {},
            {"attention.sliding_window": 64},
            "qwen3.attention.sliding_window = 64 is not supported; supported: 0",
        ),
        ("mistral 3", {}, {"attention.temperature_scale": 0.1}, "mistral3.attention.temperature_scale = 0.1"),
        ("mistral", {"blk.0.attn_q.bias": BIAS}, {}, "tensor blk.0.attn_q.bias is not part of a Mistral model"),
        ("gemma 3", {}, {"rope.freq_base": None}, "expected metadata gemma3.rope.freq_base, found none"),
        (
            "gemma 3",
            {},
            {"rope.scaling.type": "yarn", "rope.scaling.factor": 2.0},
            "gemma3.rope.scaling.type = 'yarn' is not supported for gemma3_text; supported: linear",
        ),
        (
            "gemma 3",
            {},
            {"attention.sliding_window_pattern": [True, False]},
            "expected a number, or 4 truth values, in gemma3.attention.sliding_window_pattern, found 2 values",
        ),
        ("gemma 3", {}, {"attention.key_length_swa": 16}, "gemma3.attention.key_length_swa = 16 is not supported"),
        ("gemma 3", {"dense_2.weight": BIAS}, {}, "tensor dense_2.weight is not part of a Gemma3 model"),
        (
            "phi 3",
            {"rope_factors_long.weight": np.ones(8, np.float32)},
            {},
            "tensor rope_factors_short.weight is missing, which longrope requires; is the file complete?",
        ),
        (
            "phi 3",
            {},
            {"rope.scaling.type": "yarn", "rope.scaling.factor": 2.0},
            "phi3.rope.scaling.type = 'yarn' is not supported for phi3; supported: longrope",
        ),
        ("phi 3", {}, {"rope.dimension_count": 15}, "expected an even number up to 16 in phi3.rope.dimension_count"),
        ("phi 3", {}, {"rope.dimension_count": 18}, "expected an even number up to 16 in phi3.rope.dimension_count"),
        (
            "llama",
            {"rope_factors_long.weight": np.ones(8, np.float32), "rope_factors_short.weight": np.ones(8, np.float32)},
            {},
            "the tensor rope_factors_long.weight is not supported for llama; supported: linear, yarn, llama3",
        ),
        (
            "llama 3.1",
            {},
            {"rope.scaling.type": "yarn", "rope.scaling.factor": 2.0},
            "llama.rope.scaling.type = 'yarn' and the tensor rope_freqs.weight exclude each other",
        ),
        (
            "qwen 3",
            {"rope_freqs.weight": np.full(12, 2.0, np.float32)},
            {},
            "the tensor rope_freqs.weight is not supported for qwen3; supported: linear, yarn",
        ),
        (
            "qwen 2, yarn",
            {},
            {"rope.scaling.yarn_ext_factor": 0.5},
            "qwen2.rope.scaling.yarn_ext_factor = 0.5 is not supported; supported: 1.0",
        ),
    ],
)
def test_what_a_family_does_not_have_is_named(name, tensors, changes, message, rejected):
    assert rejected(name, tensors, **changes).startswith(message)
