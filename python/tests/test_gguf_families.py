"""Models of every family come back from GGUF exactly as Hugging Face had them."""

import json

import numpy as np
import pytest
from gguf_families import FAMILIES
from safetensors import safe_open
from transformers import AutoConfig

#: What does not change what a model computes; the rotary share is in `rope_parameters` too.
INCIDENTAL = {
    "architectures",
    "dtype",
    "transformers_version",
    "use_cache",
    "max_window_layers",
    "partial_rotary_factor",
}


def read(directory) -> dict[str, np.ndarray]:
    with safe_open(directory / "model.safetensors", "numpy") as file:
        return {name: file.get_tensor(name) for name in file.keys()}


def facts(config) -> dict:
    """Returns what a configuration says about the model, defaults included."""
    values = {key: value for key, value in config.to_dict().items() if key not in INCIDENTAL}
    values["rope_parameters"].pop("type", None)
    values["head_dim"] = getattr(config, "head_dim", config.hidden_size // config.num_attention_heads)
    return {key: value for key, value in values.items() if not key.startswith("_")}


@pytest.mark.parametrize("name", FAMILIES)
def test_weights_have_the_names_the_order_and_the_values_of_hugging_face(name, import_gguf, tmp_path):
    family = FAMILIES[name]
    assert import_gguf(family.write(tmp_path / "model.gguf")) == (0, "", "")
    found, expected = read(tmp_path / "model"), family.weights()
    assert found.keys() == expected.keys()
    for key, values in expected.items():
        # One is added to Gemma's norms and subtracted again.
        tolerance = 1e-6 if family.architecture == "gemma3" and key.endswith("norm.weight") else 0
        np.testing.assert_allclose(found[key], values, rtol=0, atol=tolerance, err_msg=key)
    assert len(found) > 20


@pytest.mark.parametrize("name", FAMILIES)
def test_transformers_reads_the_configuration_as_that_of_the_model(name, import_gguf, tmp_path):
    family = FAMILIES[name]
    import_gguf(family.write(tmp_path / "model.gguf"))
    loaded = AutoConfig.from_pretrained(tmp_path / "model")
    expected = AutoConfig.for_model(**family.configuration())
    assert loaded.model_type == expected.model_type
    assert facts(loaded) == facts(expected)


def test_the_class_is_that_of_the_family(import_gguf, tmp_path):
    names = {}
    for number, (name, family) in enumerate(FAMILIES.items()):
        import_gguf(family.write(tmp_path / "model.gguf"), tmp_path / str(number))
        [names[family.architecture]] = json.loads((tmp_path / str(number) / "config.json").read_text())["architectures"]
    assert names == {
        "llama": "MistralForCausalLM",  # The last of them has a window.
        "mistral": "MistralForCausalLM",
        "mistral3": "MistralForCausalLM",
        "qwen2": "Qwen2ForCausalLM",
        "qwen3": "Qwen3ForCausalLM",
        "gemma3": "Gemma3ForCausalLM",
        "phi3": "Phi3ForCausalLM",
    }


@pytest.mark.parametrize("name", FAMILIES)
def test_the_model_gives_the_log_probabilities_of_transformers(name, import_gguf, tmp_path):
    torch = pytest.importorskip("torch", reason="torch is not installed; weights and configurations are compared above")
    from transformers import AutoModelForCausalLM

    family = FAMILIES[name]
    import_gguf(family.write(tmp_path / "model.gguf"))
    options = {"attn_implementation": "eager"}
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "model", dtype=torch.float32, **options)
    expected = AutoModelForCausalLM.from_config(AutoConfig.for_model(**family.configuration()), **options).eval()
    weights = {key: torch.from_numpy(values) for key, values in family.weights().items()}
    missing, unexpected = expected.load_state_dict(weights, strict=False)
    assert (set(missing) <= {"lm_head.weight"}, unexpected) == (True, [])
    expected.tie_weights()
    tokens = torch.from_numpy(np.random.default_rng(3).integers(0, 256, (2, 40)))
    with torch.no_grad():
        found, wanted = (model(tokens).logits.log_softmax(-1) for model in (loaded, expected))
    assert wanted.std() > 0.5
    torch.testing.assert_close(found, wanted, rtol=0, atol=2e-5)
