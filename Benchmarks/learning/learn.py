#!/usr/bin/env python3
"""Trains a model with every objective and reports how each changes the metrics of held-out pairs.

For each objective, precision and seed: train the same initial model for a few steps and evaluate held-out pairs before
and after, in float32. Once per objective and precision: train the first two steps without sharing, which must give the
same loss and gradient norm.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import mean
from typing import Any

# Metrics of a step that do not depend on sharing, and their relative tolerance for rounding, by precision: sharing
# changes no bit of a forward pass, but the last digits of gradients, whose operands may be rounded to other neighbours.
TOLERANCES = {
    "float32": {"loss": 1e-4, "grad_norm": 5e-3},
    "bfloat16": {"loss": 4e-3, "grad_norm": 1e-2},
}
UNSHARED_STEPS = 2

Record = dict[str, float]


class LearningError(Exception):
    """An error that the user can fix; printed without a traceback."""


@dataclass(frozen=True)
class Objective:
    """One or several losses, with the options that differ from the defaults."""

    name: str
    losses: str
    options: dict[str, float | str] = field(default_factory=dict)

    @property
    def arguments(self) -> list[str]:
        words = ["--loss-type", *self.losses.split()]
        for key, value in self.options.items():
            words += [f"--{key}", *str(value).split()]
        return words


# Scales of rewards are those of the papers or of TRL's examples; they depend on what a loss measures.
OBJECTIVES = [
    Objective("sigmoid", "sigmoid"),
    Objective("hinge", "hinge"),
    Objective("ipo", "ipo"),
    Objective("exo_pair", "exo_pair", {"label-smoothing": 0.001}),
    Objective("nca_pair", "nca_pair"),
    Objective("robust", "robust", {"label-smoothing": 0.1}),
    Objective("bco_pair", "bco_pair"),
    Objective("sppo_hard", "sppo_hard"),
    Objective("aot", "aot"),
    Objective("aot_unpaired", "aot_unpaired"),
    Objective("apo_zero", "apo_zero"),
    Objective("apo_down", "apo_down"),
    # With the paper's 0.05 the loss decreases with the margin near 0, where all margins start.
    Objective("discopop", "discopop", {"discopop-tau": 1}),
    Objective("sft", "sft"),
    Objective("sigmoid_norm", "sigmoid_norm", {"beta": 5}),
    Objective("simpo", "simpo", {"beta": 2, "simpo-gamma": 0.5}),
    Objective("cpo", "cpo"),
    Objective("orpo", "orpo"),
    Objective("plackett_luce", "plackett_luce"),
    Objective("RPO", "sigmoid sft"),
    Objective("MPO", "sigmoid bco_pair sft", {"loss-weights": "0.8 0.2 1"}),
]


@dataclass(frozen=True)
class Runner:
    """Runs Espalier: its program, inputs, ranks and settings."""

    espalier: str
    model: str
    train: str
    heldout: str
    ranks: int
    steps: int
    batch_size: int
    learning_rate: float
    precision: str
    caches: Path

    def run(self, *words: str) -> None:
        """Runs a subcommand on all ranks; if it fails, the last lines of its output are the error."""
        command, environment = [self.espalier, *words], dict(os.environ)
        if self.ranks > 1:
            hosts = f"localhost:{self.ranks}"
            command = ["mpirun", "-np", str(self.ranks), "--host", hosts, "--bind-to", "none", *command]
            if os.geteuid() == 0:
                environment |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
        try:
            result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        except OSError as error:
            raise LearningError(f"{command[0]} cannot be run: {error.strerror}") from error
        if result.returncode != 0:
            output = "\n".join((result.stdout + result.stderr).splitlines()[-5:])
            raise LearningError(f"status {result.returncode} of: {' '.join(command)}\n{output}")

    def evaluate(self, model: str, objective: Objective | None = None) -> Record:
        """Returns the metrics of `model` on the held-out pairs, with rewards relative to the initial model."""
        output = self.caches / "evaluation.json"
        words = ["evaluate", "--model", model, "--data", self.heldout, "--output", str(output)]
        cache = str(self.caches / "heldout.safetensors")
        if model != self.model:
            words += ["--reference-model", self.model]
        self.run(*words, "--reference-cache", cache, *(objective.arguments if objective else []))
        return json.loads(output.read_text())

    def train_with(
        self, objective: Objective, seed: int, output: str, *more: str, steps: int | None = None
    ) -> list[Record]:
        """Trains and returns the metrics of each step."""
        options = {
            "model": self.model,
            "data": self.train,
            "output": output,
            "global-batch-size": self.batch_size,
            "max-steps": steps or self.steps,
            "learning-rate": self.learning_rate,
            "lr-scheduler-type": "constant",
            "seed": seed,
            "precision": self.precision,
        }
        words = [word for key, value in options.items() for word in (f"--{key}", str(value))]
        self.run("train", *words, *objective.arguments, *more)
        return [json.loads(line) for line in (Path(output) / "metrics.jsonl").read_text().splitlines()]


def difference(shared: list[Record], unshared: list[Record], precision: str, objective: Objective) -> float:
    """Returns the largest relative difference of the loss over the steps of both runs."""
    largest = 0.0
    for step, (ours, other) in enumerate(zip(shared, unshared), start=1):
        for name, tolerance in TOLERANCES[precision].items():
            distance = abs(ours[name] - other[name]) / max(abs(other[name]), 1e-6)
            # Also true if either is NaN.
            if not distance <= tolerance:
                raise LearningError(
                    f"{objective.name}, step {step}: {name} is {ours[name]} with sharing and {other[name]} without"
                )
            if name == "loss":
                largest = max(largest, distance)
    return largest


def learn(runner: Runner, objective: Objective, seeds: list[int], before: Record) -> dict[str, Any]:
    """Trains with an objective and all seeds; returns a line of the table."""
    after, shared = [], []
    for seed in seeds:
        with tempfile.TemporaryDirectory(prefix="espalier-learning-") as directory:
            cache = str(runner.caches / f"train-{runner.precision}-{seed}.safetensors")
            shared.append(runner.train_with(objective, seed, f"{directory}/tuned", "--reference-cache", cache))
            after.append(runner.evaluate(f"{directory}/tuned", objective))
    with tempfile.TemporaryDirectory(prefix="espalier-learning-") as directory:
        plain = runner.train_with(objective, seeds[0], f"{directory}/plain", "--sharing", "none", steps=UNSHARED_STEPS)
    accuracies = [record["eval_logps/accuracies"] for record in after]
    return {
        "objective": objective.name,
        "precision": runner.precision,
        "options": objective.options,
        "before": before["eval_logps/accuracies"],
        "after": accuracies,
        "reward_accuracies": [record["eval_rewards/accuracies"] for record in after],
        "margins": [record["eval_rewards/margins"] for record in after],
        "unshared_difference": difference(shared[0], plain, runner.precision, objective),
    }


def table(lines: list[dict[str, Any]]) -> str:
    """Returns the lines as a Markdown table: means over seeds, with minimum and maximum."""

    def summary(values: list[float], scale: float, digits: int, unit: str = "") -> str:
        numbers = [f"{scale * value:.{digits}f}" for value in (mean(values), min(values), max(values))]
        return numbers[0] + unit + (f" ({numbers[1]} to {numbers[2]})" if len(values) > 1 else "")

    rows = [
        "| objective | chosen more likely | reward accuracy | reward margin | loss difference without sharing |",
        "|---|---|---|---|---|",
    ]
    for line in lines:
        options = "".join(f", {key.replace('-', '_')} {value}" for key, value in line["options"].items())
        options += ", bfloat16" if line["precision"] == "bfloat16" else ""
        rows.append(
            f"| `{line['objective']}`{options} | {100 * line['before']:.0f} → {summary(line['after'], 100, 0, ' %')} "
            f"| {summary(line['reward_accuracies'], 100, 0, ' %')} | {summary(line['margins'], 1, 3)} "
            f"| {line['unshared_difference']:.0e} |"
        )
    return "\n".join(rows)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--espalier", required=True, help="the espalier binary")
    parser.add_argument("--model", required=True, help="a Hugging Face model directory")
    parser.add_argument("--train", required=True, help="prepared preferences to train on")
    parser.add_argument("--heldout", required=True, help="prepared preferences to evaluate on")
    names = [objective.name for objective in OBJECTIVES]
    parser.add_argument(
        "--objectives", nargs="+", choices=names, default=names, help="objectives to train with (default: all)"
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2], help="seeds of the data order (default 1 2)")
    parser.add_argument("--steps", type=int, default=8, help="optimizer steps (default %(default)s)")
    parser.add_argument("--batch-size", type=int, default=8, help="examples per step (default %(default)s)")
    parser.add_argument("--learning-rate", type=float, default=1e-5, help="AdamW's learning rate (default %(default)s)")
    precisions = list(TOLERANCES)
    parser.add_argument(
        "--precision", nargs="+", choices=precisions, default=precisions[:1], help="precisions (default: float32)"
    )
    parser.add_argument("--ranks", type=int, default=1, help="MPI ranks (default %(default)s)")
    parser.add_argument("--json", help="write all figures to this file")
    return parser.parse_args()


def main() -> None:
    arguments = parse()
    if arguments.steps < UNSHARED_STEPS:
        raise LearningError(f"expected --steps of at least {UNSHARED_STEPS}, found {arguments.steps}")
    with tempfile.TemporaryDirectory(prefix="espalier-learning-") as caches:
        runner = Runner(
            espalier=arguments.espalier,
            model=arguments.model,
            train=arguments.train,
            heldout=arguments.heldout,
            ranks=arguments.ranks,
            steps=arguments.steps,
            batch_size=arguments.batch_size,
            learning_rate=arguments.learning_rate,
            precision=arguments.precision[0],
            caches=Path(caches),
        )
        before = runner.evaluate(runner.model)
        lines = []
        for objective in OBJECTIVES:
            if objective.name not in arguments.objectives:
                continue
            for precision in arguments.precision:
                lines.append(learn(replace(runner, precision=precision), objective, arguments.seeds, before))
                print(table(lines).splitlines()[-1], file=sys.stderr, flush=True)
    print(table(lines))
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(lines, indent=2) + "\n")
    worse = [line["objective"] for line in lines if mean(line["after"]) <= line["before"]]
    if worse:
        raise LearningError(f"held-out accuracy has not risen with {', '.join(worse)}")


if __name__ == "__main__":
    try:
        main()
    except LearningError as error:
        sys.exit(f"error: {error}")
