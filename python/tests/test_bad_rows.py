"""A bad row is reported with its location and skipped; with `--strict` it is an error."""

import json
import math

import pytest
from espalier_data.records.missing import INTO_TEMPLATE

GOOD = {"prompt": "P", "chosen": "y", "rejected": "n"}
USER = {"role": "user", "content": "Hi"}
ANSWER = {"role": "assistant", "content": "Yes"}
ENDING = "a response must end with a message of the assistant, found 'user'"
NEEDED = "a row needs chosen and rejected, or responses"
ROLES = (
    "user, human, prompter, assistant, gpt, model, bot, chatgpt, bing, bard, ai, chatbot, function_call, tool_call, "
    "system, tool, observation, tool_response, developer, function, ipython"
)
MORE = f"provide two or more responses to a prompt: {NEEDED}"


def missing(name: str, found: str) -> str:
    return f"{name} is missing; {NEEDED}; {found}; name its column with --columns {name}=COLUMN"


def all_missing(found: str, prompt: str = "") -> str:
    remedy = f"name their columns with --columns {prompt}chosen=COLUMN rejected=COLUMN{INTO_TEMPLATE if prompt else ''}"
    return f"chosen and rejected are missing; {NEEDED}; {found}; {remedy}"


FINE_TUNING = f"as for supervised fine-tuning; provide a better and a worse one for each prompt: {NEEDED}"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("text", "expected an object, found str"),
        (None, "expected an object, found null"),
        ({}, all_missing("found no columns", "prompt=COLUMN ")),
        ({"prompt": "P", "chosen": "y"}, missing("rejected", "found the columns prompt, chosen")),
        ({"prompt": "P", "chosen": None, "rejected": "n"}, missing("chosen", "found the columns prompt, rejected")),
        ({"prompt": "P", "responses": ["y"]}, "responses must be a list of two or more, best first"),
        ({"prompt": "P", "responses": "yn"}, "responses must be a list of two or more, best first"),
        ({"prompt": "P", "completion": "y", "label": True}, "unpaired feedback (label), as for KTO; " + MORE),
        ({"messages": [USER], "kto_tag": True}, "unpaired feedback (kto_tag), as for KTO; " + MORE),
        ({"messages": [USER]}, f"a single response (messages), {FINE_TUNING}; found the columns messages"),
        (
            {"conversations": [USER]},
            f"a single response (conversations), {FINE_TUNING}; found the columns conversations",
        ),
        (
            {"prompt": "P", "completion": "y"},
            f"a single response (completion), {FINE_TUNING}; found the columns prompt, completion",
        ),
        (
            {"prompt": "P", "response": "y"},
            f"a single response (response), {FINE_TUNING}; found the columns prompt, response",
        ),
        ({"text": "y"}, f"a single response (text), {FINE_TUNING}; found the columns text"),
        ({"prompt": "P", "chosen": "y", "rejected": "y"}, "all responses are identical, so none is preferred"),
        ({"prompt": "P", "responses": ["y", "y", "y"]}, "all responses are identical, so none is preferred"),
        (
            {"prompt": "P", "responses": ["y", "n"], "scores": [1, 1.0]},
            "all responses have the same score, so none is preferred",
        ),
        (
            {"prompt": "P", "responses": ["y", "n"], "scores": [1]},
            "scores must have a number for each of 2 responses, found 1",
        ),
        ({"prompt": "P", "responses": ["y", "n"], "scores": [1, math.nan]}, "scores must be finite numbers, found nan"),
        (
            {"prompt": "P", "responses": ["y", "n"], "ratings": [-math.inf, 1]},
            "ratings must be finite numbers, found -inf",
        ),
        (
            {"prompt": "P", "responses": ["y", "n"], "ratings": ["five", "1"]},
            "ratings must be finite numbers, found 'five'",
        ),
        ({"prompt": "P", "responses": ["y", "n"], "rank": [True, 2]}, "rank must be finite numbers, found True"),
        (
            {"prompt": "P", "answers": [{"answer": "y", "rank": 1}, {"answer": "n"}]},
            "rank must be finite numbers, found None",
        ),
        (
            {"prompt": "P", "answers": [{"answer": "y", "rank": 1}, "n"]},
            "answers must all be text or all be objects, found both",
        ),
        (
            {"prompt": "P", "completions": [{"score": 1}, {"score": 2}]},
            "an object in completions has no text; expected one of the keys response, answer, "
            "completion, text, content, messages in all",
        ),
        (
            {"prompt": "P", "response_1": "y", "response_2": "n", "preference_strength": 0},
            "all responses have the same score, so none is preferred",
        ),
        ({**GOOD, "tools": {"name": "saw"}}, "tools must be a list, found dict"),
        ({"prompt": 7, "chosen": "y", "rejected": "n"}, "prompt must be text or messages, found int"),
        ({"prompt": [USER], "chosen": 7, "rejected": "n"}, "chosen must be text or messages, found int"),
        (
            {"prompt": ["Hi"], "chosen": "y", "rejected": "n"},
            "prompt: expected a message, found str; a list of strings has no roles",
        ),
        (
            {"prompt": [{"text": "Hi"}], "chosen": "y", "rejected": "n"},
            "prompt: a message needs role and content, or from and value; found text",
        ),
        ({"prompt": [USER], "chosen": {"role": "assistant"}, "rejected": "n"}, "chosen: a message has no content"),
        (
            {"prompt": "P", "chosen": "y", "rejected": [ANSWER]},
            "the responses to a prompt of text must all be text, or all be messages; found both",
        ),
        ({"chosen": "y", "rejected": [ANSWER]}, "responses must all be strings, or all be lists of messages"),
        ({"prompt": "P", "chosen": [USER], "rejected": [ANSWER]}, ENDING),
        (
            {"chosen": "yes", "rejected": "no"},
            "no prompt, and the responses have no common prefix that ends before a word; "
            "found the columns chosen, rejected; name the prompt's column with --columns prompt=COLUMN" + INTO_TEMPLATE,
        ),
        (
            {"conversations": [{"from": "cat", "value": "Hi"}], "chosen": "y", "rejected": "n"},
            f"conversations: unknown role 'cat'; known: {ROLES}",
        ),
        (
            {"conversations": [{"from": ["human"], "value": "Hi"}], "chosen": "y", "rejected": "n"},
            f"conversations: unknown role ['human']; known: {ROLES}",
        ),
        ({**GOOD, "tools": "{"}, "tools is not valid JSON: Expecting property name enclosed in double quotes"),
        ({**GOOD, "chat_template_kwargs": [1]}, "chat_template_kwargs must be an object, found list"),
        (
            {"prompt": [USER], "chosen": "y", "rejected": "n", "chat_template_kwargs": {"chat_template": "{{ 1 }}"}},
            "chat_template_kwargs must not contain chat_template; the model's template is used",
        ),
        ({"prompt": "P", "responses": ["y"] * 1025}, "responses must be a list of at most 1024, found 1025"),
        ({**GOOD, "prompt": "\ud800"}, "the text contains a lone surrogate, \\ud800"),
        (
            {"prompt": [{"role": "user", "content": "\udc00"}], "chosen": "y", "rejected": "n"},
            "the text contains a lone surrogate, \\udc00",
        ),
    ],
)
def test_a_bad_row_is_reported_and_the_others_are_kept(row, reason, prepare, tmp_path):
    outcome = prepare([GOOD, row, GOOD])
    assert (outcome.status, outcome.err) == (0, f"bad row: {tmp_path}/data.jsonl:2: {reason}\n")
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
        ('{"prompt": "P", "chosen": "y", "rejected": "n", "chosen": "z"}', "not readable JSON: duplicate key 'chosen'"),
    ],
    ids=["truncated", "extra", "very long number", "deep nesting", "duplicate key"],
)
def test_a_broken_line_is_reported_and_the_others_are_kept(line, reason, prepare, tmp_path):
    path = tmp_path / "lines.jsonl"
    path.write_text(f"{json.dumps(GOOD)}\n\n{line}\n{json.dumps(GOOD)}\n")
    outcome = prepare(path)
    assert outcome.err.startswith(f"bad row: {path}:3: {reason}")
    assert outcome.err.count("\n") == 1
    assert len(outcome.prepared.rows) == 2


