"""Compares espalier's adapters with PEFT's on random small models of every family with text only.

    python Tests/Goldens/compare_adapters.py (--binary ESPALIER | --formula) [--count N] [--seed S] [--families NAME …]

Needs torch, transformers and PEFT. Each model has random legal shapes and features, and a random adapter; kinds of
adapters take turns. PEFT computes in float64. Compared are

    logps     `espalier logps --adapter` with PEFT, for every response: 2e-5 of the value, at least of 1; also with the
              adapter stored as bfloat16
    loss      of two training steps from the adapter, whose reference is the adapter at the start, with torch's: 1e-5
    norm      of the gradient in these steps: 1e-4 of the value
    weights   the trained tensors after the steps: a hundredth of the learning rate
    output    the adapter that was written as PEFT loads it, with `espalier logps` of it: as logps; settings as before
    new       the same for a new adapter, where names, shapes and the start are those that PEFT gives: loss 1e-5, norm
              1e-4
    merged    `espalier merge` as transformers loads it, `espalier logps` of that, PEFT's merge, and PEFT without
              merging: as logps; a bfloat16 model is rounded once, and each weight is compared
    settings  for one model of each family: logps of every sharing mode, steps of two ranks, with the first results

With `--formula` the computation written out takes the program's place, which verifies this script and PEFT.
Prints the largest differences of each family, then what failed. The exit code is 1 if anything did.
"""

import os

os.environ["HF_HUB_OFFLINE"] = "1"

import argparse
import json
import shutil
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from adapter_programs import Espalier, Formula, Start, Steps
from compare_families import BETA, EPSILON, RATE, Findings, difference, random_rows
from low_rank import Tensors, attach, by_rows, draw_magnitudes, load, save, stored, wide
from make_goldens import METADATA, dataset, write
from model_files import Form, read_model, write_model
from peft import PeftModel
from peft.tuners.lora import LoraLayer
from random_models import FAMILIES, Draw
from safetensors.torch import load_file, save_file
from torch_dpo import Rows, all_logps, initialize, steps, sums_of
from transformers import AutoModelForCausalLM, PreTrainedModel

BOUNDS = {
    "logps": 2e-5,
    "loss": 1e-5,
    "norm": 1e-4,
    "weights": 1e-2,
    "output": 2e-5,
    "new": 1e-4,
    "merged": 2e-5,
    "settings": 2e-5,
}
TEXT_FAMILIES = [name for name in FAMILIES if not name.endswith("-wrapper")]
# Settings that an adapter keeps while it is trained.
KEPT = ["peft_type", "task_type", "r", "lora_alpha", "use_rslora", "use_dora", "rank_pattern", "alpha_pattern"]
KEPT += ["bias", "fan_in_fan_out", "inference_mode"]
# So small that a step changes nothing but matrices of zeros.
TINY = 1e-12


def linear_paths(model: PreTrainedModel) -> list[str]:
    """Returns the names of the linear layers, without the head's."""
    head = model.get_output_embeddings()
    modules = model.named_modules()
    return [path for path, module in modules if isinstance(module, torch.nn.Linear) and module is not head]


def linear_names(model: PreTrainedModel) -> list[str]:
    """Returns the last parts of the linear layers' names."""
    return sorted({path.split(".")[-1] for path in linear_paths(model)})


def ends(model: PreTrainedModel) -> list[str]:
    """Returns the names of embedding and head."""
    modules = {id(model.get_input_embeddings()), id(model.get_output_embeddings())}
    return [path.split(".")[-1] for path, module in model.named_modules() if id(module) in modules]


def subset(draw: Draw, values: list[str]) -> list[str]:
    """Returns some of the values, at least one."""
    found = [value for value in values if draw.flag()]
    return found or [draw.one(values)]


def pattern(draw: Draw, model: PreTrainedModel, low: int, high: int) -> dict[str, int]:
    """Returns numbers by names of modules: the last part or two, the whole path, or a regular expression.

    Keys are sorted, as PEFT writes them: another order would hold in memory, and not for the file that PEFT writes.
    """
    paths, keys = linear_paths(model), []
    for _ in range(draw.number(1, 3)):
        path = draw.one(paths)
        keys.append(draw.one([path, path.split(".")[-1], ".".join(path.split(".")[-2:]), rf".*\.0\..*{path[-5:]}"]))
    return {key: draw.number(low, high) for key in sorted(keys)}


