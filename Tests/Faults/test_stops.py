"""A rank that is stopped, a second job, a clock that jumps."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from disturbance import Disturbance
from soak import ranks_of
from tiny_runs import ESPALIER, Run

STEP = 8


def state(process: int) -> str:
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]


def wait_for_stop(disturbance: Disturbance, run: Run, rank: int) -> int:
    """Waits until the plan has stopped a rank; returns its process."""
    for _ in range(3000):
        process = ranks_of(run).get(rank) if disturbance.has_fired() else None
        if process and state(process) == "T":
            return process
        time.sleep(0.01)
    raise AssertionError(f"rank {rank} did not stop")


def has_lock(directory: Path) -> bool:
    """Returns whether a process holds a lock on a file in a directory."""
    inodes = {path.stat().st_ino for path in [directory, *directory.iterdir()]}
    locks = Path("/proc/locks").read_text().splitlines()
    return any(int(line.split()[5].rpartition(":")[2]) in inodes for line in locks)


def test_a_stopped_rank_is_named_and_the_job_ends(calm, disturbed, place):
    options = subprocess.run([ESPALIER, "train", "--help"], capture_output=True, text=True).stdout
    if "--stall-timeout" not in options:
        pytest.skip("this build has no --stall-timeout")
    undisturbed, record = calm()
    run, disturbance = Run(place / "run"), disturbed(record.fault("stop", STEP, "product", 0.5, 1))
    stopped = run.start(disturbance, "--stall-timeout", "2")
    assert stopped.returncode != 0
    assert re.search(r"rank 1\b", stopped.stderr) and re.search(rf"step {STEP}\b", stopped.stderr), stopped.stderr
    assert ranks_of(run) == {}
    run.finish(disturbance, "--resume")
    run.expect_same(undisturbed)


def test_a_second_job_on_one_output_directory_is_refused(calm, disturbed, place):
    undisturbed, record = calm()
    run, disturbance = Run(place / "run"), disturbed(record.fault("stop", STEP, "product", 0.5, 0))
    first = run.popen(disturbance)
    stopped = wait_for_stop(disturbance, run, 0)
    try:
        if not has_lock(run.output):
            pytest.skip("this build does not lock its output directory")
        second = Run(run.root, None).start(None, "--resume")
        assert second.returncode != 0, second.stderr
        assert f"error: {run.output}: in use by another run" in second.stderr, second.stderr
    finally:
        os.kill(stopped, signal.SIGCONT)
        errors = first.communicate(timeout=60)[1]
    assert first.returncode == 0, errors
    run.expect_same(undisturbed)


def test_a_clock_that_jumps_has_no_effect(calm, disturbed, place):
    undisturbed, _ = calm()
    disturbance = disturbed(clock=True)
    run = Run(place / "run")
    run.finish(disturbance)
    assert (disturbance.directory / "clock").exists()
    run.expect_same(undisturbed)
    times = {name: value for name, value in run.summary.items() if name.endswith("seconds")}
    assert len(times) > 5 and all(0 <= value < 60 for value in times.values()), times
