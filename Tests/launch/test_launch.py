"""The launch scripts: messages, steps that run once, and the summary."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAUNCH = ROOT / "launch"


def run(*command, **variables) -> subprocess.CompletedProcess:
    environment = os.environ | {name: str(value) for name, value in variables.items()}
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, env=environment)


def shell(script: str, cache: Path, **variables) -> subprocess.CompletedProcess:
    """Runs lines of bash after `common.sh`."""
    return run("bash", "-c", f"source {LAUNCH}/common.sh\n{script}", ESPALIER_CACHE=cache, **variables)


@pytest.mark.parametrize("name", ["quickstart", "test"])
def test_help_prints_the_options_and_does_nothing_else(name, tmp_path):
    cache = tmp_path / "cache"
    result = run(LAUNCH / name, "--help", ESPALIER_CACHE=cache)
    assert result.returncode == 0
    assert result.stdout.startswith(f"Usage: launch/{name} [--model DIR]")
    assert not cache.exists()


@pytest.mark.parametrize("name", ["quickstart", "test"])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--modle", "x"], "error: unknown argument --modle; see --help\n"),
        (["--model"], "error: --model needs a value; see --help\n"),
        (
            ["--model", "/nowhere"],
            "error: --model /nowhere: expected a Hugging Face model directory with config.json and tokenizer.json\n",
        ),
    ],
)
def test_a_wrong_argument_ends_in_one_line(name, arguments, message, tmp_path):
    result = run(LAUNCH / name, *arguments, ESPALIER_CACHE=tmp_path)
    assert (result.returncode, result.stderr) == (1, message)


def test_ranks_must_be_a_number(tmp_path):
    result = run(LAUNCH / "quickstart", "--ranks", "two", ESPALIER_CACHE=tmp_path)
    assert result.returncode == 1
    assert result.stderr == "error: --ranks: expected a whole number from 1 to 9999, found two\n"


@pytest.mark.parametrize("option", ["--data", "--eval-data"])
def test_data_must_exist(option, tmp_path):
    result = run(LAUNCH / "quickstart", option, "/nowhere/pairs.jsonl", ESPALIER_CACHE=tmp_path)
    assert result.returncode == 1
    assert result.stderr == f"error: {option} /nowhere/pairs.jsonl: expected a file of preferences, found none\n"


COUNTED = 'work() { echo run >>"$cache/runs"; echo made >"$cache/output"; }\n'
STEP = 'once "$cache/output" "Working" "$cache/input" -- work\n'


def runs(cache: Path) -> int:
    return len((cache / "runs").read_text().split())


def test_a_step_runs_again_only_when_its_inputs_or_its_output_changed(tmp_path):
    (tmp_path / "input").write_text("a")
    assert shell(COUNTED + STEP + STEP, tmp_path).returncode == 0
    assert runs(tmp_path) == 1
    assert "Working: done before" in shell(COUNTED + STEP, tmp_path).stdout

    (tmp_path / "input").write_text("longer")
    shell(COUNTED + STEP, tmp_path)
    assert runs(tmp_path) == 2

    (tmp_path / "output").unlink()
    shell(COUNTED + STEP, tmp_path)
    assert runs(tmp_path) == 3


def test_a_step_that_failed_runs_again(tmp_path):
    (tmp_path / "input").write_text("a")
    failing = COUNTED.replace("; }", "; false; }")
    assert shell(failing + STEP + "echo went on", tmp_path).returncode == 1
    assert "went on" not in shell(failing + STEP + "echo went on", tmp_path).stdout
    assert runs(tmp_path) == 2
    assert shell(COUNTED + STEP, tmp_path).returncode == 0
    assert runs(tmp_path) == 3


def test_a_step_without_output_is_a_failure(tmp_path):
    result = shell('once "$cache/output" "Working" -- true', tmp_path)
    assert result.returncode == 1
    assert result.stderr == f"error: true succeeded but did not create {tmp_path}/output\n"


def with_swift(directory: Path, version: str) -> str:
    """A PATH with a swift that reports `version`."""
    swift = directory / "swift"
    swift.write_text(f"#!/bin/sh\necho 'Swift version {version} (swift-{version}-RELEASE)'\n")
    swift.chmod(0o755)
    return f"{directory}:/usr/bin:/bin"


@pytest.mark.parametrize("version", ["6.2", "6.3.1", "6.10", "7.0"])
def test_a_swift_that_is_new_enough_passes(version, tmp_path):
    assert shell("check_swift", tmp_path, PATH=with_swift(tmp_path, version)).returncode == 0


def test_an_old_swift_is_refused_with_a_remedy(tmp_path):
    result = shell("check_swift", tmp_path, PATH=with_swift(tmp_path, "5.10.1"))
    assert result.returncode == 1
    assert result.stderr == (
        f"error: expected Swift 6.2 or later, found 5.10 at {tmp_path}/swift; install a Swift 6.3 toolchain "
        "from https://www.swift.org/install/linux and put its usr/bin on PATH\n"
    )


def test_a_missing_swift_is_reported_with_a_remedy(tmp_path):
    if shutil.which("swift", path="/usr/bin:/bin"):
        pytest.skip("swift is in /usr/bin, where it cannot be hidden")
    result = shell("check_swift", tmp_path, PATH="/usr/bin:/bin")
    assert result.returncode == 1
    assert result.stderr.startswith("error: swift was not found; install a Swift 6.3 toolchain")


BEFORE = {"pairs": 50, "eval_logps/accuracies": 0.5} | dict.fromkeys(
    ["eval_rewards/accuracies", "eval_rewards/margins", "eval_loss"]
)
AFTER = {"pairs": 50, "eval_logps/accuracies": 0.84, "eval_rewards/accuracies": 0.96, "eval_rewards/margins": 0.5512}
RUN = {"pairs": 200, "steps": 25, "ranks": 2, "pairs_per_second": 0.314}
TOKENS = {"tokens_computed": 75_000, "tokens_unshared": 125_000}


def summarize(directory: Path, after: dict) -> subprocess.CompletedProcess:
    files = {"before": BEFORE, "after": after, "summary": RUN | TOKENS}
    for name, content in files.items():
        (directory / f"{name}.json").write_text(json.dumps(content))
    before, after_file = directory / "before.json", directory / "after.json"
    script = LAUNCH / "summary.py"
    return run(sys.executable, script, "--before", before, "--after", after_file, "--model", directory)


def test_the_summary_compares_before_and_after(tmp_path):
    result = summarize(tmp_path, AFTER | {"eval_loss": 0.47})
    assert result.returncode == 0
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    for line in [
        "chosen response more likely 50% 84%",
        "reward accuracy none 96%",
        "reward margin none 0.551",
        "loss none 0.470",
        "200 training pairs in 25 steps on 2 ranks",
        "speed 0.31 pairs/s, including the reference pass",
        "tokens saved by sharing prefixes 40% (75,000 instead of 125,000)",
        f"The trained model: {tmp_path}",
        f'model = AutoModelForCausalLM.from_pretrained("{tmp_path}")',
    ]:
        assert line in lines


def test_the_summary_shows_what_both_models_continue_prompts_with(tmp_path):
    (tmp_path / "summary.json").write_text(json.dumps(RUN | TOKENS))
    files = [tmp_path / "before.jsonl", tmp_path / "after.jsonl"]
    for file, text in zip(files, ["Perhaps\n\x1b[31m so", "It is so. " * 40]):
        lines = [{"prompt": f"system\nhelp\nuser\nWhat is {n}?\nassistant\n", "completion": text} for n in (1, 2)]
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    result = run(sys.executable, LAUNCH / "summary.py", "--model", tmp_path, "--continuations", *files)
    assert (result.returncode, result.stderr) == (0, "")
    assert "held-out" not in result.stdout and "200 training pairs in 25 steps" in result.stdout
    assert "\nPrompt: … What is 2?\n  before: Perhaps [31m so\n  after:  It is so. It is so." in result.stdout
    assert max(len(line) for line in result.stdout.splitlines()) < 180


def test_a_metric_that_was_not_finite_is_shown_as_none(tmp_path):
    result = summarize(tmp_path, AFTER | {"eval_loss": None})
    assert result.returncode == 0
    assert "none     none" in result.stdout


def test_a_missing_metric_is_named(tmp_path):
    result = summarize(tmp_path, AFTER)
    assert result.returncode == 1
    assert result.stderr.endswith("lacks 'eval_loss'; remove them and run again\n")


ESPALIER = ROOT / ".build/release/espalier"
EXAMPLE = ROOT / "cluster-configs/train.yaml"
ADAPTER_SETTINGS = [
    *["use_peft", "adapter", "lora_r", "lora_alpha", "lora_dropout", "lora_target_modules", "modules_to_save"],
    *["ensure_weight_tying", "use_rslora", "use_dora", "rank_pattern", "alpha_pattern"],
]


@pytest.mark.skipif(not ESPALIER.exists(), reason="espalier has not been built for release")
def test_the_example_configuration_has_every_flag_of_train_and_no_other():
    options = re.findall(r"^  (--.*?)(?:  |$)", run(ESPALIER, "train", "--help").stdout, re.MULTILINE)
    flags = {flag for option in options for flag in re.findall(r"--([a-z0-9][a-z0-9-]+)", option)}
    flags = {flag.removeprefix("no-").replace("-", "_") for flag in flags} - {"config"}
    keys = set(re.findall(r"^([a-z0-9_]+):", EXAMPLE.read_text(), re.MULTILINE))
    # Short names of gradient_checkpointing and resume_from_checkpoint, and flags that are no settings of the run.
    flags -= {"recompute", "resume", "profile_phases", "num_processes", "version"}
    # It would be wrong for another number of losses.
    assert "\n# loss_weights: [1.0]\n" in EXAMPLE.read_text()
    flags -= {"loss_weights"}
    # It would be wrong for a number of ranks that does not divide it.
    assert "\n# shards: 8\n" in EXAMPLE.read_text()
    flags -= {"shards"}
    # Every run that follows the example would compute the reference of all examples.
    assert "\n# rollback_on_spike: 5.0\n" in EXAMPLE.read_text()
    flags -= {"rollback_on_spike"}
    # They train an adapter instead of the model; the last two are long for flags.
    adapter = set(re.findall(r"^# ([a-z_]+): ", EXAMPLE.read_text(), re.MULTILINE)) & set(ADAPTER_SETTINGS)
    assert adapter == set(ADAPTER_SETTINGS)
    # A second name of modules_to_save, as TRL's scripts have it.
    flags -= {*ADAPTER_SETTINGS, "lora_modules_to_save"}
    assert flags
    assert (flags - keys, keys - flags) == (set(), set())


@pytest.mark.skipif(not ESPALIER.exists(), reason="espalier has not been built for release")
def test_the_example_configuration_is_accepted_up_to_its_paths():
    result = run(ESPALIER, "train", "--config", EXAMPLE, "--model", "/nowhere")
    assert result.returncode != 0
    assert "/nowhere" in result.stderr
