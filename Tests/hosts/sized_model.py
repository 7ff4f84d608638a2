"""A model of a chosen size with little computation per token, so that its steps are dominated by communication."""

import json
import struct
from array import array
from pathlib import Path

WIDTH, LAYERS, VOCABULARY, HEADS = 128, 2, 260, 2


def make_model(directory: Path, gradient_bytes: int) -> Path:
    """Writes a model directory whose float32 gradient has `gradient_bytes`, or up to 3 KiB more."""
    others = VOCABULARY * WIDTH + WIDTH + LAYERS * (4 * WIDTH * WIDTH + 2 * WIDTH)
    inner = -(-(gradient_bytes // 4 - others) // (3 * WIDTH * LAYERS))
    tensors = {"model.embed_tokens.weight": [VOCABULARY, WIDTH], "model.norm.weight": [WIDTH]}
    for layer in range(LAYERS):
        sizes = {f"self_attn.{name}_proj": [WIDTH, WIDTH] for name in "qkvo"}
        sizes |= {"mlp.gate_proj": [inner, WIDTH], "mlp.up_proj": [inner, WIDTH], "mlp.down_proj": [WIDTH, inner]}
        sizes |= {"input_layernorm": [WIDTH], "post_attention_layernorm": [WIDTH]}
        tensors |= {f"model.layers.{layer}.{name}.weight": size for name, size in sizes.items()}
    directory.mkdir(exist_ok=True)
    (directory / "config.json").write_text(json.dumps(configuration(inner)))
    write_tensors(directory / "model.safetensors", tensors)
    return directory


def configuration(inner: int) -> dict:
    return {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "hidden_size": WIDTH,
        "intermediate_size": inner, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS,
        "num_key_value_heads": HEADS, "head_dim": WIDTH // HEADS, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
        "max_position_embeddings": 2048, "vocab_size": VOCABULARY, "tie_word_embeddings": True,
        "bos_token_id": 1, "eos_token_id": 2, "dtype": "float32",
    }  # fmt: skip


def write_tensors(path: Path, sizes: dict[str, list[int]]) -> None:
    header, end = {}, 0
    for name, size in sizes.items():
        begin, end = end, end + 4 * size[0] * (size[1] if len(size) > 1 else 1)
        header[name] = {"dtype": "F32", "shape": size, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    # Small values of both signs with a long period.
    some = array("f", ((7919 * i % 2003 - 1001) / 20_000 for i in range(2003))).tobytes()
    values = (some * (end // len(some) + 1))[:end]
    path.write_bytes(struct.pack("<Q", len(text)) + text + values)
