"""A disk is full or fails at any call of a save: the run continues, reports it, and loses nothing."""

import os
import shutil
import subprocess
from collections import Counter

import pytest
from disturbance import Fault
from tiny_runs import Run, environment, step_of

REASONS = {"ENOSPC": "No space left on device", "EIO": "Input/output error"}
FIRST = 3


CALLS = ("open", "write", "fsync", "rename", "mkdir", "symlink")


def possible_failures(events: list[str], model: str) -> list[tuple[str, str, int]]:
    """Returns all failures of calls in the save `model`: action, event with STEP for its step, and its count."""
    start = events.index(f"mkdir out/.{model}.*.tmp")
    end = events.index("rename out/latest")
    seen, failures = Counter(), []
    for event in events[start : end + 1]:
        call, _, file = event.partition(" ")
        if call in CALLS and (model in file or "latest" in file or file == "out"):
            seen[event] += 1
            actions = ["ENOSPC", "EIO", *(["short"] if call == "write" else [])]
            failures += [(action, event.replace(model, "checkpoint-STEP"), seen[event]) for action in actions]
    return failures


def at_step(step: int, action: str, event: str, count: int) -> Fault:
    start = f"mkdir out/.checkpoint-{step}.*"
    if event.startswith("mkdir"):
        return Fault(action, start)
    return Fault(action, event.replace("STEP", str(step)), count, since=start, since_count=1)


def expect_reported(fault: Fault, step: int, warnings: list[str]) -> None:
    """Expects one warning about the save after a step, with the system's reason; none if a write was only short."""
    marks = [f"checkpoint-{step}.", f"checkpoint-{step}:"]
    if "latest" in fault.event:
        marks = [f"link to checkpoint-{step}:"]
    found = [line for line in warnings if any(mark in line for mark in marks)]
    assert len(found) == (fault.action != "short"), (fault, found)
    assert all(REASONS[fault.action] in line for line in found), (fault, found)


def test_a_save_whose_calls_fail_is_reported_and_earlier_ones_are_kept(calm, disturbed, place):
    failures = possible_failures(calm(None)[1].ranks[0], "checkpoint-5")
    assert len(failures) > 300 and {failure[1].split()[0] for failure in failures} == set(CALLS)
    # One save for each failure, and two undisturbed ones at the end.
    faults = {step: at_step(step, *failure) for step, failure in enumerate(failures, FIRST)}
    last = FIRST + len(failures) + 2
    run = Run(place / "run", None, save_steps=1, max_steps=last, save_total_limit=4)
    # The same failures for lines of metrics, and once for the creation of a thread.
    others = [Fault(action, "write out/metrics.jsonl", 5 + number) for number, action in enumerate([*REASONS, "short"])]
    others += [Fault("EAGAIN", "pthread_create", since="rename out/checkpoint-1", since_count=1)]
    errors = run.finish(disturbed(*faults.values(), *others)).stderr
    warnings = [line for line in errors.splitlines() if line.startswith("warning: ")]
    for step, fault in faults.items():
        if fault.event != "fsync out":
            expect_reported(fault, step, warnings)
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
def test_a_run_that_cannot_write_a_required_file_reports_why_and_resumes_later(
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


def test_a_short_write_of_the_model_is_continued(calm, disturbed, place):
    run = Run(place / "run", None)
    files = ["model.safetensors", "summary.json", "config.json", "espalier.yaml"]
    run.finish(disturbed(*(Fault("short", f"write out/{name}.*") for name in files)))
    run.expect_same(calm(None)[0])


def test_events_for_tensorboard_that_a_full_disk_rejects_are_written_later(calm, disturbed, place):
    run = Run(place / "run", None, report_to="tensorboard")
    faults = [Fault(action, "write out/runs/*", 5 + number) for number, action in enumerate([*REASONS, "short"])]
    warnings = run.finish(disturbed(*faults)).stderr
    (file,) = run.output.glob("runs/*/*")
    assert warnings.count(f"warning: {file}: cannot be written: ") == 1
    records, rest = 0, file.read_bytes()
    while rest:
        records, rest = records + 1, rest[16 + int.from_bytes(rest[:8], "little") :]
    # Before the first line: the version, the start, the settings, and the model's configuration.
    assert records == 4 + len(run.metrics)
    run.expect_same(calm(None)[0])


def test_a_run_that_cannot_print_continues(calm, disturbed, place):
    run = Run(place / "run", None)
    log = run.root / "log"
    # Of the first eight lines one is about the checkpoint.
    faults = [Fault("ENOSPC", "write log", count) for count in range(1, 9)]
    faults += [Fault("EIO", "mkdir out/.checkpoint-5.*")]
    with log.open("w") as file:
        words = [*run.command(disturbed(*faults)), "--output", str(run.output)]
        assert subprocess.run(words, stdout=file, stderr=file, env=environment()).returncode == 0
    log.unlink()
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


def test_a_full_disk_costs_checkpoints_but_not_the_run(calm, small_disk):
    run, undisturbed = Run(small_disk / "run"), calm()[0]
    # Needed by a run: the space reserved for the model, a header of 1 MiB, its cache, and some space for metrics.
    model = len(undisturbed.model)
    filler = small_disk / "filler"
    filler.write_bytes(bytes(shutil.disk_usage(small_disk).free - (1 << 20) - 2 * model))
    errors = run.finish().stderr
    warnings = [line for line in errors.splitlines() if line.startswith("warning: checkpoint not written: ")]
    assert len(warnings) == 2 and all("No space left on device; free some space" in line for line in warnings), errors
    run.expect_same(undisturbed)
    assert run.checkpoints == []
    # Without space for the model, the run does not start.
    filler.write_bytes(bytes(filler.stat().st_size + shutil.disk_usage(small_disk).free))
    refused = run.start(None)
    assert refused.returncode != 0 and "No space left on device; free some space" in refused.stderr
    assert run.model == undisturbed.model
