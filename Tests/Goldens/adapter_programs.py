"""What computes with adapters and is compared with PEFT: the program under test, or the same computation written out.

The second has no results of its own to defend: with it, a comparison verifies PEFT and the comparing script.
"""

import json
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from compare_families import BETA, EPSILON, Program
from low_rank import PREFIX, Substituted, Tensors, WrittenOut, by_rows, rows_of, wide
from model_files import read_model
from safetensors.torch import load_file, save_file
from torch_dpo import all_logps, steps, sums_of
from transformers import PreTrainedModel

FLAGS = {"use_rslora": "--use-rslora", "use_dora": "--use-dora"}


@dataclass(frozen=True)
class Start:
    """Where a run starts: at an adapter, or at a new one of PEFT's settings."""

    adapter: Path | None = None
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def words(self) -> list[object]:
        """The options of the command line."""
        if self.adapter:
            return ["--adapter", self.adapter]
        targets = self.settings["target_modules"]
        words = ["--use-peft", "--lora-r", self.settings["r"], "--lora-alpha", self.settings["lora_alpha"]]
        words += ["--lora-dropout", 0, "--lora-target-modules", *([targets] if isinstance(targets, str) else targets)]
        words += [flag for key, flag in FLAGS.items() if self.settings.get(key)]
        saved = self.settings.get("modules_to_save")
        return words + (["--lora-modules-to-save", *saved] if saved else [])

    @property
    def lines(self) -> str:
        """The settings that only a YAML file can have."""
        keys = [key for key in ("rank_pattern", "alpha_pattern") if self.settings.get(key)]
        return "".join(f"{key}: {json.dumps(self.settings[key])}\n" for key in keys)


Steps = tuple[list[float], list[float]]


class Espalier(Program):
    """The program under test."""

    def adapted_logps(self, model: Path, data: Path, adapter: Path | None, *options: object) -> np.ndarray:
        return self.logps(model, data, *(["--adapter", adapter] if adapter else []), *options)

    def tune(
        self,
        model: Path,
        data: Path,
        output: Path,
        start: Start,
        count: int,
        rate: float,
        *options: object,
        ranks: int = 1,
    ) -> Steps:
        """Trains with all examples in each step; returns losses and gradient norms."""
        settings = output.parent / f"{output.name}.yaml"
        lines = f"adam_epsilon: {EPSILON}\nlr_scheduler_type: constant\nshuffle: false\n"
        settings.write_text(lines + start.lines)
        examples = len(load_file(data)["row_offsets"]) - 1
        words = ["--config", settings, "--max-steps", count, "--global-batch-size", examples]
        words += ["--learning-rate", rate, "--beta", BETA, *start.words, *options]
        self.run("train", "--model", model, "--data", data, "--output", output, *words, ranks=ranks)
        metrics = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
        return [line["loss"] for line in metrics], [line["grad_norm"] for line in metrics]

    def merge(self, model: Path, adapter: Path, output: Path) -> None:
        self.run_alone("merge", "--model", model, "--adapter", adapter, "--output", output)

    def run_alone(self, command: str, *words: object) -> None:
        """Runs a command that has no threads of its own."""
        self.execute([self.path, command, *words])


