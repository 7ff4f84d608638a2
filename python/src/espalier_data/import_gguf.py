"""`espalier-import-gguf`: converts a GGUF file to a Hugging Face model directory in float32."""

import argparse
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError

from . import gguf_configuration, gguf_file, gguf_tokenizer
from .errors import UserError, one_line, run_command
from .files import check_not_input

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
_INCOMPLETE = "; is the file complete?"


_DESCRIPTION = """\
Converts a GGUF file of a Llama model, quantized or not, to a Hugging Face model directory
in float32: config.json, model.safetensors, and the tokenizer with its chat template.
The start and end tokens are those that llama.cpp would add."""

_EPILOG = """\
A model in several parts (NAME-00001-of-00003.gguf) is merged first:
  llama-gguf-split --merge NAME-00001-of-00003.gguf MERGED.gguf

example:
  espalier-import-gguf SmolLM2-135M-Instruct-Q8_0.gguf MODEL
  espalier-prepare --model MODEL --data pairs.jsonl --output train.safetensors"""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="espalier-import-gguf",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the GGUF file (general.architecture = llama)")
    parser.add_argument("output", type=Path, metavar="OUTDIR", help="the directory to create; it must not exist")
    arguments = parser.parse_args()
    run_command(lambda: import_gguf(arguments.file, arguments.output))


def import_gguf(file: Path, output: Path) -> None:
    """Imports `file`; `output` appears only when it is complete. Remarks go to standard error."""
    check_not_input(output, [file])
    if output.exists():
        raise UserError(f"{output}: already exists; remove it, or choose another directory")
    content = gguf_file.read(file)
    try:
        config, tokenizer, weights = _converted(file, content)
    except UserError as error:
        raise UserError(f"{file}: {error}") from None
    except Exception as error:  # Of the tokenizers library and of numpy, for damaged files.
        reason = one_line(f"{type(error).__name__}: {error}")
        raise UserError(f"{file}: cannot be converted ({reason}); is the file damaged?") from None
    temporary = output.with_name(f"{output.name}.{os.getpid()}.tmp")
    try:
        temporary.mkdir(parents=True)
        _write(temporary, config, weights, tokenizer)
        temporary.rename(output)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{output}: cannot be written: {getattr(error, 'strerror', None) or error}") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    for note in gguf_tokenizer.notes(content.metadata):
        print(f"note: {file}: {note}", file=sys.stderr)


def _converted(file: Path, content: gguf_file.GGUFFile) -> tuple[dict[str, Any], Any, dict[str, np.ndarray]]:
    metadata, tensors = content.metadata, content.tensors
    names = {tensor.name: hugging_face_name(tensor.name) for tensor in tensors}
    config = gguf_configuration.configuration(metadata, ties_embeddings="output.weight" not in names)
    tokenizer = _tokenizer(metadata, config)
    _check_shapes({tensor.name: _shape(tensor) for tensor in tensors}, config, gguf_file.part_by_name(file))
    return config, tokenizer, {names[tensor.name]: _values(tensor, config) for tensor in tensors}


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


def _check_shapes(found: dict[str, list[int]], config: dict[str, Any], part: str) -> None:
    layers, vocabulary = config["num_hidden_layers"], config["vocab_size"]
    if layers > len(found):
        raise UserError(f"llama.block_count = {layers}, but there are only {len(found)} tensors{part or _INCOMPLETE}")
    rows = found.get("token_embd.weight", [vocabulary])[0]
    if rows != vocabulary:
        raise UserError(
            f"tokenizer.ggml.tokens has {vocabulary} tokens, but token_embd.weight has {rows} rows; "
            "download the model from another conversion"
        )
    expected = expected_shapes(config)
    missing = [name for name in expected if name not in found]
    if missing:
        raise UserError(f"{len(missing)} tensors are missing, the first is {missing[0]}{part or _INCOMPLETE}")
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
        raise UserError(
            f"tensor {tensor.name}: type {tensor.tensor_type.name} cannot be dequantized; "
            "convert the file first: llama-quantize --allow-requantize FILE OUT.gguf F16"
        ) from None
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
    tokenizer.chat_template = gguf_tokenizer.chat_template(metadata)
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
