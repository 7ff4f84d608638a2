"""All supported preference formats give the same tokens."""

import gzip
import json

import pytest
import tiny
from tiny import END, answered, asked


def message(content: str, role: str = "assistant") -> dict:
    return {"role": role, "content": content}


def turn(value: str, speaker: str = "gpt") -> dict:
    return {"from": speaker, "value": value}


CONVERSATION = (asked(("user", "Hi")), [answered("Yes"), answered("No")])
QUESTION = message("Hi", "user")


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": [QUESTION], "chosen": [message("Yes")], "rejected": [message("No")]},
        {"prompt": [QUESTION], "chosen": message("Yes"), "rejected": message("No")},
        {"prompt": [QUESTION], "chosen": "Yes", "rejected": "No"},
        {"prompt": [QUESTION], "responses": ["Yes", "No"]},
        {"chosen": [QUESTION, message("Yes")], "rejected": [QUESTION, message("No")]},
        {"prompt": "Hi", "chosen": [QUESTION, message("Yes")], "rejected": [QUESTION, message("No")]},
        {"conversations": [turn("Hi", "human")], "chosen": turn("Yes"), "rejected": turn("No")},
        {"conversations": [turn("Hi", "human")], "chosen": [turn("Yes")], "rejected": [turn("No")]},
    ],
    ids=["messages", "single", "texts", "ranked", "implicit", "implicit with text", "sharegpt", "sharegpt lists"],
)
def test_conversations_go_through_the_chat_template(row, prepare):
    assert prepare([row]).prepared.rows == [CONVERSATION]


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "Say:", "chosen": " yes", "rejected": " no"},
        {"prompt": "Say:", "responses": [" yes", " no"]},
        {"chosen": "Say: yes", "rejected": "Say: no"},
    ],
    ids=["explicit", "ranked", "implicit"],
)
def test_texts_end_in_one_end_token(row, prepare):
    assert prepare([row]).prepared.rows == [([*b"Say:"], [[*b" yes", END], [*b" no", END]])]


def test_a_system_message_and_earlier_turns_belong_to_the_prompt(prepare):
    turns = [("system", "Be brief"), ("user", "Hi"), ("assistant", "Hm"), ("user", "Well?")]
    answers = {"chosen": [message("Yes")], "rejected": [message("No")]}
    messages = {"prompt": [message(content, role) for role, content in turns], **answers}
    sharegpt = {
        "system": "Be brief",
        "conversations": [turn("Hi", "human"), turn("Hm"), turn("Well?", "human")],
        "chosen": turn("Yes"),
        "rejected": turn("No"),
    }
    expected = (asked(*turns), [answered("Yes"), answered("No")])
    assert prepare([messages, sharegpt]).prepared.rows == [expected, expected]


def test_ranked_responses_keep_their_order_and_number(prepare):
    rows = prepare(
        [{"prompt": "P", "responses": ["c", "a", "b"]}, {"prompt": "Q", "chosen": "y", "rejected": "z"}]
    ).prepared.rows
    assert rows == [([*b"P"], [[*b"c", END], [*b"a", END], [*b"b", END]]), ([*b"Q"], [[*b"y", END], [*b"z", END]])]


def test_template_arguments_are_passed_on(prepare, tmp_path):
    template = "{{ mood }}{{ tools[0]['name'] }}" + tiny.CHATML
    model = tiny.save_model(tmp_path / "moody", template=template)
    answers = {"chosen": "Yes", "rejected": "No"}
    settings = {"chat_template_kwargs": {"mood": "glad"}}
    tools = [{"name": "saw"}]
    rows = [{"prompt": [QUESTION], **answers, **settings, "tools": form} for form in (tools, json.dumps(tools))]
    expected = ([*b"gladsaw", *CONVERSATION[0]], CONVERSATION[1])
    assert prepare(rows, model=model).prepared.rows == [expected, expected]


def test_template_arguments_of_a_row_take_precedence_over_the_command_line(prepare, tmp_path):
    template = "{{ mood }}{{ size }}{{ tools[0]['name'] }}" + tiny.CHATML
    model = tiny.save_model(tmp_path / "moody", template=template)
    row = {"prompt": [QUESTION], "chosen": "Yes", "rejected": "No"}
    own = {"chat_template_kwargs": {"mood": "glad"}, "tools": [{"name": "saw"}]}
    (tmp_path / "tools.json").write_text(json.dumps([{"name": "axe"}]))
    words = ["--chat-template-kwargs", '{"mood": "sad", "size": 7}', "--tools", tmp_path / "tools.json"]
    prompts = [prompt for prompt, _ in prepare([row, {**row, **own}], *words, model=model).prepared.rows]
    assert prompts == [[*start, *CONVERSATION[0]] for start in (b"sad7axe", b"glad7saw")]


ROWS = [{"prompt": "P", "chosen": f"{index}", "rejected": "x"} for index in range(3)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rows.json", json.dumps(ROWS)),
        ("indented.json", json.dumps(ROWS, indent=2)),
        ("marked.json", "\ufeff" + json.dumps(ROWS)),
        ("rows.jsonl", "".join(json.dumps(row) + "\n" for row in ROWS)),
        ("blank.jsonl", "\n\n".join(json.dumps(row) for row in ROWS)),
        ("windows.jsonl", "".join(json.dumps(row) + "\r\n" for row in ROWS)),
        ("single.json", json.dumps(ROWS[0])),
    ],
)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_arrays_and_lines_plain_or_compressed(name, text, suffix, prepare, tmp_path):
    path = tmp_path / (name + suffix)
    path.write_bytes(gzip.compress(text.encode()) if suffix else text.encode())
    rows = prepare(path).prepared.rows
    expected = [([*b"P"], [[*f"{index}".encode(), END], [*b"x", END]]) for index in range(3)]
    assert rows == (expected[:1] if name == "single.json" else expected)


def test_several_files_are_concatenated(prepare, tmp_path):
    paths = [tmp_path / "a.jsonl", tmp_path / "b.json"]
    paths[0].write_text(json.dumps(ROWS[0]))
    paths[1].write_text(json.dumps(ROWS[1:]))
    prepared = prepare(paths).prepared
    assert [row[1][0][0] for row in prepared.rows] == [*b"012"]
    assert prepared.arrays["source_rows"].tolist() == [0, 1, 2]
