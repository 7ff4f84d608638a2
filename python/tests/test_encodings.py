"""Encodings, byte order marks and line ends: read, or reported by name with a remedy that works."""

import gzip
import json
import subprocess

import pytest
from espalier_data.reading import text_records

CONVERT = "convert it, from the encoding of spreadsheet programs by iconv -f WINDOWS-1252 -t UTF-8"
ROWS = [{"prompt": prompt, "chosen": " y", "rejected": " n"} for prompt in ("P", "Qé", "R")]
LINES = [json.dumps(row, ensure_ascii=False) for row in ROWS]


def problems(path) -> list[tuple[str, str]]:
    """Returns what is wrong, and on which line."""
    records = text_records.read(path)
    return [(record.place.removeprefix(f"{path}:"), record.problem) for record in records if record.problem]


def prompts(outcome) -> list[str]:
    return [bytes(prompt).decode() for prompt, _ in outcome.prepared.rows]


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("utf-16-be", "UTF-16"),
        ("utf-32", "UTF-32"),
        ("utf-32-le", "UTF-32"),
        ("utf-32-be", "UTF-32"),
    ],
)
@pytest.mark.parametrize("form", ["lines", "array", "indented", "gzip", "big-endian mark"])
def test_utf16_and_utf32_are_named_and_the_remedy_works(encoding, name, form, prepare, tmp_path):
    path = tmp_path / ("my rows.jsonl.gz" if form == "gzip" else "my rows.jsonl")
    text = {"array": json.dumps(ROWS), "indented": json.dumps(ROWS, indent=1)}.get(form, "\n".join(LINES))
    mark = "\ufeff" if form == "big-endian mark" and encoding not in ("utf-16", "utf-32") else ""
    content = (mark + text).encode(encoding)
    path.write_bytes(gzip.compress(content) if form == "gzip" else content)
    outcome = prepare(path)
    assert outcome.status == 1 and outcome.err.count("\n") == 1
    start, _, command = outcome.err.removesuffix("\n").partition("; convert it: ")
    assert start == f"error: {path}: {name} text, expected UTF-8"
    subprocess.run(command, shell=True, check=True, cwd=tmp_path)
    assert prompts(prepare(tmp_path / "my rows.utf8.jsonl")) == ["P", "Qé", "R"]


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_other_encodings_are_located(encoding, prepare, tmp_path):
    path = tmp_path / "rows.jsonl"
    content = "\n".join(LINES).encode(encoding)
    path.write_bytes(content)
    outcome = prepare(path)
    position = content.index(b"\xe9")
    assert outcome.err.startswith(f"error: {path}:2: not UTF-8 at byte {position} of the file; {CONVERT}")


