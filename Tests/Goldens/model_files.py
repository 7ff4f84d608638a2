"""Writing random models in the forms that directories of the Hub have, and reading what a run wrote."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch
from older_configuration import older
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch_dpo import without_padding
from transformers import AutoModelForCausalLM, AutoModelForImageTextToText, PreTrainedModel

INDEX = "model.safetensors.index.json"


@dataclass(frozen=True)
class Form:
    """How a model is written: its configuration's generation, that of a wrapper's names, files, and type."""

    is_older: bool
    # Whether a wrapper's tensors have the names of the newer generation.
    has_newer_names: bool
    files: int
    dtype: torch.dtype

    def __str__(self) -> str:
        names = ", newer names" if self.has_newer_names else ""
        return f"v{4 if self.is_older else 5}, {self.files} files, {str(self.dtype)[6:]}{names}"


def write_model(model: PreTrainedModel, form: Form, directory: Path) -> None:
    """Writes config.json and the weights."""
    model = model.to(form.dtype)
    with tempfile.TemporaryDirectory() as place:
        model.save_pretrained(place)
        config = json.loads((Path(place) / "config.json").read_text())
        tensors = load_file(Path(place) / "model.safetensors")
    if form.has_newer_names:
        # Parameters have the names of the newer generation; a tied head is none of the stored tensors.
        count = len(tensors)
        ties = model.config.get_text_config().tie_word_embeddings
        tensors = {name: value for name, value in model.state_dict().items() if not (ties and name == "lm_head.weight")}
        assert len(tensors) == count
    directory.mkdir(parents=True)
    (directory / "config.json").write_text(json.dumps(older(config) if form.is_older else config, indent=2) + "\n")
    write_weights(tensors, form.files, directory)


def write_weights(tensors: dict[str, torch.Tensor], files: int, directory: Path) -> None:
    """Writes one file, or several with an index, which divide the names in order of the alphabet by turns."""
    if files == 1:
        save_file(tensors, directory / "model.safetensors", {"format": "pt"})
        return
    names = [f"model-{number + 1:05}-of-{files:05}.safetensors" for number in range(files)]
    places = {name: names[index % files] for index, name in enumerate(sorted(tensors))}
    for file in names:
        part = {name: value.contiguous() for name, value in tensors.items() if places[name] == file}
        save_file(part, directory / file, {"format": "pt"})
    size = sum(value.numel() * value.element_size() for value in tensors.values())
    index = {"metadata": {"total_size": size}, "weight_map": places}
    (directory / INDEX).write_text(json.dumps(index, indent=2) + "\n")


def layout(directory: Path) -> dict[str, str]:
    """Returns the file of every tensor; the index, if there is one, must agree."""
    found = {}
    for path in sorted(directory.glob("*.safetensors")):
        with safe_open(path, "pt") as file:
            found |= {name: path.name for name in file.keys()}
    index = directory / INDEX
    assert not index.exists() or json.loads(index.read_text())["weight_map"] == found, f"{index} is of other files"
    return found


def read_model(directory: Path) -> PreTrainedModel:
    """Loads a directory as transformers does, in float64 with eager attention; every tensor must be used."""
    config = json.loads((directory / "config.json").read_text())
    kind = AutoModelForImageTextToText if "vision_config" in config else AutoModelForCausalLM
    model, information = kind.from_pretrained(
        directory, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
    )
    problems = {key: value for key, value in information.items() if value}
    assert not problems, f"{directory}: {problems}"
    return without_padding(model.eval()).double()


def configuration_difference(source: Path, output: Path) -> str | None:
    """Describes how the output's configuration differs from the source's, other than by the type of its weights."""
    first, second = (json.loads((path / "config.json").read_text()) for path in (source, output))
    keys = [key for key in {**first, **second} if (key in first) != (key in second)]
    keys += [key for key in first if key in second and first[key] != second[key] and "dtype" not in key]
    return f"config.json differs in {', '.join(sorted(keys))}" if keys else None
