"""A file of another kind than data is named for what it is, with a remedy."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import shlex
import shutil
import subprocess
import sys
import tarfile
import zipfile

import numpy as np
import pyarrow
import pytest
import tiny_gguf
from datasets import Dataset
from pyarrow import parquet
from safetensors.numpy import save

ROW = {"prompt": "P", "chosen": "y", "rejected": "n"}
LINES = (json.dumps(ROW) + "\n").encode() * 50
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a21\nsize 12345\n"


def zipped() -> bytes:
    with zipfile.ZipFile(buffer := io.BytesIO(), "w") as archive:
        archive.writestr("rows.jsonl", LINES)
    return buffer.getvalue()


def tarred(mode: str = "w") -> bytes:
    with tarfile.open(fileobj=(buffer := io.BytesIO()), mode=mode) as archive:
        archive.addfile(member := tarfile.TarInfo("rows.jsonl"), io.BytesIO())
        assert member.name
    return buffer.getvalue()


def arrow(stream: bool) -> bytes:
    table = pyarrow.Table.from_pylist([ROW])
    make = pyarrow.ipc.new_stream if stream else pyarrow.ipc.new_file
    with make(buffer := io.BytesIO(), table.schema) as writer:
        writer.write_table(table)
    return buffer.getvalue()


def table() -> bytes:
    parquet.write_table(pyarrow.Table.from_pylist([ROW]), buffer := io.BytesIO())
    return buffer.getvalue()


def array() -> bytes:
    np.save(buffer := io.BytesIO(), np.zeros(3))
    return buffer.getvalue()


KINDS = {
    "xz": (lzma.compress(LINES), "an xz file; decompress it first: xz -dk "),
    "zstd": (b"\x28\xb5\x2f\xfd" + bytes(50), "a Zstandard file; decompress it first: zstd -d "),
    "bzip2": (bz2.compress(LINES), "a bzip2 file; decompress it first: bzip2 -dk "),
    "zip": (zipped(), "a ZIP archive, or a file of PyTorch, NumPy or a spreadsheet; unpack it and pass the data files"),
    "tar": (tarred(), "a tar archive; unpack it first: tar -xf "),
    "arrow": (arrow(False), "an Arrow file; pass the directory that save_to_disk wrote, with state.json, instead"),
    "arrow stream": (arrow(True), "an Arrow stream; pass the directory that save_to_disk wrote, with state.json"),
    "parquet": (table(), "a Parquet file; its name must end with .parquet; rename it"),
    "gzip": (gzip.compress(LINES), "a gzip file; add .gz to its name"),
    "LFS": (LFS, "a Git LFS pointer in place of the data; fetch the data: git lfs pull"),
    "HTML": (b"\n<!DOCTYPE html>\n<html><body>Not found</body></html>", "an HTML page; download the file itself"),
    "HTML in capitals": (b"<HTML>", "an HTML page; download the file itself"),
    "XML": (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "an XML document, perhaps the error of"),
    "safetensors": (save({"a": np.zeros(3)}), "a safetensors file; pass preference data; a model is given with"),
    "pickle": (pickle.dumps([ROW]), "a Python pickle, perhaps of PyTorch; expected JSON, JSON lines or CSV"),
    "numpy": (array(), "a NumPy array; expected JSON, JSON lines or CSV"),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3", "a PDF document; expected JSON, JSON lines or CSV"),
}


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.json", "rows", "rows.bin", "rows.txt"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_kind_of_a_file_is_named_whatever_its_name(kind, name, prepare, tmp_path):
    content, message = KINDS[kind]
    (path := tmp_path / name).write_bytes(content)
    outcome = prepare(path)
    assert outcome.status == 1 and outcome.err.count("\n") == 1
    assert outcome.err.startswith(f"error: {path}: {message}")
    assert not outcome.path.exists()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("parquet", "gzip")])
def test_the_kind_is_named_for_parquet_and_compressed_files_too(kind, prepare, tmp_path):
    content, message = KINDS[kind]
    for name in ("rows.parquet", "rows.jsonl.gz"):
        (tmp_path / name).write_bytes(content)
        assert prepare(tmp_path / name).err.startswith(f"error: {tmp_path / name}: {message}")
    (tmp_path / "inside.jsonl.gz").write_bytes(gzip.compress(content))
    assert prepare(tmp_path / "inside.jsonl.gz").err.startswith(f"error: {tmp_path}/inside.jsonl.gz: {message}")


def test_a_model_file_is_named(prepare, tmp_path):
    path = tiny_gguf.write(tmp_path / "model.gguf")
    message = f"error: {path}: a GGUF model; pass preference data; espalier-import-gguf converts models\n"
    assert prepare(path).err == message


def test_parquet_and_gzip_under_each_others_names(prepare, tmp_path):
    path = tmp_path / "rows.parquet"
    path.write_bytes(gzip.compress(LINES))
    assert prepare(path).err == f"error: {path}: a gzip file; add .gz to its name\n"
    path.write_bytes(LINES)
    assert prepare(path).err == f"error: {path}: JSON text, expected a Parquet file; rename it to end with .jsonl\n"
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(table())
    assert prepare(path).err == f"error: {path}: a Parquet file; its name must end with .parquet; rename it\n"
    path.write_bytes(gzip.compress(gzip.compress(LINES)))
    assert prepare(path).err == f"error: {path}: compressed twice; decompress it once: gzip -dk {path}\n"


def test_a_file_of_save_to_disk_leads_to_its_directory(prepare, tmp_path):
    Dataset.from_list([ROW]).save_to_disk(tmp_path / "saved")
    [file] = (tmp_path / "saved").glob("*.arrow")
    outcome = prepare(file)
    assert "pass the directory that save_to_disk wrote, with state.json" in outcome.err
    assert len(prepare(tmp_path / "saved").prepared.rows) == 1


@pytest.mark.parametrize(
    ("name", "mark"),
    [
        ("rows.csv", ","),
        ("rows.tsv", "\t"),
        ("rows.jsonl", ","),
        ("rows.txt", "\t"),
        ("rows", ","),
        ("rows.csv.gz", ","),
        ("my rows.tsv.gz", "\t"),
    ],
)
def test_a_table_in_text_is_read_whatever_its_name(name, mark, prepare, tmp_path):
    path = tmp_path / name
    header = mark.join(["prompt", "chosen", "rejected"])
    content = f'\ufeff{header}\r\nP{mark}"y{mark}\nz"{mark}n\r\n'.encode()
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    [row] = prepare(path).prepared.rows
    assert bytes(row[1][0][:-1]).decode() == f"y{mark}\nz"


@pytest.mark.parametrize("name", ["rows.txt", "rows.md", "rows.yaml", "rows.log"])
def test_other_text_is_not_taken_for_json(name, prepare, tmp_path):
    (tmp_path / name).write_text("- prompt: P\n  chosen: y\n")
    remedy = "expected JSON, JSON lines or CSV (optionally .gz), .parquet, or a directory"
    assert prepare(tmp_path / name).err == f"error: {tmp_path / name}: text that is not JSON; {remedy}\n"


@pytest.mark.parametrize("name", ["rows.txt", "rows", "rows.ndjson", "rows.data"])
def test_json_is_read_whatever_its_name(name, prepare, tmp_path):
    (tmp_path / name).write_bytes(LINES)
    assert len(prepare(tmp_path / name).prepared.rows) == 50


def test_a_broken_first_line_is_only_a_bad_row(prepare, tmp_path):
    path = tmp_path / "rows.jsonl"
    for first in (b"oops", b"oops, this is text", b'prompt": "P"}', b'{"prompt": "P", "cho', b"<think>"):
        path.write_bytes(first + b"\n" + LINES)
        outcome = prepare(path)
        assert outcome.err.startswith(f"bad row: {path}:1: ") and ": not valid JSON: " in outcome.err
        assert len(outcome.prepared.rows) == 50


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("", "an empty file"),
        ("\ufeff", "only blank lines"),
        ("\n \r\n\t\n", "only blank lines"),
        ("[]", "an empty list"),
        (" [ ]\n", "an empty list"),
    ],
)
@pytest.mark.parametrize("name", ["rows.json", "rows.jsonl", "rows.jsonl.gz", "rows.csv"])
def test_a_file_without_records_is_reported(content, what, name, prepare, tmp_path):
    (tmp_path / "good.jsonl").write_bytes(LINES)
    path = tmp_path / name
    path.write_bytes(gzip.compress(content.encode()) if name.endswith(".gz") else content.encode())
    outcome = prepare([tmp_path / "good.jsonl", path])
    assert outcome.status == 1 and outcome.err.startswith(f"error: {path}: {what}; ")


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    ("value", "what"),
    [
        ({"data": [ROW] * 3}, "one JSON object with records in data (3)"),
        ({"version": "1.0", "train": [ROW] * 3, "test": [ROW]}, "one JSON object with records in train (3), test (1)"),
        ({"my rows": [ROW] * 3}, 'one JSON object with records in "my rows" (3)'),
        ({"{path}'s": [ROW] * 3}, 'one JSON object with records in "{path}\'s" (3)'),
        ({"a": {"b": {"rows": [ROW] * 3}}}, "one JSON object with records in a.b.rows (3)"),
        (
            {"features": [{"name": "prompt"}], "rows": [{"row_idx": 0, "row": ROW}] * 3},
            "one JSON object with records in rows (3)",
        ),
    ],
)
def test_an_object_around_the_records_is_described_and_the_remedy_works(value, what, indent, prepare, tmp_path):
    path = tmp_path / "all.json"
    path.write_text(json.dumps(value, indent=indent))
    outcome = prepare(path)
    start, _, command = outcome.err.removesuffix("\n").partition("; convert it: ")
    assert (outcome.status, start) == (1, f"error: {path}: {what}, expected one record per line, or a list of records")
    subprocess.run(command, shell=True, check=True, cwd=tmp_path)
    assert len(prepare(tmp_path / "all.lines.jsonl").prepared.rows) == 3


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    "value",
    [
        {name: [f"{text}{index}" for index in range(3)] for name, text in ROW.items()},
        {"prompt": ["1", "2", "3"], "chosen": ["01", "1e5", "2024-01-01"], "rejected": ["n", "n", "n"]},
        {name: {str(index): f"{text}{index}" for index in range(3)} for name, text in ROW.items()},
    ],
)
def test_a_table_by_columns_is_described_and_the_remedy_works(value, indent, prepare, tmp_path):
    path = tmp_path / "all.json"
    path.write_text(json.dumps(value, indent=indent))
    outcome = prepare(path)
    start, _, command = outcome.err.removesuffix("\n").partition("; convert it: ")
    assert start.startswith(f"error: {path}: a table by columns (prompt, chosen, rejected) in one JSON object, ")
    subprocess.run(command.replace("python3", sys.executable, 1), shell=True, check=True, cwd=tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "all.lines.jsonl").read_text().splitlines()]
    cells = [column if isinstance(column, list) else list(column.values()) for column in value.values()]
    assert rows == [dict(zip(value, row)) for row in zip(*cells)]


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
@pytest.mark.parametrize("count", [1, 2])
def test_records_spread_over_lines_are_described_and_the_remedy_works(count, prepare, tmp_path):
    path = tmp_path / "all.json"
    path.write_text("\n".join([json.dumps(ROW, indent=2)] * count))
    outcome = prepare(path)
    start, _, command = outcome.err.removesuffix("\n").partition("; convert it: ")
    what = "one JSON object with the keys prompt, chosen, rejected" if count == 1 else "records"
    assert start == f"error: {path}: {what} spread over lines, expected one record per line, or a list of records"
    subprocess.run(command, shell=True, check=True, cwd=tmp_path)
    assert len(prepare(tmp_path / "all.lines.jsonl").prepared.rows) == count


@pytest.mark.parametrize("content", ['{"data": [ROW]}', '{\n"prompt": "P"}', "UTF-16"])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_no_remedy_overwrites_the_file(content, suffix, prepare, tmp_path):
    content = content.replace("ROW", json.dumps(ROW))
    for name in ("rows.jsonl", "rows.json", "rows.lines.jsonl", "rows.utf8.jsonl", "rows"):
        data = json.dumps(ROW).encode("utf-16") if content == "UTF-16" else content.encode()
        (path := tmp_path / f"{name}{suffix}").write_bytes(gzip.compress(data) if suffix else data)
        error = prepare(path).err.rstrip("\n")
        assert " > " in error and (tmp_path / shlex.split(error.rpartition(" > ")[2])[0]) != path


@pytest.mark.parametrize("indent", [None, 2])
def test_messages_have_no_control_characters(indent, prepare, tmp_path):
    path = tmp_path / "all.json"
    for value in (
        {"a\n\x1b[1m": [ROW], "\u202e": 1},
        {"chosen": ["a"], "rejected": ["b"], "\n\x07": ["c"]},
        {"\x7f": [ROW] * 30_000},
    ):
        path.write_text(json.dumps(value, indent=indent, ensure_ascii=False))
        outcome = prepare(path)
        assert outcome.status == 1 and outcome.err.startswith(f"error: {path}: ")
        assert outcome.err.removesuffix("\n").isprintable()


def test_a_large_object_spread_over_lines_is_described_by_its_first_key(prepare, tmp_path):
    path = tmp_path / "all.json"
    path.write_text(json.dumps({"data": [ROW] * 30_000}, indent=2))
    message = 'one JSON object that begins with "data" spread over lines, expected one record per line, or a list of'
    assert prepare(path).err == f"error: {path}: {message} records; extract the records\n"
    path.write_text('{\n  "prompt": "P",\n  "chosen": "y"')
    assert prepare(path).err.startswith(f"error: {path}: one JSON object spread over lines, expected one record per")


def test_a_record_that_was_cut_short_spoils_only_itself(prepare, tmp_path):
    path = tmp_path / "rows.jsonl"
    for first in ('{"prompt":', '{"prompt": "P",', '{"prompt": "P", "chosen": [', "{"):
        for count in (1, 2, 3):
            path.write_text(first + "\n" + (json.dumps(ROW) + "\n") * count)
            outcome = prepare(path)
            assert outcome.err.startswith(f"bad row: {path}:1: ") and ": not valid JSON: " in outcome.err
            assert outcome.err.count("\n") == 1 and len(outcome.prepared.rows) == count