def plain(draw: Draw, model: PreTrainedModel) -> dict[str, Any]:
    return dict(r=draw.number(1, 9), lora_alpha=draw.number(1, 16), target_modules="all-linear")


def some(draw: Draw, model: PreTrainedModel) -> dict[str, Any]:
    return plain(draw, model) | dict(target_modules=subset(draw, linear_names(model)))


def stable(draw: Draw, model: PreTrainedModel) -> dict[str, Any]:
    return plain(draw, model) | dict(use_rslora=True, lora_alpha=draw.number(1, 6))


def dora(draw: Draw, model: PreTrainedModel) -> dict[str, Any]:
    return draw.one([plain, some])(draw, model) | dict(use_dora=True)


def patterns(draw: Draw, model: PreTrainedModel) -> dict[str, Any]:
    return plain(draw, model) | dict(
        rank_pattern=pattern(draw, model, 1, 9), alpha_pattern=draw.one([{}, pattern(draw, model, 1, 16)])
    )


def saved(draw: Draw, model: PreTrainedModel) -> dict[str, Any]:
    return some(draw, model) | dict(modules_to_save=subset(draw, ends(model)))


def everything(draw: Draw, model: PreTrainedModel) -> dict[str, Any]:
    return patterns(draw, model) | dict(use_rslora=draw.flag(), use_dora=draw.flag(), modules_to_save=ends(model))


Kind = Callable[[Draw, PreTrainedModel], dict[str, Any]]
KINDS: list[Kind] = [plain, dora, saved, some, patterns, stable, everything]


def draw_adapter(adapted: PeftModel, share: float = 0.4) -> None:
    """Draws an adapter whose products are `share` as large as the model's matrices, other magnitudes and copies."""
    with torch.no_grad():
        for module in adapted.modules():
            if isinstance(module, LoraLayer):
                a, b = module.lora_A["default"].weight, module.lora_B["default"].weight
                size = module.get_base_layer().weight.std().item()
                a.normal_(0, a.shape[1] ** -0.5)
                b.normal_(0, share * size * (a.shape[1] / a.shape[0]) ** 0.5 / module.scaling["default"])
                if len(module.lora_magnitude_vector) > 0:
                    draw_magnitudes(module, False)
        for name, value in adapted.named_parameters():
            if ".modules_to_save." in name:
                value.add_(torch.randn_like(value) * share * value.std())


