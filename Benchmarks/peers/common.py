"""Shared by all trainers of the comparison: the examples, the settings of a run, and the format of its report."""

import argparse
import json
import os
import resource
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

FORMAT = "espalier-preferences"
# Reported for each step, with TRL's names.
METRICS = ("loss", "grad_norm", "rewards/chosen", "rewards/rejected", "rewards/accuracies", "rewards/margins")
METRICS += ("logps/chosen", "logps/rejected")
# Length of the PyTorch peer's packed sequences. Its attention computes the whole square of a sequence and masks it
# afterwards, so packing helps short pairs only: five pairs of 154 to 852 tokens took 44 s of one core with 2048 tokens,
# 34 with 1024, 33 with 512, 32 unpacked.
TORCH_ROW_TOKENS = 512
# Of the operands of products; weights, moments and loss are float32 in both.
PRECISIONS = ("float32", "bfloat16")


class BenchmarkError(Exception):
    """An error that the user can fix; printed without a traceback."""


@dataclass(frozen=True)
class Pair:
    """A prompt with the chosen and the rejected response, as token ids."""

    prompt: list[int]
    chosen: list[int]
    rejected: list[int]

    @property
    def shared_tokens(self) -> int:
        """Tokens with the prompt counted once: a measure of work that is identical for every trainer."""
        return len(self.prompt) + len(self.chosen) + len(self.rejected)

    @property
    def unshared_tokens(self) -> int:
        """Tokens with the prompt counted once for each response."""
        return self.shared_tokens + len(self.prompt)


@dataclass(frozen=True)
class Settings:
    """A run over the first examples in order, each seen once, at a constant learning rate without weight decay."""

    model: str
    data: str
    steps: int
    batch_size: int
    learning_rate: float
    beta: float
    threads: int
    precision: str


@dataclass(frozen=True)
class Step:
    """One optimizer step; `metrics` has the keys of `METRICS`."""

    seconds: float
    pairs: int
    shared_tokens: int
    metrics: dict[str, float]


def read_pairs(path: str, count: int | None = None) -> list[Pair]:
    """Reads the first `count` examples, or all, of a file written by espalier-prepare."""
    try:
        with safe_open(path, "np") as file:
            if (file.metadata() or {}).get("format") != FORMAT:
                raise BenchmarkError(
                    f"{path}: expected a file written by espalier-prepare, found another safetensors file"
                )
            arrays = {name: file.get_tensor(name) for name in file.keys()}
    except (OSError, SafetensorError) as error:
        raise BenchmarkError(f"{path}: expected a file written by espalier-prepare: {error}") from error
    if "response_skips" in arrays:
        raise BenchmarkError(f"{path}: the peers count whole responses; prepare the data without --last-turn-only")
    rows = arrays["row_offsets"]
    available = len(rows) - 1
    count = available if count is None else count
    if not 1 <= count <= available:
        raise BenchmarkError(f"{path}: expected a number of rows from 1 to {available}, found {count}")

    def ids(kind: str, index: int) -> list[int]:
        start, end = arrays[f"{kind}_offsets"][index : index + 2]
        return arrays[f"{kind}_ids"][start:end].tolist()

    pairs = []
    for row in range(count):
        first, end = rows[row : row + 2]
        if end - first != 2:
            raise BenchmarkError(
                f"{path}, row {row}: expected two responses, found {end - first}; the peers support pairs only"
            )
        pairs.append(Pair(ids("prompt", row), ids("response", first), ids("response", first + 1)))
    return pairs


def batches(pairs: Sequence[Pair], settings: Settings) -> list[Sequence[Pair]]:
    """Returns the pairs of each step."""
    size = settings.batch_size
    return [pairs[step * size : (step + 1) * size] for step in range(settings.steps)]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments that `settings` reads."""
    parser.add_argument("--model", required=True, help="a Hugging Face model directory")
    parser.add_argument("--data", required=True, help="preferences written by espalier-prepare")
    parser.add_argument("--rows", type=int, help="number of examples to use (default: all, or as many as --steps need)")
    parser.add_argument("--steps", type=int, help="optimizer steps, including one of warm-up (default: all examples)")
    parser.add_argument("--batch-size", type=int, default=4, help="pairs per step (default %(default)s)")
    parser.add_argument("--learning-rate", type=float, default=5e-6, help="AdamW's learning rate (default %(default)s)")
    parser.add_argument("--beta", type=float, default=0.1, help="DPO's beta (default %(default)s)")
    parser.add_argument(
        "--precision", default=PRECISIONS[0], choices=PRECISIONS, help="operands of products (default %(default)s)"
    )
    cores = len(os.sched_getaffinity(0))
    parser.add_argument(
        "--threads", type=int, default=cores, help="total number of threads (default: every core, %(default)s)"
    )


def settings(arguments: argparse.Namespace) -> Settings:
    """Returns validated settings; no example is seen twice, since only Espalier would cache its reference."""
    batch_size, steps, threads = arguments.batch_size, arguments.steps, arguments.threads
    if min(batch_size, threads) < 1:
        raise BenchmarkError("expected --batch-size and --threads of at least 1")
    rows = arguments.rows
    if rows is None:
        rows = len(read_pairs(arguments.data)) if steps is None else steps * batch_size
    steps = rows // batch_size if steps is None else steps
    if steps < 2:
        raise BenchmarkError(f"expected at least 2 steps, as the first is a warm-up; found {steps}")
    if steps * batch_size > rows:
        raise BenchmarkError(f"{steps} steps of {batch_size} need {steps * batch_size} rows, found --rows {rows}")
    return Settings(
        model=arguments.model,
        data=arguments.data,
        steps=steps,
        batch_size=batch_size,
        learning_rate=arguments.learning_rate,
        beta=arguments.beta,
        threads=threads,
        precision=arguments.precision,
    )


def peak_rss_bytes() -> int:
    """Returns the peak resident set size of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def report(name: str, settings: Settings, steps: Sequence[Step], peak_bytes: int, **more: Any) -> dict[str, Any]:
    """Returns the report of a run; rates exclude the first step."""
    counted = steps[1:]
    seconds = sum(step.seconds for step in counted)
    return {
        "name": name,
        "pairs_per_second": sum(step.pairs for step in counted) / seconds,
        "shared_tokens_per_second": sum(step.shared_tokens for step in counted) / seconds,
        "peak_rss_bytes": peak_bytes,
        **more,
        "settings": asdict(settings),
        "steps": [{"step": number, **asdict(step)} for number, step in enumerate(steps, start=1)],
    }


def write_report(document: dict[str, Any], path: str | None) -> None:
    """Writes JSON to a file, or to standard output."""
    text = json.dumps(document, indent=2) + "\n"
    if path is None:
        print(text, end="")
    else:
        Path(path).write_text(text)
