"""Tables as spreadsheets and pandas write them are read, or described with the command that converts them."""

import json
import shutil
import subprocess
import sys

import pytest
from espalier_data.reading import text_records, text_stream

ROWS = [{"prompt": f"P{i}, then; so|\t?", "chosen": f'y "{i}", a;b', "rejected": f"n{i}\n;,"} for i in range(3)]
needs_jq = pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")


def converted(outcome, path) -> list[dict]:
    """Runs the command of a message with a Python that has no packages, and returns the rows that it writes."""
    assert outcome.status == 1
    command = outcome.err.removesuffix("\n").partition(": ")[2].partition(": ")[2]
    command = command.partition("convert it")[2].partition(": ")[2].replace("python3", f"{sys.executable} -IS", 1)
    subprocess.run(command, shell=True, check=True, cwd=path.parent)
    return [json.loads(line) for line in (path.parent / f"{path.name.split('.')[0]}.lines.jsonl").open()]


def quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", ["rows.csv", "rows.tsv", "rows.txt", "rows.jsonl"])
@pytest.mark.parametrize("head", ["", "\ufeff"])
def test_the_sign_between_columns_is_found_in_the_header(mark, name, head, prepare, tmp_path):
    path = tmp_path / name
    lines = [mark.join(ROWS[0]), *(mark.join(map(quoted, row.values())) for row in ROWS)]
    path.write_text(head + "\r\n".join(lines), newline="")
    assert prepare(path).prepared.rows == prepare(ROWS).prepared.rows


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("pad", [0, 1, 2, 3])
def test_a_cell_may_hold_lines_wherever_the_file_is_divided(end, pad, prepare, tmp_path, monkeypatch):
    monkeypatch.setattr(text_stream, "CHUNK", 4)
    path = tmp_path / "rows.csv"
    rows = [{"prompt": "P" * (pad + 1), "chosen": f"y{end}{end}z", "rejected": "n"}, {**ROWS[0], "prompt": "Ü"}]
    lines = [",".join(ROWS[0]), *(",".join(map(quoted, row.values())) for row in rows)]
    path.write_text(end.join(lines) + 2 * end, newline="")
    assert prepare(path).prepared.rows == prepare(rows).prepared.rows


