"""Generates adapters of the goldens' models and their golden values, in float64, with torch, transformers and PEFT.

    python Tests/Goldens/make_adapter_goldens.py [BASE/KIND …]

Run only to generate new goldens: the tests need neither torch nor PEFT. `adapters/BASE/KIND` is an adapter as PEFT
saves it, of the model and for the data in `BASE`; its golden.safetensors has the expected results, where NAME is that
of adapter_model.safetensors:

    token_logps      float32 [tokens of all responses]
    response_logps   float64 [responses]
    base_logps       float64 [responses]  with the adapter off
    reference_logps  float64 [responses]  response_logps plus fixed offsets, for the DPO step
    loss, grad.NAME  of sigmoid DPO, beta 0.5, mean over the pairs of the best with each other response of all examples;
                     float32, of every trained tensor
    step_losses, step_gradient_norms
                     float64 [2]  of two AdamW steps of the same loss over all examples, where the reference is the
                     adapter at the start, as TRL has it; constant rate 1e-3, epsilon 1e-4, clipping to norm 1
    step_rewards     float64 [2, responses]  beta (logp - reference logp) of the steps
    final_logps      float64 [responses]  after the steps
    final.NAME       float32, the trained tensors after the steps
    merged.NAME      float32, the weights of the last layer, and copies, after PEFT's `merge_and_unload` in float32;
                     NAME as in model.safetensors

The epsilon is far above the rounding of gradients near zero, whose sign would otherwise determine an update.
Where there is a directory `fresh`, it is an adapter whose products are zero, its copies and magnitudes the model's: the
reference of its two steps, in its own golden.safetensors, is the model with the adapter off.

Everything is compared with the same computation written out: weights `W + s B A` in place of `W`, and so on.
"""

import os

os.environ["HF_HUB_OFFLINE"] = "1"

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import torch
from adapter_kinds import ADAPTERS, AdapterGolden
from low_rank import (
    Substituted,
    Tensors,
    WrittenOut,
    attach,
    by_rows,
    draw,
    load,
    rows_of,
    save,
    stored,
    stored_name,
    trained,
    wide,
)
from make_goldens import BETA, HERE, METADATA, write
from model_files import read_model
from peft import PeftModel
from safetensors.numpy import load_file
from torch_dpo import Rows, Values, all_logps, dpo_loss, steps, sums_of
from transformers import PreTrainedModel

EPSILON = 1e-4
Arrays = dict[str, np.ndarray]


def response_logps(model: torch.nn.Module, rows: Rows) -> list[float]:
    with torch.no_grad():
        return [value.item() for row in sums_of(all_logps(model, rows)) for value in row]


def floats(tensors: Tensors, prefix: str) -> Arrays:
    return {f"{prefix}.{name}": value.detach().numpy().astype(np.float32) for name, value in tensors.items()}


def gradients(adapted: PeftModel) -> Tensors:
    return {stored_name(name): value.grad.detach().clone() for name, value in trained(adapted)}


def loss_and_gradients(adapted: PeftModel, rows: Rows, reference: Values) -> tuple[float, Tensors]:
    adapted.zero_grad()
    loss = dpo_loss(sums_of(all_logps(adapted, rows)), reference, BETA)
    loss.backward()
    found = gradients(adapted)
    adapted.zero_grad()
    return loss.item(), found


def first_step(adapted: PeftModel, rows: Rows, random: np.random.Generator) -> Arrays:
    """Returns log-probabilities, and loss and gradients for a reference with offsets."""
    with torch.no_grad():
        logps = all_logps(adapted, rows)
        with adapted.disable_adapter():
            base = response_logps(adapted, rows)
    sums = [value.item() for row in sums_of(logps) for value in row]
    reference = [value + random.normal(0, 2) for value in sums]
    loss, found = loss_and_gradients(adapted, rows, by_rows(reference, rows))
    return floats(found, "grad") | {
        "token_logps": torch.cat([part for row in logps for part in row]).numpy().astype(np.float32),
        "response_logps": np.array(sums),
        "base_logps": np.array(base),
        "reference_logps": np.array(reference),
        "loss": np.array([loss]),
    }


def two_steps(adapted: PeftModel, rows: Rows) -> Arrays:
    """Takes the steps, whose reference is the start."""
    start = response_logps(adapted, rows)
    taken = list(steps(adapted, rows, by_rows(start, rows), BETA, epsilon=EPSILON))
    return floats(stored(adapted), "final") | {
        "step_losses": np.array([step.loss for step in taken]),
        "step_gradient_norms": np.array([step.norm for step in taken]),
        "step_rewards": BETA * (np.array([step.logps for step in taken]) - np.array(start)),
        "final_logps": np.array(response_logps(adapted, rows)),
    }


