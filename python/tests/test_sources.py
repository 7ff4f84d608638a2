"""Parquet files, directories and Hub datasets give the same rows as JSON."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow
import pytest
from datasets import Dataset, DatasetDict
from pyarrow import parquet
from tiny import END, answered, asked

ROWS = [{"prompt": "P", "chosen": f"{index}", "rejected": "x"} for index in range(3)]
EXPECTED = [([*b"P"], [[*f"{index}".encode(), END], [*b"x", END]]) for index in range(3)]
USER = {"role": "user", "content": "Hi"}
REMEDY = "install it with pip install './python[hub]' in a clone of Espalier"


def write_parquet(path, rows=ROWS):
    parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    return path


def test_a_parquet_file(prepare, tmp_path):
    assert prepare(write_parquet(tmp_path / "rows.parquet")).prepared.rows == EXPECTED


def test_a_bad_row_of_a_table_is_reported_with_its_index(prepare, tmp_path):
    path = write_parquet(tmp_path / "rows.parquet", [*ROWS, {"prompt": "P", "chosen": "y"}])
    outcome = prepare(path)
    assert (
        outcome.err == f"bad row: {path}[3]: rejected is missing; a row needs chosen and rejected, or responses; "
        "found the columns prompt, chosen; name its column with --columns rejected=COLUMN\n"
    )
    assert outcome.prepared.rows == EXPECTED


def test_null_keys_that_a_table_adds_to_messages_are_removed(prepare, tmp_path):
    """A table gives every object of a list the keys of all objects, with null for missing ones."""
    template = "{% for message in messages %}{{ message.keys() | list }}{{ message['content'] }}{% endfor %}"
    rows = [{"prompt": [USER, {"role": "system", "content": "S", "name": "N"}], "chosen": "y", "rejected": "n"}]
    arguments = ["--chat-template-kwargs", json.dumps({"chat_template": template})]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    expected = prepare(tmp_path / "rows.json", *arguments).prepared.rows
    assert bytes(expected[0][0]) == b"['role', 'content']Hi['role', 'content', 'name']S"
    assert prepare(write_parquet(tmp_path / "rows.parquet", rows), *arguments).prepared.rows == expected


def test_columns_without_a_json_type_are_ignored(prepare, tmp_path):
    table = pyarrow.table(
        {"prompt": ["P"], "chosen": ["0"], "rejected": ["x"], "when": pyarrow.array([7], "timestamp[s]")}
    )
    parquet.write_table(table, tmp_path / "rows.parquet")
    assert prepare(tmp_path / "rows.parquet").prepared.rows == EXPECTED[:1]


def test_a_directory_of_data_files(prepare, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    assert prepare(tmp_path / "data").prepared.rows == EXPECTED
    assert prepare(tmp_path / "data", "--split", "train[1:]").prepared.rows == EXPECTED[1:]
    outcome = prepare(tmp_path / "data", "--split", "test")
    assert outcome.status == 1
    assert 'cannot be loaded (ValueError: Unknown split "test"' in outcome.err
    assert outcome.err.endswith("; check the name, --split test\n")
    outcome = prepare(tmp_path / "data", "--dataset-config", "none")
    assert outcome.err.endswith("; check the name, --split train and --dataset-config none\n")


def test_directories_that_save_to_disk_wrote(prepare, tmp_path):
    Dataset.from_list(ROWS).save_to_disk(tmp_path / "one")
    splits = {"train": Dataset.from_list(ROWS[:1]), "test": Dataset.from_list(ROWS[1:])}
    DatasetDict(splits).save_to_disk(tmp_path / "splits")
    assert prepare(tmp_path / "one").prepared.rows == EXPECTED
    assert prepare(tmp_path / "splits").prepared.rows == EXPECTED[:1]
    assert prepare(tmp_path / "splits", "--split", "test").prepared.rows == EXPECTED[1:]


def test_slices_of_directories_that_save_to_disk_wrote(prepare, tmp_path):
    Dataset.from_list(ROWS).save_to_disk(tmp_path / "one")
    splits = {"train": Dataset.from_list(ROWS[:2]), "test": Dataset.from_list(ROWS[2:])}
    DatasetDict(splits).save_to_disk(tmp_path / "splits")
    for name, split, expected in [
        ("one", "train[1:]", EXPECTED[1:]),
        ("one", "train[:67%]", EXPECTED[:2]),
        ("splits", "train[1:]", EXPECTED[1:2]),
        ("splits", "test+train[:1]", [EXPECTED[2], EXPECTED[0]]),
    ]:
        assert prepare(tmp_path / name, "--split", split).prepared.rows == expected
    for name, split, reason in [
        ("splits", "validation", "ValueError: Unknown split \"validation\". Should be one of ['train', 'test']"),
        ("one", "train[", "ValueError: Unrecognized instruction format: train["),
    ]:
        outcome = prepare(tmp_path / name, "--split", split)
        message = f"error: {tmp_path / name}: cannot be loaded ({reason}); check the name, --split {split}\n"
        assert (outcome.status, outcome.err) == (1, message)


def test_a_saved_dataset_that_is_another_split_is_an_error(prepare, tmp_path):
    DatasetDict({"test_prefs": Dataset.from_list(ROWS)}).save_to_disk(tmp_path / "splits")
    Dataset.from_list(ROWS, split="test_prefs").save_to_disk(tmp_path / "one")
    for path in (tmp_path / "splits/test_prefs", tmp_path / "one"):
        assert prepare(path).prepared.rows == prepare(path, "--split", "test_prefs").prepared.rows == EXPECTED
    outcome = prepare(tmp_path / "one", "--split", "train_prefs[:1]")
    message = "holds the split test_prefs only, expected train_prefs; check --split train_prefs[:1]"
    assert (outcome.status, outcome.err) == (1, f"error: {tmp_path}/one: {message}\n")


def test_data_files_that_a_directory_does_not_use_are_named(prepare, tmp_path):
    (directory := tmp_path / "data").mkdir()
    for name in ("train.jsonl", "test.jsonl", "extra.jsonl", ".hidden.jsonl"):
        (directory / name).write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    write_parquet(directory / "more.parquet")
    (directory / "README.md").write_text("# Data\n")
    (directory / "deep").mkdir()
    for name in ("a.csv", "b.json.gz"):
        (directory / "deep" / name).write_text("x\n")
    outcome = prepare(directory)
    assert outcome.prepared.rows == EXPECTED
    names = "deep/a.csv, deep/b.json.gz, extra.jsonl, …"
    assert outcome.err == f"note: {directory}: 4 data files belong to no split and are not read: {names}\n"


@pytest.mark.parametrize("name", ["data/train-00000-of-00001.parquet", "train.jsonl", "test.json"])
def test_a_pointer_in_a_directory_is_named(name, prepare, tmp_path):
    (file := tmp_path / "clone" / name).parent.mkdir(parents=True)
    file.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a21\nsize 12345\n")
    message = "a Git LFS pointer in place of the data; fetch the data: git lfs pull; or download the file itself"
    assert prepare(tmp_path / "clone").err == f"error: {file}: {message}\n"


def test_conversations_of_a_directory(prepare, tmp_path):
    answers = [[{"role": "assistant", "content": text}] for text in ("Yes", "No")]
    rows = [{"prompt": [USER], "chosen": answers[0], "rejected": answers[1]}]
    Dataset.from_list(rows).save_to_disk(tmp_path / "talk")
    assert prepare(tmp_path / "talk").prepared.rows == [(asked(("user", "Hi")), [answered("Yes"), answered("No")])]


def test_a_broken_parquet_file_is_reported(prepare, tmp_path):
    path = write_parquet(tmp_path / "rows.parquet")
    path.write_bytes(path.read_bytes()[:-9])
    outcome = prepare(path)
    assert outcome.status == 1
    assert outcome.err.startswith(f"error: {path}: not a complete Parquet file (")
    assert outcome.err.endswith("; download or create it again\n")
    assert outcome.err.count("\n") == 1


def test_paths_of_missing_files_are_not_taken_for_hub_names(prepare, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("data/rows.jsonl", "data/rows.parquet", "a/b/c", "a", "/a/b"):
        outcome = prepare(Path(name))
        assert (outcome.status, outcome.err) == (1, f"error: {name}: No such file or directory\n")


def test_an_unreachable_hub_is_reported(prepare):
    outcome = prepare(Path("no-such/data.set"))
    assert outcome.status == 1
    assert outcome.err.startswith("error: no-such/data.set: no such file, and the Hugging Face Hub cannot be reached (")
    assert outcome.err.endswith("; check the name and the network, or download the files and pass their paths\n")
    assert outcome.err.count("\n") == 1


@pytest.mark.parametrize(("setting", "expected"), [(None, "0"), ("1", "1"), ("0", "0")])
def test_the_network_is_enabled_unless_the_user_disables_it(setting, expected):
    environment = {name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"}
    call = "from espalier_data.reading import tables; tables.allow_network()"
    script = f"import os; {call}; print(os.environ['HF_HUB_OFFLINE'])"
    result = subprocess.run(
        [sys.executable, "-c", script],
        env=environment if setting is None else {**environment, "HF_HUB_OFFLINE": setting},
        capture_output=True,
        text=True,
    )
    assert result.stdout == f"{expected}\n", result.stderr


@pytest.mark.parametrize(
    ("name", "library", "message"),
    [
        ("rows.parquet", "pyarrow", "Parquet files need pyarrow"),
        ("directory", "datasets", "directories need the library datasets"),
        ("org/name", "datasets", "no such file, and Hub datasets need the library datasets"),
    ],
)
def test_without_the_extra_the_remedy_is_printed(name, library, message, prepare, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, library, None)
    (tmp_path / "rows.parquet").touch()
    (tmp_path / "directory").mkdir()
    outcome = prepare(Path(name))
    assert (outcome.status, outcome.err) == (1, f"error: {name}: {message}; {REMEDY}\n")


def test_the_metadata_name_a_dataset_of_the_hub_as_such(tmp_path):
    from espalier_data.reading.sources import Source

    hub = Source("someone/pairs", split="test", configuration="en").summary
    assert hub == {
        "name": "someone/pairs",
        "weight": 1,
        "rows_read": 0,
        "rows_kept": 0,
        "hub_dataset": True,
        "configuration": "en",
        "split": "test",
    }
    file = tmp_path / "pairs.jsonl"
    assert Source(str(file)).summary == {"name": str(file), "weight": 1, "rows_read": 0, "rows_kept": 0}


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.csv", "rows.parquet"])
@pytest.mark.parametrize(
    ("split", "expected"),
    [("train[:1]", slice(0, 1)), ("train[-1:]", slice(1, 2)), ("train[50%:]", slice(1, 2)), ("train[:0]", slice(0, 0))],
)
def test_a_slice_of_a_file_selects_its_records(name, split, expected, prepare, tmp_path):
    path, rows = tmp_path / name, [{"prompt": word, "chosen": "y", "rejected": "n"} for word in ("P", "Q")]
    Dataset.from_list(rows).to_parquet(tmp_path / "rows.parquet")
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "rows.csv").write_text("prompt,chosen,rejected\nP,y,n\nQ,y,n\n")
    outcome = prepare(path, "--split", split)
    if not rows[expected]:
        assert f"error: {path}: --split {split} selects none of 2 records; change the slice" in outcome.err
        return
    assert outcome.prepared.rows == prepare(rows[expected]).prepared.rows
    halves = prepare(path, "--split", "train[:1]+train[1:]", "--weights", "1.5").prepared.rows
    assert halves == prepare(path, "--weights", "1.5").prepared.rows


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (("--split", "test"), "--split test: expected train or a slice of it, since the sources are files"),
        (("--dataset-config", "en"), "--dataset-config en: the sources are files, which have none"),
        (("--split", "train[:x]"), "; expected a slice of the one split of a file, such as train[:90%]"),
        (("--split", "train[:1]+test"), "; expected a slice of the one split of a file, such as train[:90%]"),
    ],
)
def test_options_that_select_from_datasets_are_not_ignored_for_files(options, error, prepare):
    outcome = prepare([{"prompt": "P", "chosen": "y", "rejected": "n"}], *options)
    assert outcome.status == 1 and error in outcome.err, outcome.err
