"""Quantized tensors have the values that the formats of llama.cpp define, computed here element by element."""

import struct
from collections.abc import Callable

import numpy as np
import pytest
import tiny_gguf
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from safetensors import safe_open

WIDTH = 256


def half(data: bytes) -> float:
    return struct.unpack("<e", data)[0]


def bf16(data: bytes) -> list[float]:
    return [struct.unpack("<f", b"\0\0" + data)[0]]


def q4_0(data: bytes) -> list[float]:
    scale = half(data[:2])
    return [scale * ((byte >> 4 * part & 15) - 8) for part in range(2) for byte in data[2:]]


def q5_0(data: bytes) -> list[float]:
    scale, high = half(data[:2]), int.from_bytes(data[2:6], "little")
    low = [byte >> 4 * part & 15 for part in range(2) for byte in data[6:]]
    return [scale * ((value | (high >> i & 1) << 4) - 16) for i, value in enumerate(low)]


def q8_0(data: bytes) -> list[float]:
    return [half(data[:2]) * value for value in struct.unpack("<32b", data[2:])]


def scales_of_k(data: bytes) -> list[tuple[int, int]]:
    """Returns scale and minimum of the eight parts of a block of Q4_K or Q5_K, 6 bits each in 12 bytes."""
    first = [(data[i] & 63, data[i + 4] & 63) for i in range(4)]
    rest = [(data[i + 8] & 15 | data[i] >> 6 << 4, data[i + 8] >> 4 | data[i + 4] >> 6 << 4) for i in range(4)]
    return first + rest


def q4_k(data: bytes) -> list[float]:
    scale, least = half(data[:2]), half(data[2:4])
    result = []
    for part, (factor, minimum) in enumerate(scales_of_k(data[4:16])):
        bytes_ = data[16 + part // 2 * 32 : 48 + part // 2 * 32]
        result += [scale * factor * (byte >> 4 * (part % 2) & 15) - least * minimum for byte in bytes_]
    return result


def q5_k(data: bytes) -> list[float]:
    scale, least, high = half(data[:2]), half(data[2:4]), data[16:48]
    result = []
    for part, (factor, minimum) in enumerate(scales_of_k(data[4:16])):
        bytes_ = data[48 + part // 2 * 32 : 80 + part // 2 * 32]
        low = [byte >> 4 * (part % 2) & 15 for byte in bytes_]
        values = [value | (high[i] >> part & 1) << 4 for i, value in enumerate(low)]
        result += [scale * factor * value - least * minimum for value in values]
    return result


def q6_k(data: bytes) -> list[float]:
    low, high, factors, scale = data[:128], data[128:192], struct.unpack("<16b", data[192:208]), half(data[208:])
    result = []
    for i in range(256):
        part, place = i // 128, i % 128
        four = low[part * 64 + place % 64] >> 4 * (place // 64) & 15
        two = high[part * 32 + place % 32] >> 2 * (place // 32) & 3
        result.append(scale * factors[i // 16] * ((four | two << 4) - 32))
    return result


FORMATS: dict[str, Callable[[bytes], list[float]]] = {
    "BF16": bf16,
    "Q4_0": q4_0,
    "Q5_0": q5_0,
    "Q8_0": q8_0,
    "Q4_K": q4_k,
    "Q5_K": q5_k,
    "Q6_K": q6_k,
}
#: Where a block has numbers of 16 bits, which must be finite.
HALVES = {"Q4_0": [0], "Q5_0": [0], "Q8_0": [0], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "BF16": [0]}


def random_rows(kind: str, rows: int) -> np.ndarray:
    """Returns the bytes of random rows, with scales between 0.001 and 0.1."""
    elements, size = GGML_QUANT_SIZES[GGMLQuantizationType[kind]]
    random = np.random.default_rng(23)
    blocks = random.integers(0, 256, (rows * WIDTH // elements, size), dtype=np.uint8)
    for place in HALVES[kind]:
        scales = random.uniform(0.001, 0.1, len(blocks)).astype("<f4")
        found = scales.view("<u2")[1::2] if kind == "BF16" else scales.astype("<f2").view("<u2")
        blocks[:, place : place + 2] = found[:, None].view(np.uint8)
    return blocks.reshape(rows, -1)


@pytest.mark.parametrize("kind", FORMATS)
def test_elements_are_those_of_the_format(kind, import_gguf, tmp_path):
    width = {"llama.embedding_length": WIDTH, "llama.attention.head_count": 16, "llama.attention.head_count_kv": 8}
    heads = {"attn_q": (256, WIDTH), "attn_k": (128, WIDTH), "attn_v": (128, WIDTH), "attn_output": (WIDTH, 256)}
    wide = heads | {"ffn_gate": (96, WIDTH), "ffn_down": (WIDTH, 96), "attn_norm": (WIDTH,), "output_norm": (WIDTH,)}
    wide |= {"ffn_norm": (WIDTH,), "token_embd": (261, WIDTH)}
    tensors = {name: np.zeros(wide.get(name.split(".")[-2], (0,)), np.float32) for name in tiny_gguf.shapes()}
    raw = random_rows(kind, 96)
    tensors |= {f"blk.{n}.ffn_up.weight": (raw, GGMLQuantizationType[kind]) for n in range(tiny_gguf.LAYERS)}
    assert import_gguf(tiny_gguf.write(tmp_path / "tiny.gguf", tensors, **width)) == (0, "", "")
    with safe_open(tmp_path / "model/model.safetensors", "numpy") as file:
        found = file.get_tensor("model.layers.1.mlp.up_proj.weight")
    elements, size = GGML_QUANT_SIZES[GGMLQuantizationType[kind]]
    blocks = raw.reshape(-1, size)
    expected = np.array([FORMATS[kind](block.tobytes()) for block in blocks]).reshape(96, WIDTH)
    assert len(blocks) == 96 * WIDTH // elements and expected.std() > 0
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
