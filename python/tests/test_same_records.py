"""The same rows from JSON and from tables give the same records."""

import datetime
import decimal
import json
import random

import pyarrow
import pytest
from datasets import Dataset, Features, Value
from espalier_data.reading.sources import Source
from pyarrow import parquet
from tiny import END

ASSISTANT = {"role": "assistant", "content": "Yes"}


def records(path) -> list:
    return [record.value for record in Source(str(path)).records()]


def all_forms(rows, tmp_path) -> list[list]:
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "rows.parquet")
    Dataset.from_list(rows).save_to_disk(tmp_path / "saved")
    return [records(tmp_path / name) for name in ("rows.jsonl", "rows.json", "rows.parquet", "saved")]


@pytest.mark.parametrize(
    "rows",
    [
        [{"prompt": None, "chosen": "y", "rejected": "n"}, {"prompt": "P", "chosen": "y", "rejected": "n"}],
        [{"prompt": [{**ASSISTANT, "name": None}, {"role": "user", "content": None, "name": "N"}]}],
        [{"meta": {"a": {"b": None, "c": 1}, "d": None}}, {"meta": None}],
        [{"tools": [{"name": "saw", "default": None}, {"name": "axe", "default": 1}]}, {"tools": []}],
        [{"scores": [1, None, 3], "texts": ["a", None]}, {"scores": None, "texts": []}],
        [{"conversations": {"role": ["user", "assistant"], "content": ["Hi", None]}}],
        [{"nested": [[{"a": None}], []]}, {"nested": [[{"a": 1}, {"a": None}]]}],
    ],
)
def test_null_keys_are_absent_at_any_depth(rows, tmp_path):
    lines, array, table, saved = all_forms(rows, tmp_path)
    assert lines == array == table == saved
    assert len(lines) == len(rows) and not any(map(holds_null_key, lines))


def holds_null_key(value) -> bool:
    if isinstance(value, dict):
        return any(inner is None or holds_null_key(inner) for inner in value.values())
    return isinstance(value, list) and any(map(holds_null_key, value))


def random_text(draw: random.Random) -> str | None:
    return draw.choice([None, "", "text", "ü\n\u2028", '{"a": null}'])


def test_random_rows_give_the_same_records(tmp_path):
    draw = random.Random(17)
    for number in range(20):
        rows = [
            {
                "text": random_text(draw),
                "number": draw.choice([None, 1, 7]),
                "messages": [random_message(draw) for _ in range(draw.randrange(3))],
                "empty": None,
            }
            for _ in range(draw.randrange(1, 9))
        ]
        (directory := tmp_path / str(number)).mkdir()
        lines, array, table, saved = all_forms(rows, directory)
        assert lines == array == table == saved and len(lines) == len(rows)


def random_message(draw: random.Random) -> dict:
    return {"role": "user", "content": random_text(draw), "extra": draw.choice([None, {"deep": random_text(draw)}])}


def test_nulls_of_a_file_give_the_tensors_of_rows_without_them(prepare, tmp_path):
    hi = [{"role": "user", "content": "Hi"}]
    plain = [
        {"chosen": [*hi, ASSISTANT], "rejected": [*hi, {**ASSISTANT, "content": "No"}]},
        {"prompt": "Hi", "responses": [" Yes", " No"]},
        {"prompt": "Hi", "chosen": " Yes", "rejected": " No"},
    ]
    keys = ("prompt", "conversations", "chosen", "rejected", "responses", "tools", "system")
    nulls = [{**dict.fromkeys(keys), **row} for row in plain]
    (tmp_path / "nulls.jsonl").write_text("".join(json.dumps(row) + "\n" for row in nulls))
    expected = prepare(plain)
    outcome = prepare(tmp_path / "nulls.jsonl")
    assert (outcome.status, outcome.err) == (0, "") and len(outcome.prepared.rows) == 3
    assert outcome.prepared.rows == expected.prepared.rows


