"""Compares espalier with transformers on random small models of every family.

    python Tests/Goldens/compare_families.py ESPALIER [--count N] [--seed S] [--families NAME …]

Needs torch and transformers; without them, or without the program, it says so and succeeds. Each model has random legal
shapes and features, a configuration of either generation, one or more files, and random preferences. Compared are

    logps     `espalier logps` with transformers in float64, for every response: 2e-5 of the value, at least of 1
    loss      of two training steps with torch's, where the reference is the model itself: 1e-5
    norm      of the gradient in these steps: 1e-4 of the value
    output    the trained directory as transformers loads it, with `espalier logps` of it: as logps; same names, files
              and form of the configuration as the input
    again     the loss and gradient norm of a step from that directory, as above
    settings  for one model of each family: logps of every sharing mode and two lengths of packed sequences, and steps
              of two ranks, with the first results, as above

Prints the largest differences of each family, then what failed. The exit code is 1 if anything did.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

try:
    import numpy as np
    import torch
    import transformers
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(0)

from make_goldens import METADATA, dataset, write
from model_files import Form, configuration_difference, layout, read_model, write_model
from random_models import FAMILIES, LONGEST, Draw
from safetensors.numpy import load_file
from torch_dpo import Rows, all_logps, initialize, sums_of, take_steps
from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

COMMANDS = ("logps", "train", "merge")
BETA, RATE = 0.5, 1e-3
# Far above the rounding of gradients near zero, whose sign would otherwise determine an update, and below the others.
EPSILON = 1e-4
BOUNDS = {"logps": 2e-5, "loss": 1e-5, "norm": 1e-4, "output": 2e-5, "again": 1e-4, "settings": 1e-4}


@dataclass
class Findings:
    """The largest differences of a family by what was compared, and what failed."""

    models: int = 0
    worst: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    failures: list[str] = field(default_factory=list)

    def note(self, name: str, difference: float, bound: float | None = None) -> None:
        """Records a difference; one that is not a number is a failure too."""
        self.worst[name] = max(self.worst[name], difference if difference == difference else float("inf"))
        bound = bound or BOUNDS[name]
        if not difference <= bound:
            raise AssertionError(f"{name}: difference {difference:.2e}, at most {bound:.0e} expected")


def random_rows(draw: Draw, vocabulary: int) -> Rows:
    """Returns prompts with responses of which some begin alike, or are another's beginning, and single tokens."""

    def tokens(low: int, high: int) -> list[int]:
        return draw.random.integers(0, vocabulary, draw.number(low, high)).tolist()

    rows = []
    for _ in range(draw.number(3, 5)):
        start = tokens(1, 8)
        responses = [draw.one([start, []]) + tokens(1, 16) for _ in range(draw.number(2, 4))]
        if draw.flag():
            responses.append(responses[0] + tokens(1, 5))
        rows.append((tokens(1, 30), responses))
    assert max(len(prompt) + len(response) for prompt, row in rows for response in row) <= LONGEST
    return rows


@dataclass(frozen=True)
class Program:
    """The program under test."""

    path: Path

    def run(self, command: str, *words: object, ranks: int = 1) -> None:
        launch = ["mpirun", "-np", ranks, "--oversubscribe", "--bind-to", "none"] if ranks > 1 else []
        self.execute([*launch, self.path, command, *words, "--threads", 1])

    def execute(self, words: list[object]) -> None:
        variables = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"} if os.geteuid() == 0 else {}
        texts = [str(word) for word in words]
        result = subprocess.run(texts, capture_output=True, text=True, env=os.environ | variables)
        if result.returncode != 0:
            lines = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
            command = next((text for text in texts if text in COMMANDS), texts[0])
            raise AssertionError(f"{command}: status {result.returncode}: {' '.join(lines) or result.stderr[-500:]}")

    def logps(self, model: Path, data: Path, *options: object) -> np.ndarray:
        with tempfile.TemporaryDirectory() as place:
            self.run("logps", "--model", model, "--data", data, "--output", Path(place) / "logps", *options)
            return load_file(Path(place) / "logps")["response_logps"]

    def train(
        self, model: Path, data: Path, output: Path, steps: int, *options: object, ranks: int = 1
    ) -> tuple[list[float], list[float]]:
        """Trains with all examples in each step; returns losses and gradient norms."""
        settings = output.parent / f"{output.name}.yaml"
        settings.write_text(f"adam_epsilon: {EPSILON}\nlr_scheduler_type: constant\nshuffle: false\n")
        count = len(load_file(data)["row_offsets"]) - 1
        words = ["--config", settings, "--max-steps", steps, "--global-batch-size", count]
        words += ["--learning-rate", RATE, "--beta", BETA]
        self.run("train", "--model", model, "--data", data, "--output", output, *words, *options, ranks=ranks)
        lines = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
        return [line["loss"] for line in lines], [line["grad_norm"] for line in lines]


