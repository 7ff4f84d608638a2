"""Writes GGUF files, by default of a Llama model with two layers and known content."""

from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFEndian, GGUFWriter, quants
from tiny import CHATML, byte_characters

WIDTH, HEADS, KEY_HEADS, FORWARD, LAYERS = 64, 4, 2, 96, 2
KEY_WIDTH = WIDTH // HEADS
TOKENS = [*byte_characters(), "<|im_start|>", "<|im_end|>", "<|pad|>", "12", "ab"]
NORMAL, CONTROL = 1, 3
TYPES = {name: GGMLQuantizationType[name] for name in ("F32", "F16", "Q8_0", "Q4_0", "Q4_1")}


def shapes() -> dict[str, tuple[int, ...]]:
    layer = {
        "attn_norm": (WIDTH,),
        "attn_q": (WIDTH, WIDTH),
        "attn_k": (KEY_HEADS * KEY_WIDTH, WIDTH),
        "attn_v": (KEY_HEADS * KEY_WIDTH, WIDTH),
        "attn_output": (WIDTH, WIDTH),
        "ffn_norm": (WIDTH,),
        "ffn_gate": (FORWARD, WIDTH),
        "ffn_up": (FORWARD, WIDTH),
        "ffn_down": (WIDTH, FORWARD),
    }
    layers = {f"blk.{n}.{name}.weight": shape for n in range(LAYERS) for name, shape in layer.items()}
    return {"token_embd.weight": (len(TOKENS), WIDTH), "output_norm.weight": (WIDTH,), **layers}


def weights() -> dict[str, np.ndarray]:
    """Returns the tensors of the file, with the rows of queries and keys in llama.cpp's order."""
    random = np.random.default_rng(5)
    return {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes().items()}


METADATA = {
    "llama.context_length": 512,
    "llama.embedding_length": WIDTH,
    "llama.block_count": LAYERS,
    "llama.feed_forward_length": FORWARD,
    "llama.attention.head_count": HEADS,
    "llama.attention.head_count_kv": KEY_HEADS,
    "llama.attention.layer_norm_rms_epsilon": 1e-5,
    "llama.rope.freq_base": 100000.0,
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": "smollm",
    "tokenizer.ggml.tokens": TOKENS,
    "tokenizer.ggml.merges": ["1 2", "a b"],
    "tokenizer.ggml.token_type": [CONTROL if token.startswith("<|") else NORMAL for token in TOKENS],
    "tokenizer.ggml.bos_token_id": 256,
    "tokenizer.ggml.eos_token_id": 257,
    "tokenizer.ggml.padding_token_id": 258,
    "tokenizer.chat_template": CHATML,
}


def write(
    path: Path,
    tensors: dict[str, np.ndarray | tuple[np.ndarray, GGMLQuantizationType]] | None = None,
    kind: str = "F32",
    architecture: str = "llama",
    endianess: GGUFEndian = GGUFEndian.LITTLE,
    **changes: object,
) -> Path:
    """Writes the file; `changes` replace metadata (None removes a key).

    Matrices are quantized as `kind`; a tensor can also be given as bytes with their type.
    """
    writer = GGUFWriter(path, architecture, endianess=endianess)
    for key, value in {**METADATA, **changes}.items():
        add = {str: writer.add_string, int: writer.add_uint32, float: writer.add_float32, list: writer.add_array}
        add[bool] = writer.add_bool
        if value is not None:
            add[type(value)](key, value)
    for name, values in (weights() if tensors is None else tensors).items():
        if isinstance(values, tuple):
            writer.add_tensor(name, values[0], raw_dtype=values[1])
        elif values.ndim == 2:
            writer.add_tensor(name, quants.quantize(values, TYPES[kind]), raw_dtype=TYPES[kind])
        else:
            writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
