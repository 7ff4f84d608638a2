"""Generates the tiny models and their golden values, in float64, with torch and transformers.

    python Tests/Goldens/make_goldens.py [NAME …]

Run only to generate new goldens: the tests need neither torch nor transformers. Each model is a Hugging Face directory;
its data.safetensors is a prepared dataset, and golden.safetensors has its tensors and the expected results for it:

    token_logps      float32 [tokens of all responses]
    response_logps   float64 [responses]
    logits           float32 [T, V]  of the first sequence, prompt and first response
    reference_logps  float64 [responses]  policy plus fixed offsets, for the DPO step
    loss, grad.NAME  of sigmoid DPO, beta 0.5, mean over the pairs of the best with each other response of all examples;
                     NAME as in model.safetensors, except the tensors of images, which have no gradient
    step_losses, step_gradient_norms
                     float64 [2]  of two AdamW steps of the same loss over all examples, where the reference is the
                     model itself; constant rate 1e-3, clipping to norm 1; norms before clipping; not in the first five

v4/config.json is config.json in the older form; the same model, which is verified here.
"""

import copy
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from golden_models import MODELS, GoldenModel
from older_configuration import older
from safetensors.numpy import load_file, save_file
from torch_dpo import Rows, Values, all_logps, dpo_loss, initialize, logits, sums_of, take_steps, without_padding
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    PreTrainedConfig,
    PreTrainedModel,
)

HERE = Path(__file__).parent
BETA = 0.5
METADATA = {"format": "espalier-preferences", "format_version": "1", "max_length": "512"}


def long_rows(random: np.random.Generator) -> Rows:
    """Returns prompts with responses: plain pairs, shared prefixes, one prefix of another, three and five responses."""

    def tokens(count: int) -> list[int]:
        return random.integers(0, 131, count).tolist()

    start = tokens(7)
    return [
        (tokens(23), [tokens(9), tokens(14)]),
        (tokens(1), [tokens(1), tokens(3)]),
        (tokens(40), [start + tokens(5), start + tokens(8)]),
        (tokens(17), [start, start + tokens(4)]),
        (tokens(12), [start + tokens(3), start[:4] + tokens(6), tokens(5)]),
        (tokens(90), [tokens(30), start + tokens(2), start + tokens(9), start[:2], tokens(21)]),
    ]


def short_rows(random: np.random.Generator, vocabulary: int, token: int | None) -> Rows:
    """Returns the same kinds of rows with about half the tokens; `token` begins and ends every prompt."""

    def tokens(count: int) -> list[int]:
        return random.integers(0, vocabulary, count).tolist()

    start = tokens(7)
    rows = [
        (tokens(30), [start + tokens(5), start + tokens(8)]),
        (tokens(1), [tokens(1), tokens(3)]),
        (tokens(9), [start, start + tokens(4)]),
        (tokens(12), [start + tokens(3), start[:4] + tokens(6), tokens(5)]),
        (tokens(26), [tokens(11), start + tokens(2), start + tokens(9), start[:2], tokens(6)]),
    ]
    return rows if token is None else [([token] + prompt[1:-1] + [token], row) for prompt, row in rows]


def dataset(data: Rows) -> dict[str, np.ndarray]:
    responses = [response for _, row in data for response in row]

    def offsets(parts: list) -> np.ndarray:
        return np.cumsum([0] + [len(part) for part in parts], dtype=np.int64)

    return {
        "prompt_ids": np.array([t for prompt, _ in data for t in prompt], dtype=np.int32),
        "prompt_offsets": offsets([prompt for prompt, _ in data]),
        "response_ids": np.array([t for response in responses for t in response], dtype=np.int32),
        "response_offsets": offsets(responses),
        "row_offsets": offsets([row for _, row in data]),
    }


def build(config: PreTrainedConfig) -> PreTrainedModel:
    """Returns a model of a configuration; a wrapper of a text model with its vision tower."""
    kind = AutoModelForImageTextToText if hasattr(config, "vision_config") else AutoModelForCausalLM
    return without_padding(kind.from_config(config, attn_implementation="eager").eval())


