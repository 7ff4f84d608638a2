"""A disk is full or broken at any call of a save: the run goes on, says why, and loses nothing."""

import os
import shutil
import subprocess
from collections import Counter

import pytest
from disturbance import Fault
from tiny_runs import Run, step_of

REASONS = {"ENOSPC": "No space left on device", "EIO": "Input/output error"}
FIRST = 3


CALLS = ("open", "write", "fsync", "rename", "mkdir", "symlink")


def ways_to_fail(events: list[str], model: str) -> list[tuple[str, str, int]]:
    """Every way in which a call of the save `model` can fail: action, event with STEP for its step, and its count."""
    start = events.index(f"mkdir out/.{model}.*.tmp")
    end = events.index("rename out/latest")
    seen, ways = Counter(), []
    for event in events[start : end + 1]:
        call, _, file = event.partition(" ")
        if call in CALLS and (model in file or "latest" in file or file == "out"):
            seen[event] += 1
            actions = ["ENOSPC", "EIO", *(["short"] if call == "write" else [])]
            ways += [(action, event.replace(model, "checkpoint-STEP"), seen[event]) for action in actions]
    return ways


def at_step(step: int, action: str, event: str, count: int) -> Fault:
    start = f"mkdir out/.checkpoint-{step}.*"
    if event.startswith("mkdir"):
        return Fault(action, start)
    return Fault(action, event.replace("STEP", str(step)), count, since=start, since_count=1)


def expect_told(fault: Fault, step: int, warnings: list[str]) -> None:
    """Expects one warning about the save after a step, with the system's reason; none where only a write was short."""
    marks = [f"checkpoint-{step}.", f"checkpoint-{step}:"]
    if "latest" in fault.event:
        marks = [f"link to checkpoint-{step}:"]
    told = [line for line in warnings if any(mark in line for mark in marks)]
    assert len(told) == (fault.action != "short"), (fault, told)
    assert all(REASONS[fault.action] in line for line in told), (fault, told)


def test_a_save_whose_calls_fail_is_told_of_and_those_before_it_stay(calm, disturbed, place):
    ways = ways_to_fail(calm(None)[1].ranks[0], "checkpoint-5")
    assert len(ways) > 300 and {way[1].split()[0] for way in ways} == set(CALLS)
    # One save for each way, and two at the end that nothing disturbs.
    faults = {step: at_step(step, *way) for step, way in enumerate(ways, FIRST)}
    last = FIRST + len(ways) + 2
    run = Run(place / "run", None, save_steps=1, max_steps=last, save_total_limit=4)
    # The lines of metrics meet the same, and once a thread is refused.
    others = [Fault(action, "write out/metrics.jsonl", 5 + number) for number, action in enumerate([*REASONS, "short"])]
    others += [Fault("EAGAIN", "pthread_create", since="rename out/checkpoint-1", since_count=1)]
    errors = run.finish(disturbed(*faults.values(), *others)).stderr
    warnings = [line for line in errors.splitlines() if line.startswith("warning: ")]
    for step, fault in faults.items():
        if fault.event != "fsync out":
            expect_told(fault, step, warnings)
    parent = [line for line in warnings if f"{run.output}: cannot be written: " in line]
    assert len(parent) == sum(fault.event == "fsync out" for fault in faults.values()) > 0
    assert sum(f"{run.output}/metrics.jsonl: cannot be written: " in line for line in warnings) == 1
    run.expect_same(calm(None, max_steps=last)[0])
    assert [step_of(path) for path in run.checkpoints][-2:] == [last - 2, last - 1]


@pytest.mark.parametrize(
    ("action", "event", "count", "since"),
    [
        ("ENOSPC", "write reference.safetensors.*", 3, "*"),
        ("ENOSPC", "fallocate out/.reserved.*", 1, "*"),
        ("EIO", "fsync out/espalier.yaml.*", 1, "*"),
        ("ENOSPC", "open out/model.safetensors.*", 1, "*"),
        ("ENOSPC", "write out/model.safetensors.*", 31, "*"),
        ("EIO", "write out/model.safetensors.*", 7, "*"),
        ("EIO", "fsync out/model.safetensors.*", 1, "*"),
        ("EIO", "rename out/model.safetensors", 1, "*"),
        ("EIO", "fsync out", 1, "rename out/model.safetensors"),
        ("ENOSPC", "write out/summary.json.*", 1, "*"),
    ],
)
def test_a_run_that_cannot_write_what_it_must_says_why_and_goes_on_later(
    action, event, count, since, calm, disturbed, place
):
    run = Run(place / "run", None)
    disturbance = disturbed(Fault(action, event, count, since=since, since_count=int(since != "*")))
    failed = run.start(disturbance)
    last = failed.stderr.splitlines()[-1]
    assert failed.returncode != 0 and last.startswith("error: ") and REASONS[action] in last, failed.stderr
    assert str(run.root) in last
    run.finish(disturbance, "--resume")
    run.expect_same(calm(None)[0])


def test_a_short_write_of_the_model_is_written_to_its_end(calm, disturbed, place):
    run = Run(place / "run", None)
    files = ["model.safetensors", "summary.json", "config.json", "espalier.yaml"]
    run.finish(disturbed(*(Fault("short", f"write out/{name}.*") for name in files)))
    run.expect_same(calm(None)[0])


def test_a_run_that_can_tell_nobody_goes_on(calm, disturbed, place):
    run = Run(place / "run", None)
    told = run.root / "told"
    # Of the first eight lines one is about the checkpoint.
    faults = [Fault("ENOSPC", "write told", count) for count in range(1, 9)]
    faults += [Fault("EIO", "mkdir out/.checkpoint-5.*")]
    with told.open("w") as file:
        words = [*run.command(disturbed(*faults)), "--output", str(run.output)]
        assert subprocess.run(words, stdout=file, stderr=file).returncode == 0
    told.unlink()
    assert run.newest == 10
    run.expect_same(calm(None)[0])


@pytest.fixture
def small_disk(place):
    """A file system of 8 MiB in memory."""
    disk = place / "disk"
    disk.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    words = ["mount", "-t", "tmpfs", "-o", "size=8m", "espalier", disk]
    mounted = subprocess.run(words, capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_disk_that_is_full_costs_checkpoints_and_not_the_run(calm, small_disk):
    run, undisturbed = Run(small_disk / "run"), calm()[0]
    # What a run needs: what it holds for the model, a header of 1 MiB with it, its cache, and a little for lines.
    model = len(undisturbed.model)
    filler = small_disk / "filler"
    filler.write_bytes(bytes(shutil.disk_usage(small_disk).free - (1 << 20) - 2 * model))
    errors = run.finish().stderr
    told = [line for line in errors.splitlines() if line.startswith("warning: checkpoint not written: ")]
    assert len(told) == 2 and all("No space left on device; free some space" in line for line in told), errors
    run.expect_same(undisturbed)
    assert run.checkpoints == []
    # Where there is no room for the model either, nothing is begun.
    filler.write_bytes(bytes(filler.stat().st_size + shutil.disk_usage(small_disk).free))
    refused = run.start(None)
    assert refused.returncode != 0 and "No space left on device; free some space" in refused.stderr
    assert run.model == undisturbed.model
