"""Values that are nested too deeply are bad rows for any number of processes, and option errors."""

import json

import pytest
import tiny

GOOD = {"prompt": "P", "chosen": "y", "rejected": "n"}
USER = {"role": "user", "content": "Where?"}


def deep(levels: int, value: object = 1) -> object:
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


def rows(*values: object) -> list[dict]:
    return [GOOD] * 70 + [{**GOOD, "z": value} for value in values] + [GOOD] * 70


@pytest.mark.parametrize("processes", [1, 2])
def test_a_deep_row_is_a_bad_row_for_any_number_of_processes(processes, prepare, tmp_path):
    # The row itself is one level.
    outcome = prepare(rows(deep(99), deep(100), deep(400)), "--num-proc", processes)
    assert outcome.status == 0
    bad = [line for line in outcome.err.splitlines() if line.startswith("bad row")]
    assert bad == [f"bad row: {tmp_path}/data.jsonl:{n}: nested more than 100 levels deep" for n in (72, 73)]
    assert outcome.prepared.metadata["dropped_bad_rows"] == "2" and len(outcome.prepared.rows) == 141


@pytest.mark.parametrize("processes", [1, 2])
def test_deep_json_in_text_is_a_bad_row(processes, prepare, tmp_path):
    tools = json.dumps([{"function": {"name": "f", "parameters": deep(300)}}])
    row = {"prompt": [USER], "chosen": "Here.", "rejected": "There."}
    outcome = prepare([row] * 70 + [{**row, "tools": tools}], "--num-proc", processes)
    assert f"bad row: {tmp_path}/data.jsonl:71: nested more than 100 levels deep\n" in outcome.err


def test_a_wide_row_is_no_deep_one(prepare):
    assert prepare(rows([[1]] * 5000)).prepared.metadata["rows_kept"] == "141"


KEYS = '{"a": 1, "a": 2}'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 200 + "]" * 200, "nested more than 100 levels deep"),
        ("[" * 200_000 + "]" * 200_000, "nested more than 100 levels deep"),
        (f"[{KEYS}]", "not valid JSON: duplicate key 'a'"),
        ('[{"a": "\\ud800"}]', r"the text contains a lone surrogate, \ud800"),
        ("[5]", "expected a list of objects, found int in it"),
    ],
)
def test_tools_that_cannot_be_used_are_an_error(text, reason, prepare, tmp_path):
    (tmp_path / "tools.json").write_text(text)
    outcome = prepare([GOOD], "--tools", tmp_path / "tools.json")
    assert (outcome.status, outcome.err) == (1, f"error: {tmp_path}/tools.json: {reason}\n")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a":' * 200 + "1" + "}" * 200, "nested more than 100 levels deep"),
        ('{"a":' * 20_000 + "1" + "}" * 20_000, "nested more than 100 levels deep"),
        (KEYS, "not valid JSON: duplicate key 'a'"),
        ('{"a": "\\ud800"}', r"the text contains a lone surrogate, \ud800"),
    ],
)
def test_variables_that_cannot_be_used_are_an_error(text, reason, prepare):
    outcome = prepare([GOOD], "--chat-template-kwargs", text)
    assert outcome.status == 2 and outcome.err.endswith(f"argument --chat-template-kwargs: {reason}\n")


def test_null_stays_a_value_of_tools_and_variables(prepare, tmp_path):
    template = "{{ tools | tojson }}{{ x is none }}" + tiny.CHATML
    model = tiny.save_model(tmp_path / "model", template=template)
    (tmp_path / "tools.json").write_text('[{"name": "f", "default": null}]')
    options = ["--tools", tmp_path / "tools.json", "--chat-template-kwargs", '{"x": null}']
    row = {"prompt": [USER], "chosen": "y", "rejected": "n"}
    (prompt, _) = prepare([row], *options, model=model).prepared.rows[0]
    written = b'[{"name": "f", "default": null}]True'
    assert bytes(prompt[: len(written)]) == written


@pytest.mark.parametrize("weight", ["5e9", "1e308", "1000001", "inf", "0", "-1", "nan"])
def test_weights_have_a_range(weight, prepare):
    outcome = prepare([GOOD], "--weights", weight)
    message = f"error: --weights must be positive numbers, at most 1000000, found {float(weight)}\n"
    assert (outcome.status, outcome.err) == (1, message)