def difference(found: list[float] | np.ndarray, expected: list[float] | np.ndarray, least: float) -> float:
    """Returns the largest difference relative to the expected value, or to `least` if that is larger."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape and found.size > 0, f"{found.shape} in place of {expected.shape}"
    return float(np.max(np.abs(found - expected) / np.maximum(np.abs(expected), least)))


def torch_logps(model: transformers.PreTrainedModel, rows: Rows) -> np.ndarray:
    with torch.no_grad():
        return np.array([value.item() for row in sums_of(all_logps(model, rows)) for value in row])


def torch_steps(
    model: transformers.PreTrainedModel, rows: Rows, logps: np.ndarray, count: int
) -> tuple[list[float], list[float]]:
    """Takes steps with the model's log-probabilities before them as the reference's."""
    values: Iterator[float] = iter(logps.tolist())
    reference = [[next(values) for _ in row] for _, row in rows]
    return take_steps(model, rows, reference, BETA, count, RATE, EPSILON)


@dataclass
class Comparison:
    """One random model of a family and everything that is compared with it."""

    program: Program
    family: str
    seed: int
    index: int
    place: Path
    findings: Findings
    form: Form | None = None

    def run(self) -> None:
        """Makes the model and compares; a difference that is too large is an error."""
        draw = Draw(np.random.default_rng([self.seed, list(FAMILIES).index(self.family), self.index]))
        rows = self.make(draw)
        model = read_model(self.source)
        expected = torch_logps(model, rows)
        logps = self.program.logps(self.source, self.data)
        self.findings.note("logps", difference(logps, expected, 1))
        steps = self.compare_steps(model, rows, expected)
        self.compare_output(rows)
        if self.index == 0:
            self.compare_settings(logps, steps)

    @property
    def source(self) -> Path:
        return self.place / "model"

    @property
    def data(self) -> Path:
        return self.place / "data.safetensors"

    @property
    def output(self) -> Path:
        return self.place / "output"

    def make(self, draw: Draw) -> Rows:
        """Writes the model and its data."""
        is_older = draw.flag()
        config = FAMILIES[self.family](draw, is_older)
        is_wrapper = hasattr(config, "vision_config")
        dtype = draw.one([torch.float32] * 3 + [torch.bfloat16])
        self.form = Form(is_older, is_wrapper and draw.flag(), draw.one([1, 1, 2, 3]), dtype)
        torch.manual_seed(draw.number(0, 1 << 30))
        kind = AutoModelForImageTextToText if is_wrapper else AutoModelForCausalLM
        model = kind.from_config(config)
        # Wider matrices of the same scale would amplify float32's rounding, torch's too, beyond what is tolerated.
        initialize(model, min(0.3, draw.real(0.8, 1.4) / config.get_text_config().hidden_size**0.5))
        write_model(model, self.form, self.source)
        # Placeholders of images, the last three tokens of a wrapper, are in no text.
        rows = random_rows(draw, config.get_text_config().vocab_size - (3 if is_wrapper else 0))
        write(dataset(rows), self.data, METADATA)
        return rows

    def compare_steps(
        self, model: transformers.PreTrainedModel, rows: Rows, logps: np.ndarray
    ) -> tuple[list[float], list[float]]:
        losses, norms = self.program.train(self.source, self.data, self.output, 2)
        expected = torch_steps(model, rows, logps, 2)
        self.findings.note("loss", float(np.max(np.abs(np.subtract(losses, expected[0])))))
        self.findings.note("norm", difference(norms, expected[1], 0))
        return losses, norms

    def compare_output(self, rows: Rows) -> None:
        """Compares what was written with the input's form, with transformers, and as the start of another run."""
        trained = read_model(self.output)
        expected = torch_logps(trained, rows)
        self.findings.note("output", difference(self.program.logps(self.output, self.data), expected, 1))
        found = self.program.train(self.output, self.data, self.place / "again", 1)
        losses, norms = torch_steps(trained, rows, expected, 1)
        self.findings.note("again", max(abs(found[0][0] - losses[0]), difference(found[1], norms, 0)))
        problems = [configuration_difference(self.source, self.output)]
        before, after = layout(self.source), layout(self.output)
        if before.keys() != after.keys():
            problems.append(f"names: {sorted(before.keys() ^ after.keys())[:4]}")
        elif before != after:
            problems.append(f"{len(set(after.values()))} files in place of {len(set(before.values()))}")
        problems = [problem for problem in problems if problem]
        assert not problems, f"output: {'; '.join(problems)}"

    def compare_settings(self, logps: np.ndarray, steps: tuple[list[float], list[float]]) -> None:
        """Compares other sharing modes, lengths of packed sequences and numbers of ranks with the first results."""
        for sharing in ("none", "prompt", "prefix"):
            for length in (64, 2048):
                options = ["--sharing", sharing, "--row-tokens", length]
                found = self.program.logps(self.source, self.data, *options)
                self.findings.note("settings", difference(found, logps, 1), 2e-5)
        for ranks, sharing in ((1, "none"), (1, "prompt"), (2, "prefix")):
            if ranks > 1 and not shutil.which("mpirun"):
                continue
            output = self.place / f"{ranks}-{sharing}"
            options = ["--sharing", sharing, "--row-tokens", 80]
            losses, norms = self.program.train(self.source, self.data, output, 2, *options, ranks=ranks)
            self.findings.note("settings", float(np.max(np.abs(np.subtract(losses, steps[0])))), 1e-5)
            self.findings.note("settings", difference(norms, steps[1], 0), 1e-4)