class Formula:
    """The computation written out in float64, which stores what it trains as float32."""

    def adapted_logps(self, model: Path, data: Path, adapter: Path | None, *options: object) -> np.ndarray:
        plain, rows = read_model(model), rows_of(data)
        weights = written(adapter).weights(plain.state_dict(), read(adapter)) if adapter else {}
        with wide(), torch.no_grad():
            sums = sums_of(all_logps(Substituted(plain, weights), rows))
        return np.array([value.item() for row in sums for value in row])

    def tune(
        self,
        model: Path,
        data: Path,
        output: Path,
        start: Start,
        count: int,
        rate: float,
        *options: object,
        ranks: int = 1,
    ) -> Steps:
        plain, rows = read_model(model).requires_grad_(False), rows_of(data)
        output.mkdir(parents=True)
        if start.adapter:
            shutil.copy(start.adapter / "adapter_config.json", output)
            adapter = read(start.adapter)
        else:
            (output / "adapter_config.json").write_text(json.dumps(complete(start.settings), indent=2, sort_keys=True))
            adapter = new(plain, written(output))
        adapted = Adapted(plain, written(output), adapter)
        with wide():
            reference = [value.item() for row in sums_of(all_logps(adapted, rows)) for value in row]
            taken = list(steps(adapted, rows, by_rows(reference, rows), BETA, count, rate, EPSILON))
        save_file(adapted.floats(), output / "adapter_model.safetensors", {"format": "pt"})
        return [step.loss for step in taken], [step.norm for step in taken]

    def merge(self, model: Path, adapter: Path, output: Path) -> None:
        plain = read_model(model)
        weights = written(adapter).weights(plain.state_dict(), read(adapter))
        plain.load_state_dict(plain.state_dict() | weights)
        dtype = json.loads((model / "config.json").read_text())
        plain.to(getattr(torch, dtype.get("dtype") or dtype["torch_dtype"])).save_pretrained(output)


def read(adapter: Path) -> Tensors:
    return {name: value.double() for name, value in load_file(adapter / "adapter_model.safetensors").items()}


def written(adapter: Path) -> WrittenOut:
    return WrittenOut(json.loads((adapter / "adapter_config.json").read_text()))


def complete(settings: dict[str, Any]) -> dict[str, Any]:
    """Returns the keys of adapter_config.json that matter."""
    values = dict(peft_type="LORA", task_type="CAUSAL_LM", base_model_name_or_path="base", inference_mode=True)
    values |= dict(bias="none", fan_in_fan_out=False, use_rslora=False, use_dora=False, modules_to_save=None)
    return values | dict(rank_pattern={}, alpha_pattern={}, lora_dropout=0.0) | settings


def is_target(name: str, targets: str | list[str]) -> bool:
    return targets == "all-linear" or name in targets


def new(model: PreTrainedModel, written_out: WrittenOut) -> Tensors:
    """Returns a new adapter: A uniform within one over the root of its columns, B zero, the rest the model's."""
    settings, found, random = written_out.settings, {}, torch.Generator().manual_seed(0)
    head = model.get_output_embeddings()
    for path, module in model.named_modules():
        name = path.split(".")[-1]
        targets = settings["target_modules"]
        if name in (settings["modules_to_save"] or []):
            found[f"{PREFIX}{path}.weight"] = module.weight.clone()
        elif isinstance(module, torch.nn.Linear) and module is not head and is_target(name, targets):
            rank, (rows, columns) = int(written_out.setting(path, "rank_pattern", "r")), module.weight.shape
            a = torch.empty(rank, columns).uniform_(-1, 1, generator=random) / columns**0.5
            found |= {f"{PREFIX}{path}.lora_A.weight": a, f"{PREFIX}{path}.lora_B.weight": torch.zeros(rows, rank)}
            if settings["use_dora"]:
                found[f"{PREFIX}{path}.lora_magnitude_vector"] = module.weight.norm(dim=1)
    return {name: value.float().double() for name, value in found.items()}


class Adapted(torch.nn.Module):
    """A model with an adapter written out, whose tensors are the parameters."""

    def __init__(self, model: PreTrainedModel, written_out: WrittenOut, adapter: Tensors):
        super().__init__()
        self.plain, self.written_out = [model], written_out
        self.base = dict(model.state_dict())
        self.names = list(adapter)
        self.values = torch.nn.ParameterList(adapter.values())

    def forward(self, tokens: torch.Tensor) -> Any:
        weights = self.written_out.weights(self.base, dict(zip(self.names, self.values)))
        return Substituted(self.plain[0], weights)(tokens)

    def floats(self) -> Tensors:
        return {name: value.detach().to(torch.float).contiguous() for name, value in zip(self.names, self.values)}