def merged(model: PreTrainedModel, directory: Path) -> PreTrainedModel:
    return load(model, directory).merge_and_unload(safe_merge=True)


def verify(model: PreTrainedModel, together: PreTrainedModel, directory: Path, rows: Rows, found: Arrays) -> None:
    """Requires that the adapter written out, and PEFT's merge, give PEFT's results."""
    tensors = load_file(directory / "adapter_model.safetensors")
    leaves = {name: torch.from_numpy(value).double().requires_grad_() for name, value in tensors.items()}
    written = WrittenOut(json.loads((directory / "adapter_config.json").read_text()))
    base = {name: value.detach() for name, value in model.state_dict().items()}
    sums = sums_of(all_logps(Substituted(model, written.weights(base, leaves)), rows))
    dpo_loss(sums, by_rows(found["reference_logps"].tolist(), rows), BETA).backward()
    values = [value.item() for row in sums for value in row], response_logps(together, rows)
    differences = [np.abs(np.array(part) - found["response_logps"]).max() for part in values]
    for name, value in leaves.items():
        gradient = torch.from_numpy(found[f"grad.{name}"]).double()
        assert gradient.norm() > 0 and (value.grad - gradient).norm() < 1e-7 * gradient.norm(), f"gradient of {name}"
    assert max(differences) < 1e-9, f"differences {differences}"
    change = np.abs(found["response_logps"] - found["base_logps"]).min()
    assert change > 1e-3, f"the adapter changes a log-probability by {change} only"


def merged_tensors(base: Path, directory: Path) -> Arrays:
    """Returns the weights of the last layer and copies that merging in float32 changes."""
    model = read_model(base).float()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    after = merged(model, directory).state_dict()
    assert after.keys() == before.keys()
    changed = {name: value for name, value in after.items() if not torch.equal(value, before[name])}
    last = model.config.num_hidden_layers - 1
    kept = {name: value for name, value in changed.items() if ".layers." not in name or f".layers.{last}." in name}
    return floats(kept, "merged")


def make(name: str, golden: AdapterGolden) -> None:
    directory = HERE / "adapters" / name
    shutil.rmtree(directory, ignore_errors=True)
    for is_fresh in [False, True] if golden.has_fresh else [False]:
        place = directory / "fresh" if is_fresh else directory
        torch.manual_seed(golden.seed)
        adapted = attach(read_model(HERE / golden.base).float(), golden.settings, golden.base)
        draw(adapted, is_fresh=is_fresh)
        save(adapted, place)
        found = results(golden, place, is_fresh)
        if golden.is_merged and not is_fresh:
            found |= merged_tensors(HERE / golden.base, place)
        settings = METADATA | {"beta": str(BETA), "adam_epsilon": str(EPSILON), "learning_rate": "0.001"}
        write(found, place / "golden.safetensors", settings)
        report = {key: found[key].tolist() for key in ("step_losses", "step_gradient_norms")}
        report |= {"KB": sum(file.stat().st_size for file in place.iterdir() if file.is_file()) // 1024}
        print(place.relative_to(HERE / "adapters"), json.dumps(report), flush=True)


def results(golden: AdapterGolden, place: Path, is_fresh: bool) -> Arrays:
    """Returns the tensors of golden.safetensors but those of merging."""
    base = HERE / golden.base
    rows = rows_of(base / "data.safetensors")
    adapted, plain, together = load(read_model(base), place), read_model(base), merged(read_model(base), place)
    with wide():
        if is_fresh:
            verify_fresh(adapted, rows)
            return two_steps(adapted, rows)
        found = first_step(adapted, rows, np.random.default_rng(golden.seed))
        verify(plain, together, place, rows, found)
        return found | two_steps(adapted, rows)


def verify_fresh(adapted: PeftModel, rows: Rows) -> None:
    """Requires that the adapter at its start gives what the model gives without it."""
    found = response_logps(adapted, rows)
    with adapted.disable_adapter():
        expected = response_logps(adapted, rows)
    # The magnitudes are rounded to float32.
    difference = np.abs(np.subtract(found, expected)).max()
    assert difference < 1e-4, f"a new adapter changes log-probabilities by {difference}"


if __name__ == "__main__":
    for name in sys.argv[1:] or ADAPTERS:
        make(name, ADAPTERS[name])
