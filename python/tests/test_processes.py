"""Any number of processes gives the same file and the same messages; failures of a worker are clear errors."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tiny
from espalier_data import workers
from espalier_data.errors import UserError
from espalier_data.processors import available_processors
from espalier_data.workers import chunked, ordered_map

USER = {"role": "user", "content": "What is the capital of France?"}


def rows(count: int) -> list[dict]:
    """Returns rows of several kinds: texts, conversations with remarks, bad rows, and rows that are dropped."""
    kinds = [
        lambda n: {"prompt": f"Prompt {n}", "chosen": f"yes {n}" * (n % 50), "rejected": "no"},
        lambda n: {
            "prompt": [{**USER, "name": f"N{n % 2}"}],
            "responses": [f"A {n}", "B", "C"],
            "scores": [n % 3, 1, 2],
        },
        lambda n: {"prompt": f"Prompt {n}"},
        lambda n: {"prompt": "Long " * n, "chosen": "y", "rejected": "n"},
        lambda n: [n],
    ]
    return [kinds[n * n % 11 % 5](n + 1) for n in range(count)]


def test_any_number_of_processes_gives_the_same_file_and_messages(prepare, tmp_path):
    options = "--max-length", 200, "--weights", 2.5
    expected = prepare(rows(300), *options, "--num-proc", 1, output=tmp_path / "1.safetensors")
    assert expected.err.count("\n") > 6 and len(expected.prepared.rows) > 100
    for count in (2, 3):
        outcome = prepare(rows(300), *options, "--num-proc", count, output=tmp_path / f"{count}.safetensors")
        assert outcome.path.read_bytes() == expected.path.read_bytes()
        assert outcome.err == expected.err
        assert outcome.out.splitlines()[1:] == expected.out.splitlines()[1:]


def test_strict_stops_at_the_first_bad_row_for_any_number_of_processes(prepare, tmp_path):
    data = (
        [{"prompt": "P", "chosen": "y", "rejected": "n"}] * 150 + [{"prompt": "P", "chosen": "y"}, "text"] + [{}] * 300
    )
    found = {prepare(data, "--strict", "--num-proc", count).err for count in (1, 2, 3)}
    assert len(found) == 1
    assert found.pop().startswith(f"error: {tmp_path}/data.jsonl:151: rejected is missing")


@pytest.mark.parametrize("processes", [1, 2])
def test_rows_before_an_unreadable_one_are_reported_before_its_error(processes, prepare, tmp_path):
    path = tmp_path / "broken.jsonl.gz"
    import gzip

    path.write_bytes(gzip.compress(b"{}\n" * 500)[:-9])
    other = tmp_path / "first.jsonl"
    other.write_text("{}\n" * 70)
    outcome = prepare([other, path], "--num-proc", processes)
    *bad_rows, error = outcome.err.splitlines()
    assert len(bad_rows) == 3 and all(line.startswith(f"bad row: {other}:") for line in bad_rows)
    assert error.startswith(f"error: {path}: not a complete gzip file")


def double(numbers: list[int]) -> list[int]:
    # Later chunks are done before earlier ones.
    time.sleep(0.02 if numbers[0] % 3 == 0 else 0)
    return [2 * number for number in numbers]


def labelled(chunks):
    return ((chunk[0], chunk) for chunk in chunks)


@pytest.mark.parametrize("processes", [1, 2, 5])
def test_results_come_in_order(processes):
    found = list(ordered_map(double, labelled(chunked(range(100), 3)), processes))
    assert [label for label, _ in found] == list(range(0, 100, 3))
    assert [number for _, numbers in found for number in numbers] == list(range(0, 200, 2))


def test_chunks_before_an_error_are_complete():
    def items():
        yield from range(5)
        raise ValueError("broken")

    found = []
    with pytest.raises(ValueError, match="broken"):
        for chunk in chunked(items(), 3):
            found.append(chunk)
    assert found == [[0, 1, 2], [3, 4]]


@pytest.mark.parametrize("processes", [1, 3])
def test_results_before_an_error_of_the_input_come_first(processes):
    def chunks():
        yield from ((n, [n]) for n in range(20))
        raise ValueError("broken")

    found = []
    with pytest.raises(ValueError, match="broken"):
        for label, _ in ordered_map(double, chunks(), processes):
            found.append(label)
    assert found == list(range(20))


def test_the_input_is_not_read_far_ahead_of_the_results():
    read = []

    def chunks():
        for n in range(1000):
            read.append(n)
            yield n, [n]

    results = ordered_map(double, chunks(), 2)
    for _ in range(10):
        next(results)
    results.close()
    assert len(read) <= 10 + 2 * workers._WINDOW_PER_WORKER


def die(numbers: list[int]) -> list[int]:
    if numbers == [7]:
        os.kill(os.getpid(), signal.SIGKILL)
    return numbers


def test_a_worker_that_dies_is_a_clear_error():
    with pytest.raises(
        UserError, match=r"a worker process was ended by signal 9 \(SIGKILL\), perhaps since memory ran"
    ):
        list(ordered_map(die, ((n, [n]) for n in range(100)), 2))


def fail(numbers: list[int]) -> list[int]:
    if numbers == [7]:
        raise ZeroDivisionError("seven")
    if numbers == [8]:
        raise UserError("eight")
    return numbers


def test_an_error_of_a_worker_is_passed_on():
    with pytest.raises(RuntimeError, match="ZeroDivisionError: seven"):
        list(ordered_map(fail, [(7, [7])], 2))
    with pytest.raises(UserError, match="^eight$"):
        list(ordered_map(fail, [(8, [8])], 2))


def large(numbers: list[int]) -> list[bytes]:
    return [b"x" * 3_000_000]


def test_large_chunks_and_results_do_not_block_each_other():
    found = list(ordered_map(large, ((n, [b"y" * 3_000_000]) for n in range(20)), 2))
    assert len(found) == 20


@pytest.fixture
def endless(model, tmp_path):
    """Starts a preparation in a process group of its own that reads from a pipe without an end."""
    started = []

    def start(*options: str) -> subprocess.Popen:
        path = tmp_path / "rows.jsonl"
        line = json.dumps({"prompt": "P", "chosen": "y", "rejected": "n"}) + "\n"
        path.write_text(line * 400_000)
        command = [sys.executable, "-m", "espalier_data.prepare", "--model", model, "--data", path]
        words = [*command, "--output", tmp_path / "out.safetensors", "--num-proc", "2", *options]
        environment = {**os.environ, "PYTHONPATH": str(Path(workers.__file__).parents[1])}
        process = subprocess.Popen(
            words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True, env=environment
        )
        started.append(process)
        deadline = time.monotonic() + 60
        while len(children(process.pid)) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(0.5)
        assert process.poll() is None, process.stderr.read()
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def children(process: int) -> list[int]:
    path = Path(f"/proc/{process}/task/{process}/children")
    return [int(child) for child in path.read_text().split()] if path.exists() else []


def ended(processes: list[int]) -> bool:
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{process}").exists() for process in processes) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(Path(f"/proc/{process}").exists() for process in processes)


def test_ctrl_c_ends_all_processes_without_a_traceback(endless, tmp_path):
    process = endless()
    workers_of = children(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, "")
    assert len(workers_of) == 2 and ended(workers_of)
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


def test_workers_end_with_the_command_if_it_is_killed(endless, tmp_path):
    process = endless()
    workers_of = children(process.pid)
    process.kill()
    process.wait()
    assert len(workers_of) == 2 and ended(workers_of)
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


def test_a_worker_that_is_killed_ends_the_command_in_one_line(endless, tmp_path):
    process = endless()
    os.kill(children(process.pid)[0], signal.SIGKILL)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert err.startswith("error: a worker process was ended by signal 9 (SIGKILL)") and err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


def test_processors_are_limited_by_affinity_and_quotas(tmp_path, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(8)), raising=False)
    own = tmp_path / "cgroup"
    own.write_text("0::/jobs/7\n")
    groups = tmp_path / "fs"
    (groups / "jobs/7").mkdir(parents=True)
    assert available_processors(groups, own) == 8
    (groups / "jobs/7/cpu.max").write_text("max 100000\n")
    assert available_processors(groups, own) == 8
    (groups / "jobs/cpu.max").write_text("350000 100000\n")
    assert available_processors(groups, own) == 3
    (groups / "jobs/7/cpu.max").write_text("50000 100000\n")
    assert available_processors(groups, own) == 1


def test_processors_are_limited_by_quotas_of_version_1(tmp_path, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(8)), raising=False)
    own = tmp_path / "cgroup"
    own.write_text("5:memory:/m\n4:cpu,cpuacct:/jobs/7\n")
    folder = tmp_path / "fs/cpu/jobs/7"
    folder.mkdir(parents=True)
    (folder / "cpu.cfs_quota_us").write_text("200000")
    (folder / "cpu.cfs_period_us").write_text("100000")
    assert available_processors(tmp_path / "fs", own) == 2
    (folder / "cpu.cfs_quota_us").write_text("-1")
    assert available_processors(tmp_path / "fs", own) == 8


def test_a_conversation_seen_by_spawned_workers_is_the_same(model):
    """Where processes cannot be forked, a worker loads the tokenizer itself."""
    import pickle
    from datetime import datetime

    from espalier_data.arguments import parse_arguments
    from espalier_data.prepare import Conversion
    from espalier_data.reading.record import Record

    words = ["--model", str(model), "--data", "none", "--output", "none"]
    conversion = Conversion(parse_arguments(words), datetime(2026, 1, 1))
    records = [Record("place", {"prompt": "P", "chosen": "y", "rejected": "n"}), Record("place", [7])]
    expected = conversion(records)
    assert pickle.loads(pickle.dumps(conversion))(records) == expected
    assert expected[0].row.prompt == bytes([80, 0, 0, 0]) and expected[1].reason == "expected an object, found list"
    assert tiny.END == 257