def compare_family(program: Program, family: str, indices: range, seed: int, keep: Path | None) -> Findings:
    findings = Findings()
    for index in indices:
        with tempfile.TemporaryDirectory() as place:
            directory = keep / f"{family}-{index}" if keep else Path(place)
            directory.mkdir(parents=True, exist_ok=True)
            comparison = Comparison(program, family, seed, index, directory, findings)
            try:
                comparison.run()
            except AssertionError as error:
                findings.failures.append(f"{family} {index} ({comparison.form}): {error}")
            except Exception as error:
                line = traceback.extract_tb(error.__traceback__)[-1]
                source = f"{type(error).__name__} at {Path(line.filename).name}:{line.lineno}"
                text = " ".join(str(error).split())[:300]
                findings.failures.append(f"{family} {index} ({comparison.form}): {source}: {text}")
        findings.models += 1
    return findings


def print_row(family: str, findings: Findings) -> None:
    values = [f"{findings.worst[name]:.1e}" if name in findings.worst else "-" for name in BOUNDS]
    failures = f"{len(findings.failures)} failed" if findings.failures else "ok"
    columns = "".join(f"{value:>10}" for value in values)
    print(f"{family:17}{findings.models:>7}{columns}  {failures}", flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("espalier", type=Path, help="the program")
    parser.add_argument("--count", type=int, default=3, help="models of each family (3)")
    parser.add_argument("--seed", type=int, default=0, help="seed of all models (0)")
    parser.add_argument("--families", nargs="+", choices=FAMILIES, default=list(FAMILIES), help="only these")
    parser.add_argument("--only", type=int, help="only the model of this index of each family")
    parser.add_argument("--keep", type=Path, help="directory that keeps models and outputs")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    if not shutil.which(options.espalier):
        print(f"skipped: no program at {options.espalier}")
        return 0
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    print(f"{'family':17}{'models':>7}" + "".join(f"{name:>10}" for name in BOUNDS))
    print(f"{'tolerated':17}{'':7}" + "".join(f"{bound:>10.0e}" for bound in BOUNDS.values()), flush=True)
    indices = range(options.count) if options.only is None else range(options.only, options.only + 1)
    failures = []
    for family in options.families:
        program = Program(options.espalier.resolve())
        findings = compare_family(program, family, indices, options.seed, options.keep)
        print_row(family, findings)
        failures += findings.failures
    print("".join(f"\n{failure}" for failure in failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
