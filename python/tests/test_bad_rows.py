"""A bad row is told with its place and left out; `--strict` stops there."""

import json

import pytest

GOOD = {"prompt": "P", "chosen": "y", "rejected": "n"}
USER = {"role": "user", "content": "Hi"}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("text", "expected an object, found str"),
        (None, "expected an object, found NoneType"),
        ({}, "chosen is missing; a row has chosen and rejected, or responses"),
        ({"prompt": "P", "chosen": "y"}, "rejected is missing; a row has chosen and rejected, or responses"),
        (
            {"prompt": "P", "chosen": None, "rejected": "n"},
            "chosen is missing; a row has chosen and rejected, or responses",
        ),
        ({"prompt": "P", "responses": ["y"]}, "responses must be a list of two or more, best first"),
        ({"prompt": "P", "responses": "yn"}, "responses must be a list of two or more, best first"),
        (
            {"prompt": "P", "completion": "y", "label": True},
            "an unpaired preference (completion with label); pairs or ranked responses are needed",
        ),
        ({"prompt": "", "chosen": "y", "rejected": "n"}, "the prompt is empty"),
        ({"prompt": [], "chosen": "y", "rejected": "n"}, "prompt must be a list of messages"),
        ({"prompt": 7, "chosen": "y", "rejected": "n"}, "prompt must be a list of messages"),
        ({"prompt": "P", "chosen": "", "rejected": "n"}, "a response is empty"),
        ({"prompt": [USER], "chosen": [], "rejected": "n"}, "a response must be a list of messages"),
        ({"prompt": [USER], "chosen": 7, "rejected": "n"}, "a response must be a list of messages"),
        ({"prompt": ["Hi"], "chosen": "y", "rejected": "n"}, "expected a message, found str"),
        (
            {"prompt": [{"text": "Hi"}], "chosen": "y", "rejected": "n"},
            "a message needs role and content, or from and value; found text",
        ),
        ({"prompt": [USER], "chosen": {"role": "assistant"}, "rejected": "n"}, "a response's message has no content"),
        ({"prompt": "P", "chosen": "y", "rejected": [USER]}, "prompt must be a list of messages"),
        ({"chosen": "y", "rejected": [USER]}, "responses must all be strings, or all be lists of messages"),
        ({"chosen": "yes", "rejected": "no"}, "there is no prompt, and the responses do not begin alike"),
        ({"chosen": "", "rejected": "no"}, "there is no prompt, and the responses do not begin alike"),
        ({"chosen": [], "rejected": [USER]}, "there is no prompt, and the responses do not begin alike"),
        ({"conversations": [], "chosen": "y", "rejected": "n"}, "conversations must be a list of messages"),
        (
            {"conversations": [{"from": "cat", "value": "Hi"}], "chosen": "y", "rejected": "n"},
            "unknown role 'cat'; known: human, user, gpt, assistant, system, function_call, observation, tool",
        ),
        (
            {"conversations": [{"from": ["human"], "value": "Hi"}], "chosen": "y", "rejected": "n"},
            "unknown role ['human']; known: human, user, gpt, assistant, system, function_call, observation, tool",
        ),
        ({**GOOD, "tools": "{"}, "tools is not valid JSON: Expecting property name enclosed in double quotes"),
        ({**GOOD, "chat_template_kwargs": [1]}, "chat_template_kwargs must be an object, found list"),
        ({**GOOD, "prompt": "\ud800"}, "the text holds half a character (a lone surrogate), as \\ud800"),
        (
            {"prompt": [{"role": "user", "content": "\udc00"}], "chosen": "y", "rejected": "n"},
            "the text holds half a character (a lone surrogate), as \\udc00",
        ),
    ],
)
def test_a_bad_row_is_told_and_the_good_ones_stay(row, reason, prepare, tmp_path):
    outcome = prepare([GOOD, row, GOOD])
    assert (outcome.status, outcome.err) == (0, f"bad row: {tmp_path}/data.jsonl:2: row 1: {reason}\n")
    assert outcome.prepared.arrays["source_rows"].tolist() == [0, 2]
    assert outcome.prepared.metadata["dropped_bad_rows"] == "1"
    assert "dropped bad rows                   1\n" in outcome.out


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"prompt": "P", "chosen":', "not valid JSON: Expecting value at column 26"),
        ('{"prompt": "P"} extra', "not valid JSON: Extra data at column 17"),
        ("1" * 5000, "not readable JSON: Exceeds the limit (4300 digits) for integer string conversion"),
        ("[" * 100_000, "not readable JSON: "),
    ],
    ids=["cut", "extra", "endless number", "endless nesting"],
)
def test_a_broken_line_is_told_and_the_good_ones_stay(line, reason, prepare, tmp_path):
    path = tmp_path / "lines.jsonl"
    path.write_text(f"{json.dumps(GOOD)}\n\n{line}\n{json.dumps(GOOD)}\n")
    outcome = prepare(path)
    assert outcome.err.startswith(f"bad row: {path}:3: row 1: {reason}")
    assert outcome.err.count("\n") == 1
    assert len(outcome.prepared.rows) == 2


@pytest.mark.parametrize(
    ("end", "line", "reason"),
    [
        (
            ', {"prompt": "P", "cho',
            3,
            "not valid JSON: Unterminated string starting at column 19; what follows is lost",
        ),
        (",", 3, "the array does not end: a truncated file?"),
        (",\n", 4, "the array does not end: a truncated file?"),
        ("", 3, "the array does not end: a truncated file?"),
        (" 5]", 3, "not valid JSON: expected , or ] at column 2; what follows is lost"),
        ("]\n[1]", 3, "something follows the array; what follows is lost"),
    ],
)
def test_of_a_broken_array_the_rows_before_the_fault_stay(end, line, reason, prepare, tmp_path):
    path = tmp_path / "array.json"
    path.write_text(f"[{json.dumps(GOOD)},\n{json.dumps(GOOD)}\n{end}")
    outcome = prepare(path)
    assert outcome.err == f"bad row: {path}:{line}: row 2: {reason}\n"
    assert len(outcome.prepared.rows) == 2


def test_strict_stops_at_the_first_bad_row_and_writes_nothing(prepare, tmp_path):
    outcome = prepare([GOOD, {"prompt": "P"}, {}], "--strict")
    reason = "chosen is missing; a row has chosen and rejected, or responses"
    assert outcome.status == 1
    assert outcome.err == f"error: {tmp_path}/data.jsonl:2: row 1: {reason}; nothing was written\n"
    assert [path.name for path in tmp_path.iterdir()] == ["data.jsonl"]
