"""`espalier-import-gguf`: converts a GGUF file to a Hugging Face model directory in float32."""

import argparse
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError

from . import gguf_tokenizer
from .errors import UserError, run_command

# GGUF names and Hugging Face names, within a layer and outside of layers.
_LAYER_NAMES = {
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
_MODEL_NAMES = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="espalier-import-gguf",
        description="Converts a GGUF file (llama architecture) to a Hugging Face model directory in float32.",
    )
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("output", type=Path, metavar="OUTDIR")
    arguments = parser.parse_args()
    run_command(lambda: import_gguf(arguments.file, arguments.output))


def import_gguf(file: Path, output: Path) -> None:
    """Imports `file`; `output` appears only when it is complete."""
    if output.exists():
        raise UserError(f"{output}: already exists; remove it, or choose another directory")
    reader = _open(file)
    try:
        metadata = {name: field.contents() for name, field in reader.fields.items()}
        names = {tensor.name: hugging_face_name(tensor.name) for tensor in reader.tensors}
        config = configuration(metadata, ties_embeddings="output.weight" not in names)
        tokenizer = _tokenizer(metadata, config)
        _check_shapes({tensor.name: _shape(tensor) for tensor in reader.tensors}, config)
        weights = {names[tensor.name]: _values(tensor, config) for tensor in reader.tensors}
    except UserError as error:
        raise UserError(f"{file}: {error}") from None
    temporary = output.with_name(f"{output.name}.{os.getpid()}.tmp")
    try:
        temporary.mkdir(parents=True)
        _write(temporary, config, weights, tokenizer)
        temporary.rename(output)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{output}: cannot be written: {getattr(error, 'strerror', None) or error}") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def configuration(metadata: dict[str, Any], ties_embeddings: bool) -> dict[str, Any]:
    """Returns the content of `config.json` of a Llama model."""
    architecture = metadata.get("general.architecture")
    if architecture != "llama":
        raise UserError(f"general.architecture = {architecture!r} is not supported; supported: llama")
    scaling = metadata.get("llama.rope.scaling.type")
    if scaling not in (None, "none"):
        raise UserError(f"llama.rope.scaling.type = {scaling!r} is not supported")

    def number(key: str) -> Any:
        return gguf_tokenizer.required(metadata, f"llama.{key}")

    heads, width = number("attention.head_count"), number("embedding_length")
    tokens = {name: metadata.get(f"tokenizer.ggml.{name}_token_id") for name in ("bos", "eos")}
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": len(gguf_tokenizer.required(metadata, "tokenizer.ggml.tokens")),
        "hidden_size": width,
        "intermediate_size": number("feed_forward_length"),
        "num_hidden_layers": number("block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": metadata.get("llama.attention.head_count_kv", heads),
        "head_dim": metadata.get("llama.attention.key_length", width // heads),
        "max_position_embeddings": number("context_length"),
        # Stored as float32: the shortest decimal number with this float32 value is the original one.
        "rms_norm_eps": float(str(np.float32(number("attention.layer_norm_rms_epsilon")))),
        "rope_theta": metadata.get("llama.rope.freq_base", 10000.0),
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": ties_embeddings,
        "bos_token_id": tokens["bos"],
        "eos_token_id": tokens["eos"],
        "dtype": "float32",
    }


def hugging_face_name(name: str) -> str:
    """Returns the Hugging Face name of a GGUF tensor."""
    if name == "rope_freqs.weight":
        raise UserError("tensor rope_freqs.weight: scaled rotary frequencies are not supported")
    stem, _, suffix = name.rpartition(".")
    parts = stem.split(".")
    if suffix == "weight" and stem in _MODEL_NAMES:
        return f"{_MODEL_NAMES[stem]}.weight"
    if suffix == "weight" and len(parts) == 3 and parts[0] == "blk" and parts[2] in _LAYER_NAMES:
        return f"model.layers.{parts[1]}.{_LAYER_NAMES[parts[2]]}.weight"
    raise UserError(f"tensor {name} is not part of a Llama model")


def expected_shapes(config: dict[str, Any]) -> dict[str, list[int]]:
    """Returns the shapes of the tensors of a Llama model with this configuration, by their GGUF names."""
    width, forward, head = config["hidden_size"], config["intermediate_size"], config["head_dim"]
    queries, keys = config["num_attention_heads"] * head, config["num_key_value_heads"] * head
    layer = {
        "attn_norm": [width],
        "attn_q": [queries, width],
        "attn_k": [keys, width],
        "attn_v": [keys, width],
        "attn_output": [width, queries],
        "ffn_norm": [width],
        "ffn_gate": [forward, width],
        "ffn_up": [forward, width],
        "ffn_down": [width, forward],
    }
    shapes = {"token_embd": [config["vocab_size"], width], "output_norm": [width]}
    if not config["tie_word_embeddings"]:
        shapes["output"] = shapes["token_embd"]
    shapes |= {f"blk.{n}.{name}": shape for n in range(config["num_hidden_layers"]) for name, shape in layer.items()}
    return {f"{name}.weight": shape for name, shape in shapes.items()}


def unpermuted(weight: np.ndarray, heads: int) -> np.ndarray:
    """Returns the rows of a query or key projection in Hugging Face's order.

    GGUF interleaves the two halves of each head, since its rotary embedding rotates adjacent elements; Hugging Face's
    rotates element i with element i + K/2.
    """
    rows, columns = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def _open(file: Path) -> Any:
    from gguf import GGUFReader

    if not file.is_file():
        raise UserError(f"{file}: expected a GGUF file, found none")
    try:
        return GGUFReader(file)
    except OSError:
        raise
    except Exception as error:  # numpy and struct raise various errors for missing bytes.
        raise UserError(f"{file}: not a complete GGUF file ({error}); download it again") from None


def _check_shapes(found: dict[str, list[int]], config: dict[str, Any]) -> None:
    expected = expected_shapes(config)
    missing = [name for name in expected if name not in found]
    if missing:
        raise UserError(f"{len(missing)} tensors are missing, the first is {missing[0]}; is the file complete?")
    for name, shape in found.items():
        if shape != expected.get(name):
            raise UserError(f"tensor {name}: expected {_described(expected.get(name))}, found {shape}")


def _described(shape: list[int] | None) -> str:
    return f"the shape {shape}" if shape else "no such layer"


def _shape(tensor: Any) -> list[int]:
    """Returns the shape; GGUF lists dimensions from the innermost."""
    return [int(size) for size in reversed(tensor.shape)]


def _values(tensor: Any, config: dict[str, Any]) -> np.ndarray:
    from gguf import quants

    try:
        values = quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
    except NotImplementedError:
        raise UserError(f"tensor {tensor.name}: type {tensor.tensor_type.name} cannot be dequantized") from None
    values = values.reshape(_shape(tensor))
    if tensor.name.endswith("attn_q.weight"):
        return unpermuted(values, config["num_attention_heads"])
    if tensor.name.endswith("attn_k.weight"):
        return unpermuted(values, config["num_key_value_heads"])
    return values


def _tokenizer(metadata: dict[str, Any], config: dict[str, Any]) -> Any:
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=gguf_tokenizer.build(metadata),
        model_max_length=config["max_position_embeddings"],
        clean_up_tokenization_spaces=False,
        **gguf_tokenizer.special_tokens(metadata),
    )
    tokenizer.chat_template = metadata.get("tokenizer.chat_template")
    return tokenizer


def _write(directory: Path, config: dict[str, Any], weights: dict[str, np.ndarray], tokenizer: Any) -> None:
    from safetensors.numpy import save_file

    tokenizer.save_pretrained(directory)
    generation = {key: config[key] for key in ("bos_token_id", "eos_token_id")}
    for name, content in (("config.json", config), ("generation_config.json", generation)):
        (directory / name).write_text(json.dumps(content, indent=2) + "\n")
    contiguous = {name: np.ascontiguousarray(values) for name, values in weights.items()}
    save_file(contiguous, directory / "model.safetensors", metadata={"format": "pt"})
    # The library creates files that only the owner can read; this one gets the permissions of the other files.
    (directory / "model.safetensors").chmod((directory / "config.json").stat().st_mode)


if __name__ == "__main__":
    main()