def save(model: PreTrainedModel, directory: Path) -> None:
    """Writes the model, and its configuration in both forms."""
    shutil.rmtree(directory, ignore_errors=True)
    model.save_pretrained(directory)
    (directory / "generation_config.json").unlink(missing_ok=True)
    config = older(json.loads((directory / "config.json").read_text()))
    (directory / "v4").mkdir()
    (directory / "v4" / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def response_logps(model: PreTrainedModel, data: Rows) -> torch.Tensor:
    with torch.no_grad():
        return torch.stack([value for row in sums_of(all_logps(model, data)) for value in row])


def verify_older(model: PreTrainedModel, directory: Path, data: Rows) -> None:
    """Requires that v4/config.json gives the model, by its log-probabilities."""
    with tempfile.TemporaryDirectory() as place:
        shutil.copy(directory / "v4" / "config.json", Path(place) / "config.json")
        other = build(AutoConfig.from_pretrained(place)).double()
    other.load_state_dict(model.state_dict())
    assert torch.equal(response_logps(other, data), response_logps(model, data)), "v4/config.json is of another model"


def verify_changes(model: PreTrainedModel, changes: list[dict[str, Any]], data: Rows) -> float:
    """Requires that each change of the configuration changes log-probabilities; returns the smallest difference."""
    found = [float("inf")]
    for change in changes:
        config = copy.deepcopy(model.config)
        for key, value in change.items():
            setattr(config.get_text_config(), key, copy.deepcopy(value))
        other = build(config).double()
        other.load_state_dict(model.state_dict(), strict=False)
        found.append((response_logps(other, data) - response_logps(model, data)).abs().max().item())
        # Ten times what the tests tolerate.
        assert found[-1] > 2e-4, f"{change} changes nothing: {found[-1]}"
    return min(found)


def rounding(model: PreTrainedModel, data: Rows) -> float:
    """Returns the largest difference of a token's log-probability in float32 and in float64."""
    with torch.no_grad():
        parts = [all_logps(copy.deepcopy(model).to(kind), data) for kind in (torch.float32, torch.float64)]
    return max((a - b).abs().max().item() for pair in zip(*parts) for a, b in zip(*pair))


def stored_gradients(model: PreTrainedModel, directory: Path) -> dict[str, np.ndarray]:
    """Returns the gradients by the names of model.safetensors, which differ from some parameters' names."""
    names = {value.tobytes(): name for name, value in load_file(directory / "model.safetensors").items()}
    parameters = [value for value in model.parameters() if value.grad is not None]
    found = {names[value.detach().float().numpy().tobytes()]: value.grad.float().numpy() for value in parameters}
    assert len(found) == len(parameters)
    return {f"grad.{name}": value for name, value in found.items()}


def verify_padding(model: PreTrainedModel, golden: GoldenModel) -> None:
    """Requires that the gradient of the pad token's embedding has the input's part, which is all of it here."""
    if golden.token is not None:
        assert golden.token == model.config.pad_token_id and not model.config.tie_word_embeddings
        assert model.get_input_embeddings().weight.grad[golden.token].abs().min() > 1e-6


def results(
    model: PreTrainedModel, golden: GoldenModel, directory: Path, data: Rows, random: np.random.Generator
) -> dict[str, np.ndarray]:
    """Returns the tensors of golden.safetensors; takes the steps."""
    logps = all_logps(model, data)
    sums = sums_of(logps)
    reference: Values = [[value.item() + random.normal(0, 2) for value in row] for row in sums]
    loss = dpo_loss(sums, reference, BETA)
    loss.backward()
    found = dataset(data) | {
        "token_logps": torch.cat([part for row in logps for part in row]).detach().float().numpy(),
        "response_logps": np.array([value.item() for row in sums for value in row]),
        "reference_logps": np.array([value for row in reference for value in row]),
        "logits": logits(model, data[0][0] + data[0][1][0]).detach().float().numpy(),
        "loss": np.array([loss.item()]),
    }
    found |= stored_gradients(model, directory)
    verify_padding(model, golden)
    if not golden.is_long:
        losses, norms = take_steps(model, data, [[value.item() for value in row] for row in sums], BETA)
        found |= {"step_losses": np.array(losses), "step_gradient_norms": np.array(norms)}
    return found


def write(tensors: dict[str, np.ndarray], path: Path, metadata: dict[str, str]) -> None:
    save_file({key: np.ascontiguousarray(value) for key, value in tensors.items()}, path, metadata)


def make(name: str, golden: GoldenModel) -> None:
    torch.manual_seed(golden.seed)
    random = np.random.default_rng(golden.seed)
    model = build(golden.config)
    initialize(model, golden.scale)
    directory = HERE / name
    save(model, directory)
    model = model.double()
    vocabulary = golden.tokens or golden.config.get_text_config().vocab_size
    data = long_rows(random) if golden.is_long else short_rows(random, vocabulary, golden.token)
    verify_older(model, directory, data)
    report = {"rounding": rounding(model, data), "least_change": verify_changes(model, golden.changes, data)}
    found = results(model, golden, directory, data, random)
    write(dataset(data), directory / "data.safetensors", METADATA)
    write(found, directory / "golden.safetensors", METADATA | {"beta": str(BETA)})
    size = sum(file.stat().st_size for file in directory.iterdir())
    report |= {"loss": found["loss"][0], "KB": size // 1024}
    report |= {key: found[key].tolist() for key in ("step_losses", "step_gradient_norms") if key in found}
    print(name, json.dumps(report), flush=True)


if __name__ == "__main__":
    for name in sys.argv[1:] or MODELS:
        make(name, MODELS[name])
