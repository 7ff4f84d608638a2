"""Adapters of PEFT on the goldens' models, and the same computation written out with a model's own weights."""

import contextlib
import json
import math
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.lora import LoraLayer
from safetensors.torch import load_file
from torch_dpo import Rows, Values, without_padding
from transformers import PreTrainedModel

PREFIX = "base_model.model."
Tensors = dict[str, torch.Tensor]


def wide() -> contextlib.AbstractContextManager:
    """Lets transformers compute norms and softmax in float64, which it otherwise does in float32 in any model."""
    return mock.patch.object(torch, "float32", torch.float64)


def attach(model: PreTrainedModel, settings: dict[str, Any], base: str) -> PeftModel:
    """Adds a new adapter, which is trained while the model's own weights are frozen."""
    config = LoraConfig(**{"task_type": "CAUSAL_LM", "lora_dropout": 0.0} | settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adapted = get_peft_model(model, config)
    adapted.peft_config["default"].base_model_name_or_path = base
    without_padding(adapted)
    return adapted.eval()


def draw(adapted: PeftModel, deviation: float = 0.15, is_fresh: bool = False) -> None:
    """Draws an adapter far from its start, or a new one, whose products are zero and whose copies are the model's.

    Products of matrices so drawn are about half as large as the model's own matrices in the goldens.
    """
    with torch.no_grad():
        for name, value in trained(adapted):
            if ".lora_A." in name:
                value.normal_(0.0, deviation)
            elif ".lora_B." in name:
                value.zero_() if is_fresh else value.normal_(0.0, deviation)
            elif ".modules_to_save." in name and not is_fresh:
                value.add_(torch.randn_like(value) * deviation)
        for module in adapted.modules():
            if isinstance(module, LoraLayer) and len(module.lora_magnitude_vector) > 0:
                draw_magnitudes(module, is_fresh)


def draw_magnitudes(module: LoraLayer, is_fresh: bool) -> None:
    """Sets the magnitudes to the norms of the rows, times factors around 1 unless the adapter is new."""
    vector = module.lora_magnitude_vector["default"].weight
    norms = torch.linalg.norm(module.get_base_layer().weight + module.get_delta_weight("default"), dim=1)
    vector.copy_(norms if is_fresh else norms * torch.empty_like(norms).uniform_(0.6, 1.4))


def trained(adapted: PeftModel) -> Iterator[tuple[str, torch.nn.Parameter]]:
    """Yields the trained parameters by PEFT's names in memory."""
    return ((name, value) for name, value in adapted.named_parameters() if value.requires_grad)


def stored_name(name: str) -> str:
    """Returns the name in adapter_model.safetensors, without the adapter's name, and without `weight` of magnitudes."""
    if name.endswith(".lora_magnitude_vector.default.weight"):
        return name.removesuffix(".default.weight")
    return name.replace(".modules_to_save.default.", ".").replace(".default.", ".")


def stored(adapted: PeftModel) -> Tensors:
    """Returns the trained tensors by their names in adapter_model.safetensors."""
    return {stored_name(name): value.detach().clone() for name, value in trained(adapted)}


def save(adapted: PeftModel, directory: Path) -> None:
    """Writes the two files of an adapter as PEFT does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Without this setting PEFT looks for the base model at its name, which may be on the Hub.
        adapted.save_pretrained(directory, save_embedding_layers=False)
    (directory / "README.md").unlink()
    sort_targets(directory / "adapter_config.json")
    names = load_file(directory / "adapter_model.safetensors").keys()
    assert names == stored(adapted).keys(), f"PEFT stores {sorted(names)[:4]} …"


def sort_targets(path: Path) -> None:
    """Sorts the target modules, a set in PEFT, whose order differs from run to run."""
    settings = json.loads(path.read_text())
    if isinstance(settings["target_modules"], list):
        settings["target_modules"].sort()
    path.write_text(json.dumps(settings, indent=2, sort_keys=True))


def load(model: PreTrainedModel, directory: Path) -> PeftModel:
    """Loads an adapter that is to be trained, in the model's type; every tensor must be used."""
    adapted = PeftModel.from_pretrained(model, directory, is_trainable=True, autocast_adapter_dtype=False)
    expected = load_file(directory / "adapter_model.safetensors")
    found = stored(adapted)
    assert found.keys() == expected.keys(), f"{directory}: names differ: {sorted(found.keys() ^ expected.keys())[:4]}"
    assert all(torch.equal(found[name], expected[name].to(found[name].dtype)) for name in found), "values differ"
    without_padding(adapted)
    return adapted.eval()


@dataclass(frozen=True)
class WrittenOut:
    """An adapter as a function of its stored tensors, from adapter_config.json and nothing else of PEFT."""

    settings: dict[str, Any]

    def setting(self, module: str, pattern: str, default: str) -> float:
        """Returns the rank or alpha of a module: that of the first key that matches its name, or the common one."""
        for key, value in (self.settings[pattern] or {}).items():
            if re.match(rf"(.*\.)?({key})$", module):
                return value
        return self.settings[default]

    def scale(self, module: str, rank: int) -> float:
        expected = self.setting(module, "rank_pattern", "r")
        assert rank == expected, f"{module}: rank {rank} in place of {expected}"
        alpha = self.setting(module, "alpha_pattern", "lora_alpha")
        return alpha / (math.sqrt(rank) if self.settings["use_rslora"] else rank)

    def weights(self, base: Tensors, adapter: Tensors) -> Tensors:
        """Returns the weights that give what the base and the adapter give: `W + s B A`, DoRA's, and copies."""
        found = {}
        for name, value in adapter.items():
            path = name.removeprefix(PREFIX)
            if path.endswith(".lora_A.weight"):
                module = path.removesuffix(".lora_A.weight")
                other = adapter[name.replace(".lora_A.", ".lora_B.")]
                magnitude = adapter.get(f"{PREFIX}{module}.lora_magnitude_vector")
                found[f"{module}.weight"] = self.sum(module, base, value, other, magnitude)
            elif ".lora_" not in path:
                found[path] = value
        return found

    def sum(
        self, module: str, base: Tensors, a: torch.Tensor, b: torch.Tensor, magnitude: torch.Tensor | None
    ) -> torch.Tensor:
        whole = base[f"{module}.weight"] + self.scale(module, a.shape[0]) * (b @ a)
        if magnitude is None:
            return whole
        # The gradient does not pass through the norm: section 4.3 of DoRA.
        norms = whole.detach().pow(2).sum(1).sqrt()
        return (magnitude / norms)[:, None] * whole


class Substituted(torch.nn.Module):
    """A model that computes with other weights, through which gradients pass."""

    def __init__(self, model: PreTrainedModel, weights: Tensors):
        super().__init__()
        self.model, self.weights = model, weights
        unknown = weights.keys() - model.state_dict().keys()
        assert not unknown, f"no weights of the model: {sorted(unknown)[:4]}"

    def forward(self, tokens: torch.Tensor) -> Any:
        return torch.func.functional_call(self.model, self.weights, (tokens,), tie_weights=False)


def rows_of(path: Path) -> Rows:
    """Reads the rows of a prepared dataset."""
    data = load_file(path)

    def parts(name: str) -> list[list[int]]:
        bounds = data[f"{name}_offsets"].tolist()
        return [data[f"{name}_ids"][a:b].tolist() for a, b in zip(bounds, bounds[1:])]

    prompts, responses, bounds = parts("prompt"), parts("response"), data["row_offsets"].tolist()
    return [(prompt, responses[a:b]) for prompt, a, b in zip(prompts, bounds, bounds[1:])]


def by_rows(values: list[float], rows: Rows) -> Values:
    """Divides a value for each response by rows."""
    rest = iter(values)
    return [[next(rest) for _ in row] for _, row in rows]
