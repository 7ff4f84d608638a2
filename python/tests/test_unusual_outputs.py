"""Outputs that are no regular file, long names, names with other bytes, and a standard output that fails."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from espalier_data import files, workers
from espalier_data.errors import UserError
from espalier_data.files import check_output, replacing

ROW = {"prompt": "P", "chosen": "y", "rejected": "n"}


def fifo(path: Path) -> Path:
    os.mkfifo(path)
    return path


@pytest.mark.parametrize("link", [False, True])
def test_a_pipe_is_not_replaced(link, prepare, tmp_path):
    pipe = fifo(tmp_path / "pipe")
    output = tmp_path / "link" if link else pipe
    if link:
        output.symlink_to(pipe)
    outcome = prepare([ROW], output=output)
    assert outcome.status == 1
    assert outcome.err == f"error: {output}: expected a regular file, found a FIFO; choose another output\n"
    assert pipe.is_fifo() and output.is_symlink() == link


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
def test_a_device_is_not_replaced(tmp_path):
    device = tmp_path / "null"
    try:
        os.mknod(device, 0o20666, os.makedev(1, 3))
    except OSError:
        pytest.skip("no devices can be made here")
    with pytest.raises(UserError, match="null: expected a regular file, found a device"):
        check_output(device)
    assert device.is_char_device()


def test_what_appears_while_the_file_is_written_is_not_replaced(tmp_path):
    path = tmp_path / "out"
    with pytest.raises(UserError, match="expected a regular file, found a FIFO"):
        with replacing(path) as temporary:
            temporary.write_bytes(b"x")
            fifo(path)
    assert path.is_fifo() and os.listdir(tmp_path) == ["out"]


def test_a_link_to_a_regular_file_is_an_output(prepare, tmp_path):
    (tmp_path / "old").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "old")
    assert prepare([ROW], output=tmp_path / "link").status == 0
    assert (tmp_path / "old").read_text() == "old"


def test_a_name_may_be_as_long_as_the_file_system_allows(prepare, tmp_path):
    for name in ("n" * 243 + ".safetensors", "é" * 127):
        outcome = prepare([ROW], output=tmp_path / name)
        assert (outcome.status, outcome.err) == (0, "")


def test_a_longer_name_is_refused_before_the_work(tmp_path):
    with pytest.raises(UserError, match="n: cannot be written: File name too long$"):
        check_output(tmp_path / ("n" * 256))


def run(*arguments: object, **options) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(Path(workers.__file__).parents[1])}
    command = [sys.executable, "-m", "espalier_data.prepare", *map(os.fspath, arguments)]
    return subprocess.run(command, env=environment, **{"stderr": subprocess.PIPE, **options})


def test_a_name_that_is_no_text_is_escaped(model, tmp_path):
    data = os.fsencode(tmp_path) + b"/d\xff\x1b.jsonl"
    with open(data, "w") as file:
        file.write(json.dumps(ROW) + "\n{}\n")
    output = os.fsencode(tmp_path) + b"/o\xff\x1b.safetensors"
    words = ["--model", model, "--data", data, data, "--output", output]
    result = run(*words, stdout=subprocess.PIPE)
    assert result.returncode == 0, result.stderr
    text = result.stdout.decode() + result.stderr.decode()
    assert "\x1b" not in text
    assert r"o\udcff␛.safetensors" in text and r"d\udcff␛.jsonl: 1 of 2 rows kept" in text
    content = Path(os.fsdecode(output)).read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")].decode())
    names = [source["name"] for source in json.loads(header["__metadata__"]["sources"])]
    assert names == [f"{tmp_path}/d\ufffd\x1b.jsonl"] * 2


def test_errors_print_names_without_control_characters(model, tmp_path):
    name = os.fsencode(tmp_path) + b"/\xff\x1b[31m.jsonl"
    result = run("--model", model, "--data", name, "--output", tmp_path / "out")
    assert result.returncode == 1 and b"\x1b" not in result.stderr
    assert rb"\udcff" in result.stderr and "␛[31m.jsonl".encode() in result.stderr
    assert b"\x1b" not in run("--model", model, "--data", "d", b"--\x1b[31m", "--output", "o").stderr


@pytest.fixture
def data(tmp_path) -> Path:
    (tmp_path / "data.jsonl").write_text(json.dumps(ROW) + "\n")
    return tmp_path / "data.jsonl"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("words", [["--show", "1"], ["--output", "{}/out"]])
def test_a_full_standard_output_is_an_error_that_names_it(words, model, data, tmp_path):
    with open("/dev/full", "w") as full:
        result = run("--model", model, "--data", data, *(word.format(tmp_path) for word in words), stdout=full)
    message = b"error: standard output: cannot be written: No space left on device\n"
    assert (result.returncode, result.stderr) == (1, message)


def test_a_closed_standard_output_is_an_error_that_names_it(model, data):
    result = run("--model", model, "--data", data, "--show", "1", preexec_fn=lambda: os.close(1))
    assert (result.returncode, result.stderr) == (1, b"error: standard output: cannot be written: it is closed\n")


def test_a_closed_standard_error_is_no_error(model, data, tmp_path):
    words = ["--model", model, "--data", data, "--output", tmp_path / "out"]
    result = run(*words, stdout=subprocess.PIPE, stderr=None, preexec_fn=lambda: os.close(2))
    assert result.returncode == 0 and files._is_prepared(tmp_path / "out")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_standard_error_leaves_the_exit_code(model, tmp_path):
    with open("/dev/full", "w") as full:
        words = ["--model", model, "--data", tmp_path / "none.jsonl", "--output", tmp_path / "out"]
        assert run(*words, stderr=full).returncode == 1
