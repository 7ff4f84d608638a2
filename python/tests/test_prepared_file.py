"""The content of a prepared file."""

import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest
import tiny
from safetensors.numpy import save
from tiny import END

ROWS = [
    {"prompt": "One", "chosen": "yes", "rejected": "no"},
    {"prompt": "Two", "responses": ["x", "yy", "zzz"]},
]


def test_arrays_are_flat_with_offsets(prepare):
    arrays = prepare(ROWS).prepared.arrays
    expected = {
        "prompt_ids": (np.int32, [*b"OneTwo"]),
        "prompt_offsets": (np.int64, [0, 3, 6]),
        "response_ids": (np.int32, [*b"yes", END, *b"no", END, *b"x", END, *b"yy", END, *b"zzz", END]),
        "response_offsets": (np.int64, [0, 4, 7, 9, 12, 16]),
        "row_offsets": (np.int64, [0, 2, 5]),
        "source_rows": (np.int64, [0, 1]),
    }
    assert {name: (array.dtype.type, array.tolist()) for name, array in arrays.items()} == expected


def test_metadata_has_format_origin_and_counts(prepare, model, tmp_path):
    metadata = prepare([*ROWS, {"prompt": "no answers"}], "--max-length", 100).prepared.metadata
    assert metadata == {
        "format": "espalier-preferences",
        "format_version": "1",
        "max_length": "100",
        "truncation_mode": "keep_start",
        "tokenizer_digest": hashlib.sha256((model / "tokenizer.json").read_bytes()).hexdigest(),
        "template_digest": hashlib.sha256(tiny.CHATML.encode()).hexdigest(),
        "sources": json.dumps([{"name": str(tmp_path / "data.jsonl"), "weight": 1, "rows_read": 3, "rows_kept": 2}]),
        "rows_read": "3",
        "rows_kept": "2",
        "dropped_bad_rows": "1",
        "boundary_mismatches": "0",
        "truncated_prompts": "0",
        "truncated_rows": "0",
        "truncated_responses": "0",
        "identical_responses": "0",
    }


def test_the_report_has_the_savings_of_sharing(prepare):
    out = prepare(ROWS).out
    # Prompts 3 + 3, responses 16; unshared, the prompts occur 2 and 3 times.
    assert "  tokens, prompt shared              22\n" in out
    assert "  unshared / shared                  1.41\n" in out


def test_the_same_rows_give_the_same_bytes(prepare, tmp_path):
    first, second = prepare(ROWS), prepare(ROWS, output=tmp_path / "again.safetensors")
    assert first.path.read_bytes() == second.path.read_bytes()


def test_the_file_has_the_bytes_of_the_library(prepare):
    rows = [{"prompt": f"P{n}", "responses": ["a" * n, "b", "c"], "scores": [3, 1, n % 2]} for n in range(1, 9)]
    kept = prepare([*rows, *ROWS], "--weights", 3).prepared
    assert len(kept.rows) == 30 and "response_ranks" in kept.arrays
    written = prepare([*rows, *ROWS], "--weights", 3).path.read_bytes()
    content = save(kept.arrays, metadata=kept.metadata)
    # The library writes the metadata in an order that changes.
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    assert written == len(text).to_bytes(8, "little") + text + content[8 + size :]


def test_a_disk_without_space_is_one_line(prepare, monkeypatch, tmp_path):
    from espalier_data.output import spool

    class Full:
        def write(self, content):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool.tempfile, "TemporaryFile", lambda **options: Full())
    outcome = prepare(ROWS)
    assert (outcome.status, outcome.err) == (1, f"error: {outcome.path}: cannot be written: No space left on device\n")
    assert [path.name for path in tmp_path.iterdir()] == ["data.jsonl"]


def test_the_file_has_the_permissions_of_the_umask(prepare, tmp_path):
    (tmp_path / "usual").touch()
    assert prepare(ROWS).path.stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_an_existing_file_is_kept_until_the_new_one_is_complete(prepare, monkeypatch, tmp_path):
    prepare(ROWS)
    before = sorted(tmp_path.iterdir()), (tmp_path / "out.safetensors").read_bytes()

    def fail(tensors, metadata):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("espalier_data.output.tensor_file._header", fail)
    outcome = prepare(ROWS[:1])
    assert (outcome.status, outcome.err) == (1, f"error: {outcome.path}: cannot be written: No space left on device\n")
    assert (sorted(tmp_path.iterdir()), outcome.path.read_bytes()) == before


def test_no_temporary_file_is_left_after_an_unexpected_error(prepare, monkeypatch, tmp_path):
    monkeypatch.setattr("os.fsync", lambda file: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        prepare(ROWS)
    assert [path.name for path in tmp_path.iterdir()] == ["data.jsonl"]


def test_the_command_runs_without_torch_and_prints_no_errors(model, tmp_path):
    (tmp_path / "data.jsonl").write_text('{"prompt": "P", "chosen": "y", "rejected": "n"}\n')
    arguments = ["--model", model, "--data", tmp_path / "data.jsonl", "--output", tmp_path / "out.safetensors"]
    command = [
        sys.executable,
        "-c",
        "import sys; sys.modules['torch'] = None; from espalier_data.prepare import main; main()",
    ]
    result = subprocess.run([*command, *arguments], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")
