"""`espalier-import-gguf`: converts a GGUF file to a Hugging Face model directory in float32."""

import argparse
import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError

from .errors import UserError, one_line, run_command
from .files import check_not_input
from .gguf_model import configuration, parts, tensors, tokenizer, vocabulary
from .gguf_model.architectures import ARCHITECTURES, architecture
from .gguf_model.file import GGUFFile
from .gguf_model.metadata import ModelMetadata

_DESCRIPTION = f"""\
Converts a GGUF file, quantized or not, to a Hugging Face model directory in float32:
config.json, model.safetensors, and the tokenizer with its chat template.
Architectures: {", ".join(sorted(ARCHITECTURES))}.
The start and end tokens are those that llama.cpp would add."""

_EPILOG = """\
Of a model in several parts (NAME-00001-of-00003.gguf), give one part; all must be in its
directory.

example:
  espalier-import-gguf SmolLM2-135M-Instruct-Q8_0.gguf MODEL
  espalier-prepare --model MODEL --data pairs.jsonl --output train.safetensors"""


@dataclass(frozen=True)
class _Model:
    """What a model directory contains."""

    config: dict[str, Any]
    generation: dict[str, Any]
    tokenizer: Any
    weights: dict[str, np.ndarray]
    notes: list[str]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="espalier-import-gguf",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the GGUF file, or one of its parts")
    parser.add_argument("output", type=Path, metavar="OUTDIR", help="the directory to create; it must not exist")
    arguments = parser.parse_args()
    run_command(lambda: import_gguf(arguments.file, arguments.output))


def import_gguf(file: Path, output: Path) -> None:
    """Imports `file`; `output` appears only when it is complete. Remarks go to standard error."""
    check_not_input(output, [file])
    if output.exists():
        raise UserError(f"{output}: already exists; remove it, or choose another directory")
    content = parts.read(file)
    try:
        model = _converted(content, parts.part_by_name(file))
    except UserError as error:
        raise UserError(f"{file}: {error}") from None
    except Exception as error:  # Of the tokenizers library and of numpy, for damaged files.
        reason = one_line(f"{type(error).__name__}: {error}")
        raise UserError(f"{file}: cannot be converted ({reason}); is the file damaged?") from None
    temporary = output.with_name(f"{output.name}.{os.getpid()}.tmp")
    try:
        temporary.mkdir(parents=True)
        _write(temporary, model)
        temporary.rename(output)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{output}: cannot be written: {getattr(error, 'strerror', None) or error}") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    for note in model.notes:
        print(f"note: {file}: {note}", file=sys.stderr)


def _converted(content: GGUFFile, part: str) -> _Model:
    """Converts a file; `part` ends messages about missing tensors."""
    kind = architecture(content.metadata)
    metadata = ModelMetadata(content.metadata, content.metadata["general.architecture"])
    names = tensors.hugging_face_names(content.tensors, kind)
    config = configuration.configuration(metadata, kind, content.tensors, tensors.factors(content.tensors))
    built = tokenizer.build(content.metadata, config["max_position_embeddings"])
    tensors.check_shapes(content.tensors, config, kind, metadata.prefix, part)
    return _Model(
        config,
        _generation(content.metadata, config),
        built,
        {names[name]: tensors.values(content.tensors[name], config, kind) for name in names},
        tokenizer.notes(content.metadata) + configuration.notes(metadata),
    )


def _generation(metadata: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    """Returns the content of `generation_config.json`; a turn's end ends a generation too."""
    end, turn = config["eos_token_id"], vocabulary.token_id(metadata, "eot")
    return {
        "bos_token_id": config["bos_token_id"],
        "eos_token_id": end if turn in (None, end) else [end, turn] if end is not None else turn,
    }


def _write(directory: Path, model: _Model) -> None:
    from safetensors.numpy import save_file

    model.tokenizer.save_pretrained(directory)
    for name, content in (("config.json", model.config), ("generation_config.json", model.generation)):
        (directory / name).write_text(json.dumps(content, indent=2) + "\n")
    contiguous = {name: np.ascontiguousarray(values) for name, values in model.weights.items()}
    save_file(contiguous, directory / "model.safetensors", metadata={"format": "pt"})
    # The library creates files that only the owner can read; this one gets the permissions of the other files.
    (directory / "model.safetensors").chmod((directory / "config.json").stat().st_mode)


if __name__ == "__main__":
    main()
