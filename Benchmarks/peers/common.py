"""What all trainers of the comparison share: the rows, the settings of a run, and the shape of its report."""

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
# Kept of each step, by TRL's names.
METRICS = ("loss", "grad_norm", "rewards/chosen", "rewards/rejected", "rewards/accuracies", "rewards/margins")
METRICS += ("logps/chosen", "logps/rejected")
# The PyTorch peer's rows. Its attention goes over a row's whole square and masks afterwards, so that packing pays for
# short pairs alone: five pairs of 154 to 852 tokens took 44 s of one core by 2048, 34 by 1024, 33 by 512, 32 unpacked.
TORCH_ROW_TOKENS = 512


class BenchmarkError(Exception):
    """What the user can mend; shown without a traceback."""


@dataclass(frozen=True)
class Pair:
    """A prompt with the better and the worse response, as token ids."""

    prompt: list[int]
    chosen: list[int]
    rejected: list[int]

    @property
    def shared_tokens(self) -> int:
        """Tokens where the prompt counts once: the measure of work that is the same for every trainer."""
        return len(self.prompt) + len(self.chosen) + len(self.rejected)

    @property
    def unshared_tokens(self) -> int:
        """Tokens where the prompt counts once for each response."""
        return self.shared_tokens + len(self.prompt)


@dataclass(frozen=True)
class Settings:
    """A run over the rows from the top in their order, each seen once, at a constant rate without weight decay."""

    model: str
    data: str
    steps: int
    batch_size: int
    learning_rate: float
    beta: float
    threads: int


@dataclass(frozen=True)
class Step:
    """One optimizer step; `metrics` are those of `METRICS`."""

    seconds: float
    pairs: int
    shared_tokens: int
    metrics: dict[str, float]


def read_pairs(path: str, count: int | None = None) -> list[Pair]:
    """The first `count` rows, or all, of a file that espalier-prepare wrote."""
    try:
        with safe_open(path, "np") as file:
            if (file.metadata() or {}).get("format") != FORMAT:
                raise BenchmarkError(f"{path}: expected a file that espalier-prepare wrote, found another safetensors")
            arrays = {name: file.get_tensor(name) for name in file.keys()}
    except (OSError, SafetensorError) as error:
        raise BenchmarkError(f"{path}: expected a file that espalier-prepare wrote: {error}") from error
    if "response_skips" in arrays:
        raise BenchmarkError(f"{path}: peers count whole responses; prepare the data without --last-turn-only")
    rows = arrays["row_offsets"]
    available = len(rows) - 1
    count = available if count is None else count
    if not 1 <= count <= available:
        raise BenchmarkError(f"{path}: expected 1 to {available} rows, found a demand for {count}")

    def ids(kind: str, index: int) -> list[int]:
        start, end = arrays[f"{kind}_offsets"][index : index + 2]
        return arrays[f"{kind}_ids"][start:end].tolist()

    pairs = []
    for row in range(count):
        first, end = rows[row : row + 2]
        if end - first != 2:
            raise BenchmarkError(f"{path}, row {row}: expected two responses, found {end - first}; peers take pairs")
        pairs.append(Pair(ids("prompt", row), ids("response", first), ids("response", first + 1)))
    return pairs


def batches(pairs: Sequence[Pair], settings: Settings) -> list[Sequence[Pair]]:
    """The pairs of each step."""
    size = settings.batch_size
    return [pairs[step * size : (step + 1) * size] for step in range(settings.steps)]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that `settings` reads."""
    parser.add_argument("--model", required=True, help="a Hugging Face model directory")
    parser.add_argument("--data", required=True, help="preferences that espalier-prepare wrote")
    parser.add_argument("--rows", type=int, help="rows from the top (default: all, or as many as --steps need)")
    parser.add_argument("--steps", type=int, help="optimizer steps, the first of them a warm-up (default: all rows)")
    parser.add_argument("--batch-size", type=int, default=4, help="pairs a step (default %(default)s)")
    parser.add_argument("--learning-rate", type=float, default=5e-6, help="AdamW's rate (default %(default)s)")
    parser.add_argument("--beta", type=float, default=0.1, help="DPO's beta (default %(default)s)")
    cores = len(os.sched_getaffinity(0))
    parser.add_argument("--threads", type=int, default=cores, help="threads in all (default: every core, %(default)s)")


def settings(arguments: argparse.Namespace) -> Settings:
    """Checked settings; no row is seen twice, since only Espalier would remember its reference."""
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
    )


def peak_rss_bytes() -> int:
    """The most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def report(name: str, settings: Settings, steps: Sequence[Step], peak_bytes: int, **more: Any) -> dict[str, Any]:
    """A run in figures; rates leave the first step out."""
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
