"""JSON is read as a stream: the size of the pieces changes nothing, and memory does not grow with the file."""

import gzip
import json
import os
import random
import subprocess
import sys

import pytest
from espalier_data.reading import text_records, text_stream
from espalier_data.reading.record import Progress, Record
from espalier_data.reading.sources import Source

VALUES = [
    {"prompt": "P", "chosen": "y", "rejected": "n"},
    {"text": 'quotes " and \\ and \u2028 \u0085 \x0b \x0c \ufeff é 🙂', "number": -1.5e-7, "list": [1, [2, {}], []]},
    12345678901234567890,
    -0.25,
    True,
    "text, ] and }",
    {"deep": {"deeper": [{"deepest": "x" * 50}]}},
]


def read(path, size, monkeypatch) -> list[Record]:
    monkeypatch.setattr(text_stream, "CHUNK", size)
    return list(text_records.read(path))


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 16, 31, 64, 1000, 1 << 20])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\n\n"])
def test_lines_do_not_depend_on_the_size_of_pieces(size, ending, monkeypatch, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(ending.join(json.dumps(value, ensure_ascii=False) for value in VALUES).encode())
    records = read(path, size, monkeypatch)
    step = ending.count("\n")
    assert records == [Record(f"{path}:{1 + index * step}", value) for index, value in enumerate(VALUES)]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 16, 31, 64, 1000, 1 << 20])
@pytest.mark.parametrize("indent", [None, 0, 4])
def test_arrays_do_not_depend_on_the_size_of_pieces(size, indent, monkeypatch, tmp_path):
    path = tmp_path / "rows.json"
    text = json.dumps(VALUES, ensure_ascii=False, indent=indent)
    path.write_bytes(text.encode())
    records = read(path, size, monkeypatch)
    assert [record.value for record in records] == VALUES
    lines = text.split("\n")
    for record in records:
        line = lines[int(record.place.rpartition(":")[2]) - 1]
        assert json.dumps(record.value, ensure_ascii=False)[:1] in line


BROKEN = [
    "{",
    '{"a"',
    '{"a": 1 "b"}',
    "tru",
    "1.2.3",
    '"no end',
    "]",
    "}",
    '{"a": 1, "a": 2}',
    "1" * 5000,
    "[1,]",
    "\0",
]


@pytest.mark.parametrize("size", [1, 3, 8, 50])
@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("array", [True, False])
def test_problems_do_not_depend_on_the_size_of_pieces(size, broken, array, monkeypatch, tmp_path):
    path = tmp_path / "rows.json"
    good = [json.dumps(value) for value in VALUES]
    elements = [*good[:3], broken, *good[3:]]
    path.write_text("[" + ",\n".join(elements) + "]" if array else "\n".join(elements))
    whole = read(path, 1 << 20, monkeypatch)
    assert any(record.problem for record in whole) and [record.value for record in whole[:3]] == VALUES[:3]
    assert read(path, size, monkeypatch) == whole


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".jsonl.gz", ".json.gz"])
def test_a_file_on_one_line_is_read(suffix, monkeypatch, tmp_path):
    path = tmp_path / f"rows{suffix}"
    value = {"prompt": "P" * 3_000_000, "chosen": "y", "rejected": "n"}
    text = json.dumps([value, value] if ".json" in path.suffixes else value).encode()
    path.write_bytes(gzip.compress(text) if suffix.endswith(".gz") else text)
    assert [record.value for record in text_records.read(path)] == (
        [value] * 2 if ".json" in path.suffixes else [value]
    )


@pytest.mark.parametrize("array", [True, False])
@pytest.mark.parametrize("compressed", [True, False])
def test_memory_does_not_grow_with_the_file(array, compressed, tmp_path):
    path = tmp_path / f"rows.json{'.gz' * compressed}"
    draw = random.Random(1)
    row = {"prompt": "".join(draw.choices("abcdefgh ", k=2000)), "chosen": "y", "rejected": "n"}
    with (gzip.open if compressed else open)(path, "wt") as file:
        file.write("[" * array)
        for index in range(20_000):
            file.write("," * (array and index > 0) + json.dumps(row | {"id": index}) + "\n")
        file.write("]" * array)
    # 40 MB of text.
    script = (
        "import resource, sys; from pathlib import Path; from espalier_data.reading import text_records\n"
        "used = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = used(); count = sum(1 for _ in text_records.read(Path(sys.argv[1]))); print(count, used() - before)"
    )
    result = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True)
    count, kilobytes = map(int, result.stdout.split())
    assert count == 20_000
    assert kilobytes < 20_000, result.stderr


def test_a_compressed_stream_is_limited_by_its_total(monkeypatch, tmp_path):
    monkeypatch.setattr(text_records, "MAX_DECOMPRESSED_BYTES", 1000)
    monkeypatch.setattr(text_stream, "CHUNK", 100)
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"a": 1}\n' * 100_000))
    limit = 100 * path.stat().st_size
    with pytest.raises(text_stream.UserError, match=f"decompresses to more than {limit} bytes"):
        for count, _ in enumerate(text_records.read(path)):
            assert count * 9 <= limit


def test_progress_is_the_share_of_the_bytes(monkeypatch, tmp_path):
    monkeypatch.setattr(text_stream, "CHUNK", 1 << 12)
    path = tmp_path / "rows.jsonl"
    path.write_text('{"prompt": "P", "chosen": "y", "rejected": "n"}\n' * 1000)
    source = Source(str(path))
    shares = [source.progress() for _ in source.records()]
    assert shares == sorted(shares) and 0 < shares[0] < 0.2 and shares[-1] == source.progress() == 1
    assert 0.4 < shares[500] < 0.7
    assert source.size_hint() is None


def test_a_pipe_is_read_without_progress(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = subprocess.Popen(["sh", "-c", f"printf '{{\"a\": 1}}\\n{{\"a\": 2}}\\n' > '{path}'"])
    source = Source(str(path), weight=1.5)
    assert [record.value for record, _ in source.weighted_records("0")] == [{"a": 1}, {"a": 2}]
    assert (source.progress(), writer.wait()) == (None, 0)


def test_an_unknown_total_has_no_share():
    assert Progress().fraction is None and Progress(0, 0).fraction == 0 and Progress(3, 4).fraction == 0.75
