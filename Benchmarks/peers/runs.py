"""Runs each trainer in its own processes and converts its report to the common format."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import common
from common import BenchmarkError, Settings, Step

HERE = Path(__file__).resolve().parent

# By default glibc returns freed memory to the system and allocates it again, page by page; these settings keep it. They
# are read when a process starts. Espalier does not need them, since its steps allocate nothing.
MALLOC = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 34),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 40),
    "MALLOC_TOP_PAD_": str(1 << 28),
}


def run(command: list[str], log: Path, environment: dict[str, str]) -> None:
    """Runs a trainer; if it fails, the last lines of its output are the error."""
    with log.open("w") as output:
        try:
            code = subprocess.run(
                command, stdout=output, stderr=subprocess.STDOUT, env=os.environ | environment, check=False
            ).returncode
        except OSError as error:
            raise BenchmarkError(f"{command[0]} cannot be run: {error.strerror}") from error
    if code != 0:
        last = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
        raise BenchmarkError(f"status {code} of: {' '.join(command)}\n{last}")


def run_peer(script: str, settings: Settings, directory: Path, *more: str) -> dict[str, Any]:
    """Runs one of the Python peers in its own process."""
    output = directory / "report.json"
    command = [sys.executable, str(HERE / script), "--output", str(output), *more]
    for name in ("model", "data", "steps", "batch_size", "learning_rate", "beta", "threads", "precision"):
        command += [f"--{name.replace('_', '-')}", str(getattr(settings, name))]
    run(command, directory / "log", MALLOC)
    return json.loads(output.read_text())


def run_espalier(
    binary: str, settings: Settings, directory: Path, *, ranks: int, sharing: str, row_tokens: int
) -> dict[str, Any]:
    """Runs Espalier on `ranks` ranks, which share the threads."""
    output = directory / "tuned"
    threads = settings.threads // ranks
    command, environment = [], {}
    if ranks > 1:
        command = ["mpirun", "-np", str(ranks), "--host", f"localhost:{ranks}", "--bind-to", "none"]
        if os.geteuid() == 0:
            environment = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    command += [binary, "train", "--output", str(output), "--no-shuffle", "--lr-scheduler-type", "constant"]
    options = {
        "model": settings.model,
        "data": settings.data,
        "global-batch-size": settings.batch_size,
        "max-steps": settings.steps,
        "learning-rate": settings.learning_rate,
        "beta": settings.beta,
        "sharing": sharing,
        "row-tokens": row_tokens,
        "threads": threads,
        "precision": settings.precision,
    }
    for name, value in options.items():
        command += [f"--{name}", str(value)]
    run(command, directory / "log", environment)
    lines = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
    summary = json.loads((output / "summary.json").read_text())
    return common.report(
        f"Espalier, {ranks} × {threads}",
        settings,
        espalier_steps(settings, lines, summary["reference_seconds"]),
        # An upper bound: pages that ranks share are counted for each.
        ranks * summary["peak_rss_bytes"],
        ranks=ranks,
        sharing=sharing,
        row_tokens=row_tokens,
        summary=summary,
    )


def espalier_steps(settings: Settings, lines: list[dict[str, Any]], reference_seconds: float) -> list[Step]:
    """Returns the steps, each with its share, by tokens, of the reference pass that precedes the first step."""
    pairs = common.read_pairs(settings.data, settings.steps * settings.batch_size)
    batches = common.batches(pairs, settings)
    all_tokens = sum(pair.shared_tokens for pair in pairs)
    steps = []
    for batch, line in zip(batches, lines, strict=True):
        tokens = sum(pair.shared_tokens for pair in batch)
        seconds = line["step_seconds"] + reference_seconds * tokens / all_tokens
        steps.append(Step(seconds, len(batch), tokens, {name: line[name] for name in common.METRICS}))
    return steps
