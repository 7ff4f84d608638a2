"""The weights and the configuration of an imported GGUF file."""

import json

import numpy as np
import pytest
import tiny_gguf
from gguf import quants
from safetensors import safe_open
from tiny_gguf import HEADS, KEY_HEADS, KEY_WIDTH, TYPES

NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def expected_name(name: str) -> str:
    if name.startswith("blk."):
        _, layer, part, _ = name.split(".")
        return f"model.layers.{layer}.{NAMES[part]}.weight"
    return {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}[name[:-7]] + ".weight"


def in_halves(values: np.ndarray, heads: int) -> np.ndarray:
    """Restores the halves of each head: element i of the first half is at 2i, that of the second half at 2i + 1."""
    result = np.empty_like(values)
    for head in range(heads):
        for half in range(2):
            for i in range(KEY_WIDTH // 2):
                result[head * KEY_WIDTH + half * KEY_WIDTH // 2 + i] = values[head * KEY_WIDTH + 2 * i + half]
    return result


def read(directory) -> dict[str, np.ndarray]:
    with safe_open(directory / "model.safetensors", "numpy") as file:
        return {name: file.get_tensor(name) for name in file.keys()}


@pytest.mark.parametrize("kind", TYPES)
def test_tensors_are_dequantized_named_and_ordered(kind, import_gguf, tmp_path):
    written = tiny_gguf.weights() | {"output.weight": np.ones((len(tiny_gguf.TOKENS), tiny_gguf.WIDTH), np.float32)}
    assert import_gguf(tiny_gguf.write(tmp_path / "tiny.gguf", written, kind)) == (0, "", "")
    found = read(tmp_path / "model")
    assert found.keys() == {expected_name(name) for name in written}
    for name, values in written.items():
        if values.ndim == 2:
            values = quants.dequantize(quants.quantize(values, TYPES[kind]), TYPES[kind])
        heads = {"attn_q": HEADS, "attn_k": KEY_HEADS}.get(name.split(".")[-2])
        if heads:
            values = in_halves(values, heads)
        assert found[expected_name(name)].dtype == np.float32
        np.testing.assert_array_equal(found[expected_name(name)], values, err_msg=name)


def test_queries_and_keys_are_restored_from_the_order_of_llama_cpp(import_gguf, tmp_path):
    original = tiny_gguf.weights()
    written = dict(original)
    for name, heads in (("attn_q", HEADS), ("attn_k", KEY_HEADS)):
        for layer in range(tiny_gguf.LAYERS):
            values = original[key := f"blk.{layer}.{name}.weight"]
            # `permute` of llama.cpp's convert_hf_to_gguf.py.
            halves = values.reshape(heads, 2, len(values) // heads // 2, values.shape[1])
            written[key] = halves.swapaxes(1, 2).reshape(values.shape)
    import_gguf(tiny_gguf.write(tmp_path / "tiny.gguf", written))
    found = read(tmp_path / "model")
    for name, values in original.items():
        np.testing.assert_array_equal(found[expected_name(name)], values, err_msg=name)


def configuration(directory) -> dict:
    return json.loads((directory / "config.json").read_text())


def test_the_configuration_equals_that_of_the_file(import_gguf, tmp_path):
    import_gguf(tiny_gguf.write(tmp_path / "tiny.gguf"))
    assert configuration(tmp_path / "model") == {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": 261,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "max_position_embeddings": 512,
        "rms_norm_eps": 1e-5,
        "rope_theta": 100000.0,
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": True,
        "bos_token_id": 256,
        "eos_token_id": 257,
        "pad_token_id": 258,
        "dtype": "float32",
    }
    generation = json.loads((tmp_path / "model/generation_config.json").read_text())
    assert generation == {"bos_token_id": 256, "eos_token_id": 257}


def test_a_separate_head_is_not_tied(import_gguf, tmp_path):
    tensors = tiny_gguf.weights()
    tensors["output.weight"] = tensors["token_embd.weight"] + 1
    import_gguf(tiny_gguf.write(tmp_path / "tiny.gguf", tensors))
    assert configuration(tmp_path / "model")["tie_word_embeddings"] is False
    np.testing.assert_array_equal(read(tmp_path / "model")["lm_head.weight"], tensors["output.weight"])


def test_the_weights_have_the_permissions_of_the_umask(import_gguf, tmp_path):
    import_gguf(tiny_gguf.write(tmp_path / "tiny.gguf"))
    (tmp_path / "usual").touch()
    assert (tmp_path / "model/model.safetensors").stat().st_mode == (tmp_path / "usual").stat().st_mode
