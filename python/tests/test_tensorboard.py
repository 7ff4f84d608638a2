"""TensorBoard reads the event files of `espalier train`, with the values of `metrics.jsonl`."""

import json
import os
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
ESPALIER = ROOT / ".build/release/espalier"
MODEL = ROOT / "Tests/Goldens/tied"
STEPS = 400

pytestmark = pytest.mark.skipif(not ESPALIER.exists(), reason="espalier has not been built for release")
pytest.importorskip("tensorboard", reason="tensorboard is not installed; pip install './python[tensorboard]'")


def start(output: Path, *more: object) -> subprocess.Popen:
    """Starts a run of a tiny model that evaluates it, on one thread, also as root in a container."""
    root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    words = ["train", "--model", MODEL, "--data", MODEL / "data.safetensors", "--output", output, "--threads", 1]
    words += ["--learning-rate", 0.01, "--global-batch-size", 2, "--max-steps", STEPS, "--save-steps", 5]
    words += ["--eval-data", MODEL / "data.safetensors", "--eval-steps", 5, "--eval-on-start"]
    words += ["--report-to", "tensorboard", "--save-total-limit", 2]
    command = [str(word) for word in (ESPALIER, *words, *more)]
    return subprocess.Popen(command, env=os.environ | root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def stop(output: Path, how: signal.Signals, steps: int) -> None:
    """Runs until that number of steps is logged, and sends a signal; the process resumes if there is a checkpoint."""
    process, metrics = start(output, "--resume"), output / "metrics.jsonl"
    while not metrics.exists() or f'{{"step": {steps}, ' not in metrics.read_text():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(how)
    process.communicate()
    assert process.returncode == (75 if how == signal.SIGUSR1 else -how)


@pytest.fixture(scope="module")
def output(tmp_path_factory) -> Path:
    """The output of a run that was killed between two checkpoints, stopped with one, and finished."""
    output = tmp_path_factory.mktemp("tensorboard") / "out"
    stop(output, signal.SIGKILL, 23)
    stop(output, signal.SIGUSR1, 47)
    process = start(output, "--resume")
    errors = process.communicate()[1]
    assert process.returncode == 0, errors
    return output


@pytest.fixture(scope="module")
def expected(output) -> Counter:
    """Tag, step and float32 value of each number of `metrics.jsonl`, with their occurrences."""
    expected = Counter()
    for line in map(json.loads, (output / "metrics.jsonl").read_text().splitlines()):
        step = line.pop("step")
        for name, value in line.items():
            tag = f"eval/{name[5:]}" if name.startswith("eval_") else f"train/{name}"
            if not isinstance(value, str | list):
                expected[tag, step, float(np.float32(value))] += 1
    assert len(expected) > STEPS * 20
    return expected


@pytest.fixture(scope="module")
def directory(output) -> str:
    (directory,) = (output / "runs").iterdir()
    assert len(list(directory.iterdir())) == 3
    return str(directory)


def test_scalars_are_the_metrics_without_abandoned_steps(directory, expected):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(directory, size_guidance={"scalars": 0}).Reload()
    found = ((tag, event) for tag in events.Tags()["scalars"] for event in events.Scalars(tag))
    assert Counter((tag, event.step, event.value) for tag, event in found) == expected


def test_the_charts_show_the_same(directory, expected):
    from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    events = EventAccumulator(directory, size_guidance={"tensors": 0}).Reload()
    texts = events.PluginTagToContent("text")
    assert set(texts) == {"args/text_summary", "model_config/text_summary"}
    found = ((tag, event) for tag in events.Tags()["tensors"] if tag not in texts for event in events.Tensors(tag))
    assert Counter((tag, event.step, make_ndarray(event.tensor_proto).item()) for tag, event in found) == expected
    times = [event.wall_time for event in events.Tensors("train/loss")]
    assert times == sorted(times) and time.time() - 600 < times[0] < times[-1] < time.time()


def test_the_settings_are_a_text(directory, output):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(directory).Reload().Tensors("args/text_summary")
    assert [event.step for event in events][0] == 0 and len(events) == 3
    text = events[-1].tensor_proto.string_val[0].decode()
    assert text.splitlines() == [f"    {line}" for line in (output / "espalier.yaml").read_text().splitlines()] + ["    "]
