"""transformers loads the output of `espalier train`, and computes the same log-probabilities."""

import json
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import tiny_gguf
from espalier_data.arguments import parse_arguments
from espalier_data.import_gguf import import_gguf
from espalier_data.prepare import prepare
from reading import read_prepared
from safetensors.numpy import load_file
from transformers import AutoTokenizer

ROOT = Path(__file__).parents[2]
ESPALIER = ROOT / ".build/release/espalier"

pytestmark = pytest.mark.skipif(not ESPALIER.exists(), reason="espalier has not been built for release")


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason="torch is not installed")


def espalier(*arguments: object) -> None:
    """Runs the command on one thread, also as root in a container."""
    root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    command = [str(word) for word in (ESPALIER, *arguments, "--threads", 1)]
    result = subprocess.run(command, env=os.environ | root, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """A tiny model, imported from a GGUF file, with a tokenizer."""
    directory = tmp_path_factory.mktemp("source")
    # Norms around 1, matrices large enough that the distributions are far from uniform.
    tensors = {
        name: values * np.float32(0.15) if values.ndim == 2 else 1 + values * np.float32(0.2)
        for name, values in tiny_gguf.weights().items()
    }
    import_gguf(tiny_gguf.write(directory / "tiny.gguf", tensors), directory / "model")
    return directory / "model"


@pytest.fixture(scope="module")
def data(source, tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("data")
    rows = [
        {"prompt": f"Count to {n}.", "chosen": " ".join(map(str, range(n))), "rejected": "No " * n} for n in range(1, 9)
    ]
    (directory / "rows.json").write_text(json.dumps(rows))
    output = directory / "rows.safetensors"
    words = ["--model", source, "--data", directory / "rows.json", "--output", output, "--max-length", 64, "--strict"]
    prepare(parse_arguments([str(word) for word in words]))
    return output


@pytest.fixture(scope="module")
def trained(source, data, tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("trained") / "model"
    rates = ["--learning-rate", 1e-3, "--lr-scheduler-type", "constant", "--max-steps", 2, "--global-batch-size", 4]
    espalier("train", "--model", source, "--data", data, "--output", output, *rates)
    return output


@pytest.fixture(scope="module")
def loaded(torch, trained):
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(trained, dtype=torch.float32)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    return model.eval()


def test_the_directory_has_all_files_of_a_model(source, trained):
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        assert (trained / name).read_bytes() == (source / name).read_bytes()
    configs = [json.loads((directory / "config.json").read_text()) for directory in (source, trained)]
    assert configs[0] == configs[1]
    before, after = (load_file(directory / "model.safetensors") for directory in (source, trained))
    assert before.keys() == after.keys()
    assert all((before[name] != after[name]).any() for name in before)


def test_every_metric_of_a_step_is_documented_and_no_other(trained):
    section = (ROOT / "Documentation/Running.md").read_text().split("### Metrics")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"`([^`]+)`", row)}
    # Present only in lines of evaluations and after skipped steps.
    documented -= {"eval_…", "eval_logps/accuracies", "skipped_steps"}
    lines = (trained / "metrics.jsonl").read_text().splitlines()
    assert len(lines) == 2
    for line in lines:
        assert set(json.loads(line)) == documented


def test_it_continues_text(torch, loaded, trained):
    tokenizer = AutoTokenizer.from_pretrained(trained)
    prompt = tokenizer("Count to 5.", return_tensors="pt")
    whole = loaded.generate(**prompt, max_new_tokens=8, min_new_tokens=8, do_sample=False)
    assert whole.shape == (1, prompt["input_ids"].shape[1] + 8)
    assert tokenizer.decode(whole[0]).startswith("Count to 5.")


def test_its_logps_equal_those_of_espalier(torch, loaded, trained, data, tmp_path):
    espalier("logps", "--model", trained, "--data", data, "--output", tmp_path / "logps.safetensors")
    found = response_logps(torch, loaded, data)
    assert len(found) == 16
    np.testing.assert_allclose(load_file(tmp_path / "logps.safetensors")["response_logps"], found, rtol=1e-5)


def response_logps(torch, model, data: Path) -> list[float]:
    """Computes the log-probability of every response of a prepared file with transformers."""
    found = []
    for prompt, responses in read_prepared(data).rows:
        for response in responses:
            with torch.no_grad():
                logits = model(torch.tensor([prompt + response])).logits[0, len(prompt) - 1 : -1]
            logps = logits.double().log_softmax(-1).gather(1, torch.tensor(response)[:, None])
            found.append(logps.sum().item())
    return found


def test_the_best_model_of_a_run_is_the_evaluated_one(torch, source, data, tmp_path):
    from transformers import AutoModelForCausalLM

    # Every step lowers this metric, so the first evaluation is the best.
    evaluation = ["--eval-data", data, "--eval-steps", 1, "--metric-for-best-model", "rewards/rejected"]
    rates = ["--learning-rate", 1e-3, "--lr-scheduler-type", "constant", "--max-steps", 3, "--global-batch-size", 4]
    arguments = [*rates, *evaluation, "--load-best-model-at-end"]
    espalier("train", "--model", source, "--data", data, "--output", tmp_path, *arguments)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    evaluations = [line for line in lines if "eval_loss" in line]
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["best_global_step"] == 1 and len(evaluations) == summary["steps"] == 3
    model = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32).eval()
    found = np.reshape(response_logps(torch, model, data), (-1, 2)).mean(axis=0)
    expected = [evaluations[0][f"eval_logps/{name}"] for name in ("chosen", "rejected")]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert abs(found[1] - evaluations[2]["eval_logps/rejected"]) > 1e-3
