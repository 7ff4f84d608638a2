"""A fractional weight reads a file twice with the documented draw; a file that changes meanwhile is an error."""

import gzip
import hashlib
import json
import os

import pyarrow
import pytest
from datasets import Dataset
from espalier_data.errors import UserError
from espalier_data.reading.sources import Source
from pyarrow import parquet

GOLDEN = [
    (40, 0.05, "42/0", "0000000000000000000000000000101000000000"),
    (40, 0.5, "42/1", "0100001101111101000010001100110011110110"),
    (7, 2.3, "7/3", "3222322"),
    (1, 0.5, "0/0", "0"),
    (1, 0.51, "0/0", "1"),
    (3, 0.5, "42/0", "101"),
    (5, 2, "42/0", "22222"),
]


def write(path, rows):
    if path.suffix == ".parquet":
        parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    elif path.suffix == ".gz":
        path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    elif path.suffix == "":
        Dataset.from_list(rows).save_to_disk(path)
    else:
        path.write_text(json.dumps(rows) if path.suffix == ".json" else "".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.json", "rows.jsonl.gz", "rows.parquet", "rows"])
@pytest.mark.parametrize(("count", "weight", "seed", "times"), GOLDEN)
def test_the_draw_is_the_same_for_all_sources(count, weight, seed, times, name, tmp_path):
    path = write(tmp_path / name, [{"id": index} for index in range(count)])
    found = list(Source(str(path), weight).weighted_records(seed))
    assert [record.value["id"] for record, _ in found] == list(range(count))
    assert "".join(str(number) for _, number in found) == times


def test_the_draw_from_many_records_has_not_changed(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("1\n" * 100_000)
    drawn = bytes(number for _, number in Source(str(path), 1.2345).weighted_records("42/5"))
    digest = "fd5e25f66110c5821d1a5c6f4cdbe80e8b1156b6fff392f9f7a3d85da174faca"
    assert hashlib.sha256(drawn).hexdigest() == digest


def test_records_are_not_held_for_a_fraction(tmp_path, monkeypatch):
    path = write(tmp_path / "rows.jsonl", [{"id": index} for index in range(100)])
    source = Source(str(path), 0.5)
    alive = []
    original = source._records
    monkeypatch.setattr(source, "_records", lambda: (alive.append(1) or record for record in original()))
    next(source.weighted_records("0"))
    # All records were counted, but only those up to the first were read again (two, to see whether there is another).
    assert len(alive) <= 103


CHANGES = {
    "a line more": lambda path: path.write_text(path.read_text() + "{}\n"),
    "a line less": lambda path: path.write_text(path.read_text()[:-13]),
    "other content": lambda path: os.utime(path, (1, 1)),
    "another file": lambda path: (
        path.with_name("new").write_text(path.read_text()),
        path.with_name("new").rename(path),
    ),
    "removed": lambda path: path.unlink(),
    "emptied": lambda path: path.write_text(""),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("weight", [1, 0.5])
def test_a_file_that_changes_while_it_is_read_is_an_error(change, weight, tmp_path):
    path = write(tmp_path / "rows.jsonl", [{"id": index} for index in range(100)])
    records = Source(str(path), weight).weighted_records("0")
    next(records)
    CHANGES[change](path)
    what = "was removed" if change == "removed" else "changed"
    with pytest.raises(UserError) as raised:
        list(records)
    assert str(raised.value) == f"{path}: {what} while it was read; start again when nothing writes to it"


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", ["rows.jsonl", "rows.parquet"])
def test_a_file_that_changes_between_the_passes_is_an_error(change, name, tmp_path, monkeypatch):
    path = write(tmp_path / name, [{"id": index} for index in range(100)])
    if name == "rows.parquet" and "line" in change:
        pytest.skip("a table has no lines")
    source = Source(str(path), 0.5)
    count = source._count

    def counted_and_changed() -> int:
        number = count()
        (CHANGES[change] if name == "rows.jsonl" or change in ("removed", "other content") else path.write_bytes)(
            path if name == "rows.jsonl" or change in ("removed", "other content") else b"PAR1"
        )
        return number

    monkeypatch.setattr(source, "_count", counted_and_changed)
    with pytest.raises(
        UserError, match="(changed|was removed) while it was read; start again when nothing writes to it"
    ):
        list(source.weighted_records("0"))


def test_a_missing_file_is_reported_for_a_fraction_too(prepare, tmp_path):
    outcome = prepare(tmp_path / "nowhere.jsonl", "--weights", 0.5)
    assert (outcome.status, outcome.err) == (1, f"error: {tmp_path}/nowhere.jsonl: No such file or directory\n")