def half_place(values: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Returns the largest error of one rounding to a type of 16 bits; 0 for float32."""
    digits = {torch.bfloat16: 8, torch.float16: 11}.get(dtype)
    if digits is None:
        return torch.zeros_like(values)
    return torch.ldexp(torch.ones_like(values), torch.frexp(values).exponent - digits - 1)


def peft_logps(model: torch.nn.Module, rows: Rows) -> np.ndarray:
    with torch.no_grad(), wide():
        return np.array([value.item() for row in sums_of(all_logps(model, rows)) for value in row])


def peft_steps(adapted: PeftModel, rows: Rows, count: int = 2) -> Steps:
    """Takes steps whose reference is the adapter at the start."""
    reference = by_rows(peft_logps(adapted, rows).tolist(), rows)
    with wide():
        taken = list(steps(adapted, rows, reference, BETA, count, RATE, EPSILON))
    return [step.loss for step in taken], [step.norm for step in taken]


@dataclass
class Comparison:
    """One random model of a family with one adapter, and everything that is compared with it."""

    program: Espalier | Formula
    family: str
    seed: int
    index: int
    place: Path
    findings: Findings
    what: str = "not made"
    settings: dict[str, Any] | None = None

    @property
    def source(self) -> Path:
        return self.place / "model"

    @property
    def data(self) -> Path:
        return self.place / "data.safetensors"

    @property
    def adapter(self) -> Path:
        return self.place / "adapter"

    @property
    def output(self) -> Path:
        return self.place / "output"

    def run(self) -> None:
        """Makes the model and the adapter, and compares; a difference that is too large is an error."""
        number = TEXT_FAMILIES.index(self.family)
        rows = self.make(Draw(np.random.default_rng([self.seed, number, self.index])), KINDS[(number + self.index) % 7])
        logps = self.compare_logps(rows)
        found = self.compare_steps(rows)
        self.compare_new(rows)
        self.compare_merged(rows)
        if self.index == 0:
            self.compare_settings(logps, found)

    def note(self, name: str, difference: float, bound: float | None = None) -> None:
        self.findings.note(name, difference, bound or BOUNDS[name])

    def peft(self, adapter: Path) -> PeftModel:
        return load(read_model(self.source), adapter)

    def make(self, draw: Draw, kind: Kind) -> Rows:
        """Writes the model, its data and an adapter."""
        is_older = draw.flag()
        config = FAMILIES[self.family](draw, is_older)
        if kind in (saved, everything):
            # PEFT's copy of one of two tied modules is tied to nothing.
            config.tie_word_embeddings = False
        form = Form(is_older, False, draw.one([1, 1, 2]), draw.one([torch.float32] * 3 + [torch.bfloat16]))
        torch.manual_seed(draw.number(0, 1 << 30))
        model = AutoModelForCausalLM.from_config(config)
        initialize(model, min(0.3, draw.real(0.8, 1.4) / config.hidden_size**0.5))
        write_model(model, form, self.source)
        rows = random_rows(draw, config.vocab_size)
        write(dataset(rows), self.data, METADATA)
        self.settings = kind(draw, model)
        self.what = f"{kind.__name__}, {form}"
        adapted = attach(read_model(self.source).float(), self.settings, str(self.source))
        draw_adapter(adapted)
        save(adapted, self.adapter)
        return rows

    def compare_logps(self, rows: Rows) -> np.ndarray:
        found = self.program.adapted_logps(self.source, self.data, self.adapter)
        self.note("logps", difference(found, peft_logps(self.peft(self.adapter), rows), 1))
        half = self.place / "half"
        half.mkdir()
        shutil.copy(self.adapter / "adapter_config.json", half)
        tensors = load_file(self.adapter / "adapter_model.safetensors")
        tensors = {name: value.bfloat16() for name, value in tensors.items()}
        save_file(tensors, half / "adapter_model.safetensors", {"format": "pt"})
        rounded = self.program.adapted_logps(self.source, self.data, half)
        self.note("logps", difference(rounded, peft_logps(self.peft(half), rows), 1))
        return found

    def compare_steps(self, rows: Rows) -> Steps:
        """Compares two steps from the adapter, and what they write."""
        found = self.program.tune(self.source, self.data, self.output, Start(adapter=self.adapter), 2, RATE)
        adapted = self.peft(self.adapter)
        expected = peft_steps(adapted, rows)
        self.note("loss", float(np.max(np.abs(np.subtract(found[0], expected[0])))))
        self.note("norm", difference(found[1], expected[1], 0))
        self.compare_weights(stored(adapted), self.output)
        logps = self.program.adapted_logps(self.source, self.data, self.output)
        self.note("output", difference(logps, peft_logps(self.peft(self.output), rows), 1))
        self.compare_configurations(json.loads((self.adapter / "adapter_config.json").read_text()), self.output)
        return found

    def compare_weights(self, expected: Tensors, directory: Path) -> None:
        """Compares the tensors of an adapter's directory, which are float32; copies may have the model's type."""
        found = load_file(directory / "adapter_model.safetensors")
        assert found.keys() == expected.keys(), f"names: {sorted(found.keys() ^ expected.keys())[:4]}"
        distances = []
        for name, value in found.items():
            assert value.dtype == torch.float32 or ".lora_" not in name, f"{name} is {value.dtype}"
            error = (value.double() - expected[name]).abs()
            distances.append((error - half_place(expected[name], value.dtype)).max().item())
        self.note("weights", max(0, *distances) / RATE)

    def compare_configurations(self, expected: dict[str, Any], directory: Path) -> None:
        found = json.loads((directory / "adapter_config.json").read_text())
        problems = [f"{key} {found.get(key)}" for key in KEPT if found.get(key) != expected[key]]
        if set(found.get("modules_to_save") or []) != set(expected["modules_to_save"] or []):
            problems.append(f"modules_to_save {found.get('modules_to_save')}")
        if not isinstance(found.get("base_model_name_or_path"), str):
            problems.append("base_model_name_or_path missing")
        assert not problems, f"adapter_config.json: {'; '.join(problems)}"

    def compare_new(self, rows: Rows) -> None:
        """Compares a new adapter: its start, which a step at a rate of nearly 0 writes, and two steps from it."""
        start, first, second = Start(settings=self.settings), self.place / "start", self.place / "new"
        self.program.tune(self.source, self.data, first, start, 1, TINY)
        self.verify_start(first)
        found = self.program.tune(self.source, self.data, second, start, 2, RATE)
        adapted = self.peft(first)
        expected = peft_steps(adapted, rows)
        self.note("new", float(np.max(np.abs(np.subtract(found[0], expected[0])))), 1e-5)
        self.note("new", difference(found[1], expected[1], 0), 1e-4)
        self.compare_weights(stored(adapted), second)
        logps = self.program.adapted_logps(self.source, self.data, second)
        self.note("output", difference(logps, peft_logps(self.peft(second), rows), 1))

    def verify_start(self, directory: Path) -> None:
        """Requires the names, shapes and values of a new adapter of PEFT; sets the nearly zero matrices to zero."""
        adapted = attach(read_model(self.source).float(), self.settings, str(self.source))
        expected = stored(adapted)
        found = load_file(directory / "adapter_model.safetensors")
        shapes = [{name: value.shape for name, value in part.items()} for part in (found, expected)]
        assert shapes[0] == shapes[1], f"new adapter: {sorted(dict(shapes[0].items() ^ shapes[1].items()))[:4]}"
        for name, value in found.items():
            if ".lora_B." in name:
                assert value.abs().max() < 1e-9, f"new adapter: {name} is not zero"
                value.zero_()
            elif ".lora_A." in name:
                scaled = value.abs().max() * value.shape[1] ** 0.5
                assert 0.5 < scaled <= 1.0001 and value.std() > 0.3 * value.shape[1] ** -0.5, f"new adapter: {name}"
            else:
                assert torch.allclose(value, expected[name], rtol=1e-6, atol=1e-7), f"new adapter: {name}"
        save_file(found, directory / "adapter_model.safetensors", {"format": "pt"})
        written = json.loads((directory / "adapter_config.json").read_text())
        assert written["r"] == self.settings["r"] and written["lora_alpha"] == self.settings["lora_alpha"]
        self.compare_configurations({**adapted.peft_config["default"].to_dict(), "inference_mode": True}, directory)

    def compare_merged(self, rows: Rows) -> None:
        """Compares the merge of the trained adapter with PEFT's, in float32, and its log-probabilities."""
        place = self.place / "merged"
        self.program.merge(self.source, self.output, place)
        config = json.loads((place / "config.json").read_text())
        dtype = config.get("dtype") or config.get("torch_dtype")
        found = read_model(place)
        theirs = load(read_model(self.source).float(), self.output).merge_and_unload(safe_merge=True)
        self.compare_merged_weights(found, theirs, dtype == "bfloat16")
        logps = peft_logps(found, rows)
        self.note("merged", difference(self.program.adapted_logps(place, self.data, None), logps, 1))
        if dtype == "float32":
            apart = peft_logps(self.peft(self.output), rows)
            self.note("merged", difference(logps, apart, 1))
            self.note("merged", difference(peft_logps(theirs.double(), rows), apart, 1))

    def compare_merged_weights(self, found: PreTrainedModel, theirs: PreTrainedModel, is_half: bool) -> None:
        """Compares each weight with PEFT's in float32; bfloat16 is that rounded once, by half of its last place."""
        values, expected = found.state_dict(), theirs.state_dict()
        assert values.keys() == expected.keys(), f"merged: {sorted(values.keys() ^ expected.keys())[:4]}"
        for name, value in expected.items():
            error = (values[name] - value.double()).abs()
            bound = half_place(value.double(), torch.bfloat16) if is_half else 2e-6 * value.double().abs()
            bound = bound + 1e-6
            assert (error <= bound).all(), f"merged: {name} differs by {error.max().item():.1e}"

    def compare_settings(self, logps: np.ndarray, found: Steps) -> None:
        """Compares other sharing modes and numbers of ranks with the first results."""
        for sharing in ("none", "prompt", "prefix"):
            options = ["--sharing", sharing, "--row-tokens", 64]
            other = self.program.adapted_logps(self.source, self.data, self.adapter, *options)
            self.note("settings", difference(other, logps, 1))
        for ranks, sharing in ((1, "none"), (2, "prefix")):
            if ranks == 1 or shutil.which("mpirun"):
                output, options = self.place / f"{ranks}-{sharing}", ["--sharing", sharing, "--row-tokens", 80]
                start = Start(adapter=self.adapter)
                other = self.program.tune(self.source, self.data, output, start, 2, RATE, *options, ranks=ranks)
                self.note("loss", float(np.max(np.abs(np.subtract(other[0], found[0])))))
                self.note("norm", difference(other[1], found[1], 0))


def compare_family(program: Espalier | Formula, family: str, indices: range, seed: int, keep: Path | None) -> Findings:
    findings = Findings()
    for index in indices:
        with tempfile.TemporaryDirectory() as place:
            directory = keep / f"{family}-{index}" if keep else Path(place)
            directory.mkdir(parents=True, exist_ok=True)
            comparison = Comparison(program, family, seed, index, directory, findings)
            try:
                comparison.run()
            except AssertionError as error:
                findings.failures.append(f"{family} {index} ({comparison.what}): {error}")
            except Exception as error:
                line = traceback.extract_tb(error.__traceback__)[-1]
                source = f"{type(error).__name__} at {Path(line.filename).name}:{line.lineno}"
                text = " ".join(str(error).split())[:300]
                findings.failures.append(f"{family} {index} ({comparison.what}): {source}: {text}")
        findings.models += 1
    return findings


def print_row(family: str, findings: Findings) -> None:
    values = [f"{findings.worst[name]:.1e}" if name in findings.worst else "-" for name in BOUNDS]
    failures = f"{len(findings.failures)} failed" if findings.failures else "ok"
    print(f"{family:17}{findings.models:>7}{''.join(f'{value:>10}' for value in values)}  {failures}", flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    tested = parser.add_mutually_exclusive_group(required=True)
    tested.add_argument("--binary", type=Path, help="the program")
    tested.add_argument("--formula", action="store_true", help="the computation written out in place of the program")
    parser.add_argument("--count", type=int, default=7, help="models of each family, one for each kind of adapter (7)")
    parser.add_argument("--seed", type=int, default=0, help="seed of all models (0)")
    parser.add_argument("--families", nargs="+", choices=TEXT_FAMILIES, default=TEXT_FAMILIES, help="only these")
    parser.add_argument("--only", type=int, help="only the model of this index of each family")
    parser.add_argument("--keep", type=Path, help="directory that keeps models and outputs")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    if options.binary and not shutil.which(options.binary):
        print(f"skipped: no program at {options.binary}")
        return 0
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    print(f"{'family':17}{'models':>7}" + "".join(f"{name:>10}" for name in BOUNDS))
    print(f"{'tolerated':17}{'':7}" + "".join(f"{bound:>10.0e}" for bound in BOUNDS.values()), flush=True)
    program = Espalier(options.binary.resolve()) if options.binary else Formula()
    indices = range(options.count) if options.only is None else range(options.only, options.only + 1)
    failures = []
    for family in options.families:
        findings = compare_family(program, family, indices, options.seed, options.keep)
        print_row(family, findings)
        failures += findings.failures
    print("".join(f"\n{failure}" for failure in failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