@pytest.mark.parametrize(
    ("end", "line", "reason"),
    [
        (
            ', {"prompt": "P", "cho',
            3,
            "not valid JSON: Unterminated string starting at column 19; the rest of the file is skipped",
        ),
        (",", 3, "the array is not closed; is the file truncated?"),
        (",\n", 4, "the array is not closed; is the file truncated?"),
        ("", 3, "the array is not closed; is the file truncated?"),
        (" 5]", 3, "not valid JSON: expected , or ] at column 2; the rest of the file is skipped"),
        ("]\n[1]", 3, "unexpected text after the array; the rest of the file is skipped"),
    ],
)
def test_rows_before_the_error_in_a_broken_array_are_kept(end, line, reason, prepare, tmp_path):
    path = tmp_path / "array.json"
    path.write_text(f"[{json.dumps(GOOD)},\n{json.dumps(GOOD)}\n{end}")
    outcome = prepare(path)
    assert outcome.err == f"bad row: {path}:{line}: {reason}\n"
    assert len(outcome.prepared.rows) == 2


def test_the_first_of_many_bad_rows_of_a_kind_are_reported_and_the_rest_counted(prepare, tmp_path):
    outcome = prepare([{"text": "y"}] * 5 + [GOOD, {}])
    place = f"bad row: {tmp_path}/data.jsonl"
    reason = f"a single response (text), {FINE_TUNING}; found the columns text"
    assert outcome.err.splitlines() == [
        *(f"{place}:{index + 1}: {reason}" for index in range(3)),
        f"{place}:7: {all_missing('found no columns', 'prompt=COLUMN ')}",
        f"bad rows: 2 more: {reason}",
    ]
    assert outcome.prepared.metadata["dropped_bad_rows"] == "6"


def test_strict_stops_at_the_first_bad_row_and_writes_nothing(prepare, tmp_path):
    outcome = prepare([GOOD, {"prompt": "P"}, {}], "--strict")
    reason = all_missing("found the columns prompt")
    assert outcome.status == 1
    assert outcome.err == f"error: {tmp_path}/data.jsonl:2: {reason}; nothing was written\n"
    assert [path.name for path in tmp_path.iterdir()] == ["data.jsonl"]