def test_a_location_counts_a_byte_order_mark(prepare, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\xef\xbb\xbf\n\xff")
    assert prepare(path).err.startswith(f"error: {path}:2: not UTF-8 at byte 4 of the file; {CONVERT}")


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff{0}\n{1}\n{2}\n",
        "{0}\n\ufeff{1}\n\ufeff{2}",
        "{0}\ufeff{1}\ufeff{2}",
        "\ufeff\ufeff{0}\r\n\ufeff{1}\r\n  \ufeff{2}\r\n",
        "{0}\n\ufeff\n{1}\n{2}\ufeff\n",
        "{0}\r{1}\r{2}",
        "{0}\r{1}\r{2}\r",
        "\r\r{0}\r\r{1}\r\r{2}\r\r",
        "\ufeff{0}\r\ufeff{1}\r{2}\r",
        "{0}\r{1}\n{2}\n",
        "{0}\n{1}\r{2}",
        "{0}\r\n{1}\r\n{2}\r\n",
        "{0}\r\r\n{1}\r\r\n{2}\r\r\n",
        "[{0},\r{1},\r{2}]\r",
        "\ufeff[{0},\n{1},{2}]",
        "\n\ufeff [{0},\n{1},{2}]",
    ],
)
def test_marks_and_line_ends_of_all_systems_are_read(text, prepare, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(text.format(*LINES).encode())
    outcome = prepare(path)
    assert (outcome.status, outcome.err) == (0, "")
    assert prompts(outcome) == ["P", "Qé", "R"]


@pytest.mark.parametrize("space", ["\r", "\r\r", " \r\t"])
@pytest.mark.parametrize("end", ["", "\n", "\r", "\r\n", "\n{0}\n", "\r{0}", "\r{0}\r"])
def test_carriage_returns_in_white_space_do_not_split_a_row(space, end, prepare, tmp_path):
    path = tmp_path / "rows.jsonl"
    row = f'{{"prompt":{space}"P",{space}"chosen": " y"{space},"rejected":{space}" n"{space}}}'
    path.write_bytes((row + end.format(LINES[0])).encode())
    outcome = prepare(path)
    assert (outcome.status, outcome.err) == (0, "")
    assert prompts(outcome) == ["P", "P"] if "{0}" in end else ["P"]


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\u0085", "\u000b", "\u000c", "\u001c", "\ufeff", "\r"])
@pytest.mark.parametrize("form", ["lines", "array", "returns"])
def test_characters_in_text_do_not_split_a_row(character, form, prepare, tmp_path):
    path = tmp_path / "rows.jsonl"
    rows = [{**row, "prompt": f"{row['prompt']}{character}!"} for row in ROWS]
    # Control characters must be escaped in JSON.
    lines = [json.dumps(row, ensure_ascii=character < " ") for row in rows]
    text = {"lines": "\n".join(lines), "array": f"[{','.join(lines)}]", "returns": "\r".join(lines)}[form]
    path.write_bytes(text.encode())
    assert prompts(prepare(path)) == [row["prompt"] for row in rows]


def test_a_broken_row_among_carriage_returns_is_located(prepare, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes("\r".join([LINES[0], '{"prompt": "P", "cho', LINES[1], "oops", LINES[2], "{"]).encode())
    assert prompts(prepare(path)) == ["P", "Qé", "R"]
    assert problems(path) == [
        ("2", "not valid JSON: Unterminated string starting at column 17"),
        ("4", "not valid JSON: Expecting value at column 1"),
        ("6", "not valid JSON: Expecting property name enclosed in double quotes at column 2"),
    ]


def test_lines_after_carriage_returns_have_the_numbers_of_an_editor(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(f"{LINES[0]}\n{LINES[1]}\r{LINES[2]}\r\noops\n".encode())
    assert problems(path) == [("4", "not valid JSON: Expecting value at column 1")]


def test_nul_bytes_are_named(prepare, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(f"{LINES[0]}\n".encode() + b'{"prompt": "\0"}\n' + b"\0" * 5000)
    damaged = "is the file damaged, or partly UTF-16?"
    assert problems(path) == [
        ("2", f"not valid JSON: a NUL byte at column 13; {damaged}"),
        ("3", f"not valid JSON: a NUL byte at column 1; {damaged}"),
    ]
    assert prompts(prepare(path)) == ["P"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_files_of_two_encodings_that_were_joined_are_named(encoding, prepare, tmp_path):
    path = tmp_path / "rows.jsonl"
    first = f"{LINES[1]}\n".encode()
    path.write_bytes(first + f"\ufeff{LINES[0]}\n".encode(encoding))
    place = f"at byte {len(first)} of the file"
    message = f"UTF-16 after UTF-8, {place}: two files; convert each to UTF-8 before they are joined"
    assert prepare(path).err == f"error: {path}:2: {message}\n"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{0}{0}", "another value at column {1}; expected one record per line"),
        ("{0} {0}", "another value at column {2}; expected one record per line"),
        (
            "{{'prompt': 'P'}}",
            "Expecting property name enclosed in double quotes at column 2; "
            "Python's notation? write JSON with json.dumps",
        ),
    ],
)
def test_lines_that_are_nearly_records_are_described(line, reason, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(f"{LINES[0]}\n{line.format(LINES[0])}\n")
    reason = reason.format(0, len(LINES[0]) + 1, len(LINES[0]) + 2)
    assert problems(path) == [("2", f"not valid JSON: {reason}")]
