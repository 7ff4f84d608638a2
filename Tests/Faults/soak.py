"""A long run whose ranks are killed repeatedly, and measurements of its memory."""

import json
import os
import random
import signal
import statistics
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from tiny_runs import ROOT, Run, environment


def last_step(run: Run) -> int:
    """Returns the step of the last complete line of metrics; 0 before the first."""
    try:
        with (run.output / "metrics.jsonl").open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 8192))
            complete = file.read().splitlines(keepends=True)
    except FileNotFoundError:
        return 0
    lines = [line for line in complete[-2:] if line.startswith(b"{") and line.endswith(b"}\n")]
    return json.loads(lines[-1])["step"] if lines else 0


def ranks_of(run: Run) -> dict[int, int]:
    """Returns the processes that write to a run's output directory, by their rank."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            variables = (entry / "environ").read_bytes().split(b"\0")
            if Path(os.readlink(entry / "exe")).name != "espalier" or str(run.output).encode() not in words:
                continue
        except OSError:
            continue
        ranks = [int(word.partition(b"=")[2]) for word in variables if word.startswith(b"OMPI_COMM_WORLD_RANK=")]
        found[ranks[0] if ranks else 0] = int(entry.name)
    return found


def resident_bytes(process: int) -> int:
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) << 10
    raise ProcessLookupError(process)


@dataclass
class Memory:
    """The resident memory of a run's ranks, by step."""

    samples: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    ranks: dict[int, int] = field(default_factory=dict)

    def sample(self, run: Run) -> None:
        if len(self.ranks) < (run.ranks or 1):
            self.ranks = ranks_of(run)
        step = last_step(run)
        for rank, process in self.ranks.items():
            try:
                self.samples.setdefault(rank, []).append((step, resident_bytes(process)))
            except (OSError, ProcessLookupError):
                pass

    def growth(self, rank: int, since: int, steps: int) -> float:
        """Returns the relative growth from the steps after `since` to the last tenth: medians of equally many steps."""
        width = max(20, steps // 10)
        windows = (range(since, since + width), range(steps - width, steps))
        first, last = ([size for step, size in self.samples[rank] if step in window] for window in windows)
        assert min(len(first), len(last)) >= 3, f"too few samples: {len(first)} and {len(last)}"
        return statistics.median(last) / statistics.median(first) - 1


def watched(run: Run, look, limit: float, launcher: list = ()) -> tuple[int, str]:
    """Trains for at most `limit` seconds while calling `look` repeatedly; returns the exit status and the output."""
    # A file, since a pipe would fill up and block the run.
    log = run.root.parent / f"{run.root.name}.log"
    with log.open("w") as file:
        words = [*map(str, launcher), *run.command(), *([] if launcher else ["--output", str(run.output)])]
        process = subprocess.Popen(words, stdout=file, stderr=file, env=environment())
        deadline = time.monotonic() + limit
        while process.poll() is None:
            look()
            time.sleep(0.005)
            if time.monotonic() > deadline:
                # Not killed, since the ranks would continue.
                process.terminate()
                process.wait(60)
    return process.returncode, log.read_text()


@dataclass
class Killer:
    """Kills one rank after the other, at random times that depend on a seed and on timing."""

    random: random.Random
    kills: int = 0
    next_step: int = 0
    # The last step that the run had recorded at the most recent kill.
    killed_after: int = 0

    def consider(self, run: Run) -> None:
        step = last_step(run)
        if step < self.next_step:
            return
        ranks = ranks_of(run)
        if len(ranks) < run.ranks:
            return
        # At any time during a step, a save, or the next step.
        time.sleep(self.random.uniform(0, 0.1))
        try:
            os.kill(ranks[self.random.randrange(run.ranks)], signal.SIGKILL)
        except ProcessLookupError:
            return
        self.kills += 1
        self.next_step = step + self.random.randint(5, 60)
        # The next kill is for the next start.
        while any(process in ranks.values() for process in ranks_of(run).values()):
            time.sleep(0.01)
        self.killed_after = last_step(run)


def supervised(run: Run, killer: Killer, limit: float) -> tuple[int, str]:
    """Trains under launch/supervise while ranks are killed; returns the exit status and the output."""
    words = [ROOT / "launch/supervise", "--output", run.output, "--delay", "0", "--retries", "20", "--"]
    return watched(run, lambda: killer.consider(run), limit, words)
