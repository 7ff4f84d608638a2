"""Random damage to data files is reported, never a traceback, and never changes rows in silence."""

import gzip
import json
import random

import pyarrow
import pytest
from espalier_data.errors import UserError
from espalier_data.reading import text_stream
from espalier_data.reading.sources import Source
from pyarrow import parquet

ROWS = [
    {
        "prompt": f"Question {index}? ü\u2028",
        "chosen": {"role": "assistant", "content": "Yes\n"},
        "scores": [1, None, 2.5],
    }
    for index in range(8)
]
TOKENS = [
    b"\0", b"\r", b"\n", b"\r\n", b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"\xef\xbb\xbf", b"\xff\xfe", b"NaN",
    b"null", b"-Infinity", b"1e999", b"\xe2\x80\xa8", b"\\ud800", b" " * 40, b"9" * 5000, b"[" * 2000,
]  # fmt: skip


def contents() -> dict[str, bytes]:
    lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS).encode()
    array = json.dumps(ROWS, ensure_ascii=False, indent=1).encode()
    sink = pyarrow.BufferOutputStream()
    parquet.write_table(pyarrow.Table.from_pylist(ROWS), sink)
    return {
        "rows.jsonl": lines,
        "rows.json": array,
        "returns.jsonl": lines.replace(b"\n", b"\r"),
        "object.json": json.dumps({"data": ROWS}, indent=1).encode(),
        "rows.jsonl.gz": gzip.compress(lines),
        "rows.parquet": sink.getvalue().to_pybytes(),
        "utf16.jsonl": lines.decode().encode("utf-16"),
    }


def damaged(content: bytes, draw: random.Random) -> bytes:
    content = bytearray(content)
    for _ in range(draw.choice([1, 2, 5])):
        place = draw.randrange(len(content) + 1)
        new = draw.choice([draw.choice(TOKENS), draw.randbytes(draw.randrange(1, 5)), b""])
        content[place : place + draw.choice([0, 1, 10])] = new
    return bytes(content[: draw.choice([len(content), draw.randrange(len(content) + 1)])])


@pytest.mark.parametrize("name", contents())
@pytest.mark.parametrize("seed", range(12))
def test_damage_is_an_error_or_a_problem(name, seed, monkeypatch, tmp_path):
    draw = random.Random(f"{name}/{seed}")
    content = contents()[name]
    for attempt in range(20):
        path = tmp_path / f"{attempt}-{name}"
        path.write_bytes(damaged(content, draw))
        outcomes = []
        # The first piece determines what ends a line; it is never this small.
        for size in (1 << 20, 1 << 20 if name == "returns.jsonl" else draw.choice([1, 7, 100])):
            monkeypatch.setattr(text_stream, "CHUNK", size)
            try:
                outcomes.append([(record.value, record.problem) for record in Source(str(path), 0.5).records()])
            except UserError as error:
                assert str(error).startswith(str(path)) and "\n" not in str(error)
                outcomes.append(str(error))
        # Errors of the whole file may come before or after records, by the size of the pieces.
        if not any(isinstance(outcome, str) for outcome in outcomes):
            assert repr(outcomes[0]) == repr(outcomes[1])


@pytest.mark.parametrize("seed", range(20))
def test_one_damaged_line_leaves_the_others_as_they_are(seed, tmp_path):
    draw = random.Random(seed)
    lines = [json.dumps(row, ensure_ascii=False) for row in ROWS]
    broken = draw.randrange(len(lines))
    place = draw.randrange(1, len(lines[broken]))
    lines[broken] = lines[broken][:place]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(lines))
    records = list(Source(str(path)).records())
    expected = [value for record in ROWS for value in [json.loads(json.dumps(record))]]
    assert [record.value for record in records] == [None if i == broken else row for i, row in enumerate(expected)]
    assert [index for index, record in enumerate(records) if record.problem] == [broken]
