"""Fault injection: the preloaded library, its plan of faults, and the record of an undisturbed run."""

import re
import subprocess
from dataclasses import dataclass
from fnmatch import fnmatchcase as fnmatch
from pathlib import Path

HERE = Path(__file__).parent
# Process ids in the names of temporary files.
PROCESS = re.compile(r"\.\d+(?=(\.\w+)?\.tmp)")


def build_library(path: Path) -> Path:
    sources = [HERE / "faults.c", HERE / "calls.c"]
    flags = ["-std=gnu17", "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC"]
    subprocess.run(["cc", *flags, "-o", path, *sources, "-ldl", "-lpthread"], check=True)
    return path


@dataclass(frozen=True)
class Fault:
    """A fault of a rank at the `count`-th event that matches a pattern, after the `since_count`-th of another."""

    action: str  # kill, stop, ENOSPC, EIO, EAGAIN, short, flip
    event: str
    count: int = 1
    rank: int = 0
    when: str = "before"
    since: str = "*"
    since_count: int = 0

    @property
    def line(self) -> str:
        words = [self.rank, self.action, self.when, self.event, self.count, self.since, self.since_count]
        return "\t".join(map(str, words)) + "\n"


class Disturbance:
    """A plan of faults for all starts of a run, each of which occurs once; without faults, events are recorded."""

    def __init__(self, library: Path, directory: Path, faults: list[Fault] = (), clock: bool = False):
        self.library, self.directory, self.faults = library, directory, list(faults)
        self.records, self.clock = not faults, clock
        directory.mkdir()
        (directory / "plan").write_text("".join(fault.line for fault in faults))

    def variables(self, root: Path) -> dict[str, str]:
        variables = {"LD_PRELOAD": self.library, "FAULTS_DIRECTORY": self.directory, "FAULTS_ROOT": root}
        if self.records:
            variables["FAULTS_RECORD"] = "yes"
        if self.clock:
            variables["FAULTS_CLOCK"] = "yes"
        return {name: str(value) for name, value in variables.items()}

    def has_fired(self, number: int = 0) -> bool:
        return (self.directory / f"fired.{number}").exists()

    @property
    def silent(self) -> list[Fault]:
        """The faults that never occurred, so that the test has shown nothing."""
        return [fault for number, fault in enumerate(self.faults) if not self.has_fired(number)]

    def record(self, rank: int) -> list[str]:
        """Returns the events of a rank in order, with * for process ids in names."""
        lines = (self.directory / f"record.{rank}").read_text().splitlines()
        return [PROCESS.sub(".*", line) for line in lines]


class Record:
    """The events of all ranks of an undisturbed run, and the location of its steps.

    A place in a step is identified by the number of preceding collective calls, which is the same on every rank.
    """

    LINE = "write out/metrics.jsonl"
    COLLECTIVE, SEND = "collective *", "message MPI_Issend"

    def __init__(self, disturbance: Disturbance, ranks: int):
        self.ranks = [disturbance.record(rank) for rank in range(ranks)]

    def begin(self, step: int) -> int:
        """Returns the number of collective calls before a step's first product; an evaluation counts as a step."""
        first = self.ranks[0]
        line = [index for index, event in enumerate(first) if event == self.LINE][step - 2]
        product = next(index for index in range(line, len(first)) if first[index] == "product")
        return sum(fnmatch(event, self.COLLECTIVE) for event in first[:product])

    def step(self, step: int, rank: int) -> list[str]:
        """Returns the events from a step up to the next one, including an evaluation and the start of a save."""
        begin, end, calls, events = self.begin(step), self.begin(step + 1), 0, []
        for event in self.ranks[rank]:
            is_collective = fnmatch(event, self.COLLECTIVE)
            calls += is_collective
            if begin < calls + (not is_collective) <= end:
                events.append(event)
        return events

    def fault(self, action: str, step: int, pattern: str, share: float, rank: int, when: str = "before") -> Fault:
        """Returns a fault at one of a step's events that match a pattern: the first for 0, the last for 1."""
        count = sum(fnmatch(event, pattern) for event in self.step(step, rank))
        assert count > 0, f"no {pattern} in step {step} of rank {rank}"
        return Fault(action, pattern, 1 + round(share * (count - 1)), rank, when, self.COLLECTIVE, self.begin(step))

    def sent(self, action: str, step: int, what: str, rank: int, when: str = "before") -> Fault:
        """Returns a fault at the message with a step's gradients, or with the weights that the step starts from."""
        assert self.step(step, rank).count(self.SEND) == 2, "a bucket of the tiny model is one message"
        return self.fault(action, step, self.SEND, {"weights": 0, "gradients": 1}[what], rank, when)