FAR = pyarrow.timestamp("ms", "Nowhere/Land")
UNUSUAL = {
    "day": pyarrow.array([datetime.date(2024, 2, 29)]),
    "time": pyarrow.array([datetime.time(1, 2, 3)]),
    "nanoseconds": pyarrow.array([1], "timestamp[ns]"),
    "zone": pyarrow.array([1], pyarrow.timestamp("s", "Europe/Berlin")),
    "no_such_zone": pyarrow.array([1], pyarrow.timestamp("s", "Nowhere/Land")),
    "far_future": pyarrow.array([1 << 58], "timestamp[ms]"),
    "far_day": pyarrow.array([1 << 30], "date32"),
    "duration": pyarrow.array([1], "duration[ns]"),
    "decimal": pyarrow.array([decimal.Decimal("2.5")]),
    "binary": pyarrow.array([b"\xff\xfe\0"]),
    "categories": pyarrow.array(["a"]).dictionary_encode(),
    "map": pyarrow.array([[("k", 1), ("n", None)]], pyarrow.map_("string", "int64")),
    "half": pyarrow.array([1.5], "float16"),
    "large": pyarrow.array(["x"], "large_string"),
    "nothing": pyarrow.nulls(1),
    "far_inside": pyarrow.array(
        [[{"when": 1 << 58, "text": "x"}]], pyarrow.list_(pyarrow.struct([("when", FAR), ("text", pyarrow.string())]))
    ),
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_columns_do_not_break_reading(name, prepare, tmp_path):
    columns = {"prompt": ["P"], "chosen": ["y"], "rejected": ["n"]}
    parquet.write_table(pyarrow.table({**columns, name: UNUSUAL[name]}), path := tmp_path / "rows.parquet")
    outcome = prepare(path)
    assert (outcome.status, outcome.prepared.rows) == (0, [([*b"P"], [[*b"y", END], [*b"n", END]])])


def test_decimals_are_numbers_and_maps_are_objects(tmp_path):
    scores = pyarrow.array(
        [[decimal.Decimal("2.50"), decimal.Decimal("3.00")]], pyarrow.list_(pyarrow.decimal128(9, 2))
    )
    parquet.write_table(pyarrow.table({"scores": scores, "map": UNUSUAL["map"]}), path := tmp_path / "rows.parquet")
    [record] = records(path)
    assert record == {"scores": [2.5, 3], "map": {"k": 1}}
    assert [type(score) for score in record["scores"]] == [float, int]


def test_images_are_not_decoded(tmp_path):
    rows = {"prompt": ["P"], "picture": [{"bytes": b"no picture", "path": None}]}
    features = Features({"prompt": Value("string"), "picture": {"bytes": Value("binary"), "path": Value("string")}})
    Dataset.from_dict(rows, features=features).save_to_disk(tmp_path / "saved")
    # Saved as `Image`, for which `datasets` needs a library that decodes.
    description = tmp_path / "saved/dataset_info.json"
    content = json.loads(description.read_text())
    content["features"]["picture"] = {"_type": "Image"}
    description.write_text(json.dumps(content))
    assert records(tmp_path / "saved") == [{"prompt": "P", "picture": {"bytes": b"no picture"}}]


def test_two_columns_of_one_name_are_an_error(prepare, tmp_path):
    table = pyarrow.table([["P"], ["y"], ["n"], ["z"]], names=["prompt", "chosen", "rejected", "chosen"])
    parquet.write_table(table, path := tmp_path / "rows.parquet")
    message = f"error: {path}: 2 columns have the name 'chosen'; rename or remove all but one\n"
    assert prepare(path).err == message


def test_the_size_and_progress_of_tables_are_known(tmp_path):
    rows = [{"prompt": "P"}] * 1000
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "rows.parquet")
    Dataset.from_list(rows).save_to_disk(tmp_path / "saved")
    for name in ("rows.parquet", "saved"):
        source = Source(str(tmp_path / name))
        assert source.size_hint() == 1000
        shares = [source.progress() for _ in source.records()]
        assert shares == sorted(shares) and 0 < shares[0] < 0.5 and shares[-1] == 1
    (tmp_path / "broken.parquet").write_bytes(b"PAR1")
    assert Source(str(tmp_path / "broken.parquet")).size_hint() is None