def test_a_sign_inside_of_quotes_is_no_sign_between_columns(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text('"prompt, in words";"chosen, the better";rejected\na;b;c\n\nd;e;f\n')
    names = ("prompt, in words", "chosen, the better", "rejected")
    found = [(record.place, record.value) for record in text_records.read(path)]
    assert found == [(f"{path}:2", dict(zip(names, "abc"))), (f"{path}:4", dict(zip(names, "def")))]


def test_an_empty_cell_of_scores_orders_nothing(prepare, tmp_path):
    path = tmp_path / "rows.csv"
    listed = quoted(json.dumps(["a", "b"]))
    path.write_text(f'prompt,responses,scores\nP,{listed},"[1, 2]"\nQ,{listed},\n')
    outcome = prepare(path)
    assert f"bad row: {path}:3: scores is empty, and the order of responses unknown" in outcome.err
    assert len(outcome.prepared.rows) == 1


def test_the_line_that_names_the_separator_for_spreadsheet_programs_is_skipped(prepare, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("\ufeffsep=;\r\nprompt;chosen;rejected\r\nP, Q;y;n\r\n", newline="")
    same = [{"prompt": "P, Q", "chosen": "y", "rejected": "n"}]
    assert prepare(path).prepared.rows == prepare(same).prepared.rows


def test_a_prompt_that_misses_the_chat_template_is_noted(prepare, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("my question,chosen,rejected\nP,y,n\n")
    note = "prompt= is text that goes through no chat template, although the model has one; question='my question' puts"
    assert note in prepare(path, "--columns", "prompt=my question").err
    assert "template" not in prepare(path, "--columns", "question=my question").err


def test_names_of_columns_that_come_again_are_no_example(prepare, tmp_path):
    path = tmp_path / "rows.csv"
    one = "\ufeffprompt,chosen,rejected\nP,y,n\n"
    path.write_text(one + one)
    outcome = prepare(path)
    assert f"bad row: {path}:3: the names of the columns again, as in files that were joined" in outcome.err
    assert len(outcome.prepared.rows) == 2


def test_a_byte_order_mark_before_a_quoted_name_is_no_part_of_it(prepare, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text('\ufeff"system","question","chosen","rejected"\n"S","P","y","n"\n')
    same = [{"system": "S", "question": "P", "chosen": "y", "rejected": "n"}]
    assert prepare(path).prepared.rows == prepare(same).prepared.rows


def test_blank_lines_and_empty_columns_at_the_end_are_nothing(prepare, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("\n\nprompt,chosen,rejected,,\nP,y,n,,\n\nQ,y,n,,x\n")
    outcome = prepare(path)
    assert outcome.prepared.rows == prepare([{"prompt": "P", "chosen": "y", "rejected": "n"}]).prepared.rows
    assert f"bad row: {path}:6: a cell in one of several columns without a name" in outcome.err


def test_the_index_that_pandas_writes_is_a_column_without_a_name(prepare, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text(",prompt,chosen,rejected\n0,P,y,n\n")
    assert prepare(path).prepared.rows == prepare([{"prompt": "P", "chosen": "y", "rejected": "n"}]).prepared.rows


def test_a_table_in_a_directory_is_that_of_the_file(prepare, tmp_path):
    path = tmp_path / "rows" / "train.csv"
    path.parent.mkdir()
    path.write_text("system,question,chosen,rejected\nNA,P,007,7.50\n")
    assert prepare(path.parent).prepared.rows == prepare(path).prepared.rows


def test_messages_and_scores_are_read_from_text(prepare, tmp_path):
    path = tmp_path / "rows.csv"
    said = [{"role": "user", "content": "P"}]
    path.write_text(f"prompt,responses,scores\n{quoted(json.dumps(said))},{quoted(json.dumps(['a', 'b']))},\"[1, 2.5]\"\n")
    same = [{"prompt": said, "responses": ["a", "b"], "scores": [1, 2.5]}]
    assert prepare(path).prepared.rows == prepare(same).prepared.rows


def test_a_quote_after_white_space_is_a_bad_row(prepare, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text('prompt, chosen, rejected\nP, "y", n\nP, y, n\n')
    outcome = prepare(path)
    assert f"bad row: {path}:2: a quote after white space" in outcome.err and len(outcome.prepared.rows) == 1


def test_a_row_with_other_cells_than_the_header_is_a_bad_row(prepare, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("prompt,chosen,rejected\nP,y\nP,y,n\nP,y,n,m\n")
    outcome = prepare(path)
    assert len(outcome.prepared.rows) == 1
    for line, count, remedy in ((2, 2, "an empty cell needs its ',' too"), (4, 4, "put cells that contain")):
        found = f"bad row: {path}:{line}: expected 3 cells, as the first line names, found {count}; {remedy}"
        assert found in outcome.err


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("prompt,chosen,rejected\nP,y,n\nP,\"y,n\n", ":3: in the row that begins here a quote is not closed"),
        ("prompt,chosen,rejected\nP,\"y\"z,n\n", ":2: in the row that begins here a quote is not closed"),
        ("prompt,chosen,chosen\nP,y,n\n", ":1: two columns have the name 'chosen'; give each its own"),
        ("prompt,chosen,rejected\nP,y,n\rand more\n", ":2: in the row that begins here a cell without quotes has a carriage"),
        ("prompt,chosen,rejected\nP,y,n\0\n", ": a NUL character; is the file damaged"),
        ("sep=;\n", ": a table without rows"),
        ("prompt,chosen,rejected\n", ": a table without rows below the names of its columns; check the program"),
    ],
)
def test_a_broken_table_is_refused(text, error, prepare, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text(text, newline="")
    outcome = prepare(path)
    assert outcome.status == 1 and f"error: {path}{error}" in outcome.err
    assert not outcome.path.exists()


def test_a_table_by_columns_may_lack_cells_and_have_other_keys(prepare, tmp_path):
    path = tmp_path / "rows.json"
    table = {"version": 1, "prompt": {"0": "P", "2": "Q"}, "chosen": {"0": "y", "2": "z"}, "rejected": {"2": "n"}}
    path.write_text(json.dumps(table))
    assert converted(prepare(path), path) == [
        {"prompt": "P", "chosen": "y", "rejected": None},
        {"prompt": "Q", "chosen": "z", "rejected": "n"},
    ]


@pytest.mark.parametrize("indent", [None, 1])
def test_a_table_by_rows_is_converted(indent, prepare, tmp_path):
    path = tmp_path / "rows.json"
    table = {"columns": list(ROWS[0]), "index": [0, 1, 2], "data": [list(row.values()) for row in ROWS]}
    path.write_text(json.dumps(table, indent=indent))
    outcome = prepare(path)
    assert "a table by rows (prompt, chosen, rejected) in one JSON object" in outcome.err
    assert converted(outcome, path) == ROWS


@needs_jq
@pytest.mark.parametrize("indent", [None, 1])
def test_a_record_for_each_key_is_converted(indent, prepare, tmp_path):
    path = tmp_path / "rows.json"
    path.write_text(json.dumps({str(index): row for index, row in enumerate(ROWS)}, indent=indent))
    outcome = prepare(path)
    assert "one JSON object with a record for each key (0, 1, 2)" in outcome.err
    assert converted(outcome, path) == ROWS


def test_a_comma_after_each_line_is_named(prepare, tmp_path):
    path = tmp_path / "rows.jsonl"
    good = {"prompt": "P", "chosen": "y", "rejected": "n"}
    path.write_text(",\n".join(json.dumps(good) for _ in range(3)) + "\n")
    outcome = prepare(path)
    column = len(json.dumps(good)) + 1
    assert f"rows.jsonl:1: not valid JSON: a comma after the value, at column {column}; remove it" in outcome.err
    assert len(outcome.prepared.rows) == 1
    path.write_text(f"[{path.read_text()}]")
    assert len(prepare(path).prepared.rows) == 3
