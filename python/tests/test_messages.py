"""Messages of all public formats are brought to one before they are compared or rendered."""

import json

import pytest
from espalier_data.records.rows import parse
from pyarrow import Table, parquet
from rows import ANSWERS, ASKED, assistant, notes, reason, shown, user
from tiny import answered, asked

QUESTION = user("Where?")
CALL = {"type": "function", "function": {"name": "find", "arguments": {"place": "here"}}}


@pytest.mark.parametrize("name", ["human", "Human", "USER", " user ", "prompter"])
@pytest.mark.parametrize("answerer", ["gpt", "Assistant", "model", "bot", "chatgpt", "bing", "AI"])
def test_names_of_roles_are_translated_under_role_and_from(name, answerer):
    for role, content in (("role", "content"), ("from", "value"), ("role", "value"), ("from", "content")):
        answers = {key: [{role: answerer, content: text}] for key, text in ANSWERS.items()}
        row = {"prompt": [{role: name, content: "Where?"}], **answers}
        assert shown(parse(row)) == ASKED
        assert shown(parse({key: [*row["prompt"], *turns] for key, turns in answers.items()})) == ASKED


@pytest.mark.parametrize("role", ["cat", "gpt-4", "", 3, ["human"], {"name": "user"}])
def test_unknown_roles_are_refused_by_name(role):
    for turn in ({"role": role, "content": "Hi"}, {"from": role, "value": "Hi"}):
        assert f"unknown role {role!r}; known: user, human, " in reason({"prompt": [turn], **ANSWERS})
        assert f"unknown role {role!r}; known: user, human, " in reason(
            {"prompt": [QUESTION], **ANSWERS, "chosen": [turn]}
        )


@pytest.mark.parametrize("role", ["developer", "function", "ipython", "tool"])
def test_roles_that_a_template_may_know_are_left_to_it(role):
    assert shown(parse({"prompt": [{"role": role, "content": "X"}, QUESTION], **ANSWERS}))[0][0] == f"{role}: X"


def test_an_answer_ends_with_the_assistant():
    for turns in ([QUESTION], [assistant("Here."), user("Thanks")], [{"role": "observation", "content": "4"}]):
        found = reason({"prompt": [QUESTION], "chosen": turns, "rejected": "No"})
        assert found.startswith("a response must end with a message of the assistant, found ")


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "text", "text": "Where?"}],
        [{"type": "text", "text": "Whe"}, {"type": "text", "text": "re?"}],
        [{"type": "text", "text": "Where?", "image": None, "image_url": None, "cache_control": {"type": "x"}}],
        [{"type": "input_text", "text": "Where?"}],
        [{"text": "Where?"}],
        ["Whe", "re?"],
        {"type": "text", "text": "Where?"},
        {"type": ["text", "text"], "text": ["Whe", "re?"]},
    ],
)
def test_text_parts_are_joined(content):
    assert shown(parse({"prompt": [user(content)], **ANSWERS})) == ASKED
    assert (
        shown(parse({"prompt": "Where?", **{key: [user(content), assistant(text)] for key, text in ANSWERS.items()}}))
        == ASKED
    )
    answer = [{"type": "output_text", "text": "Here."}]
    assert shown(parse({"prompt": [QUESTION], "chosen": assistant(answer), "rejected": "There."})) == ASKED


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            [{"type": "image"}, {"type": "text", "text": "Hi"}],
            "a content part has the type 'image'; only text can be used",
        ),
        ([{"type": "image_url", "image_url": {"url": "u"}}], "a content part has the type 'image_url'; only text"),
        (
            [{"type": "input_audio", "input_audio": {"data": ""}}],
            "a content part has the type 'input_audio'; only text",
        ),
        ([{"type": "thinking", "thinking": "Hm"}], "a content part has the type 'thinking'; only text can be used"),
        ([{"type": "text", "text": "Hi", "image": "b64"}], "a content part holds image; only text can be used"),
        ([{"type": "text"}], "a content part has no text"),
        ([7], "a content part must be an object, found int"),
        (7, "the content of a message must be text or a list of parts, found int"),
        (True, "the content of a message must be text or a list of parts, found bool"),
    ],
)
def test_parts_that_are_no_text_are_refused_in_prompts_and_answers(content, message):
    assert reason({"prompt": [user(content)], **ANSWERS}).startswith(f"prompt: {message}")
    found = reason({"prompt": [QUESTION], "chosen": "Yes", "rejected": [assistant(content)]})
    assert found.startswith(f"rejected: {message}")


def test_other_keys_of_a_part_are_noted():
    row = parse({"prompt": [user([{"type": "text", "text": "Where?", "lead": "So: "}])], **ANSWERS})
    assert (shown(row), notes(row)) == (ASKED, ["the key 'lead' of content parts is not used"])


def test_pictures_of_a_message_are_refused():
    found = reason({"prompt": [user("Hi", images=["a.png"])], **ANSWERS})
    assert found == "prompt: a message holds images; only text can be used"
    assert shown(parse({"prompt": [user("Where?", images=[])], **ANSWERS})) == ASKED


@pytest.mark.parametrize(
    "message",
    [
        {"content": None, "tool_calls": [CALL]},
        {"content": "", "tool_calls": [{**CALL, "function": {"name": "find", "arguments": '{"place": "here"}'}}]},
        {"tool_calls": json.dumps([CALL])},
        {"tool_calls": {"type": ["function"], "function": [CALL["function"]]}},
        {"content": None, "function_call": {"name": "find", "arguments": '{"place": "here"}'}},
    ],
)
def test_tool_calls_have_arguments_that_are_an_object(message):
    row = parse({"prompt": [QUESTION], "chosen": [{"role": "assistant", **message}], "rejected": "No"})
    assert row.responses[0][0]["tool_calls"] == [CALL]


@pytest.mark.parametrize("arguments", ['{"place":', "[1]", "here", [1]])
def test_arguments_that_are_no_object_are_refused(arguments):
    if not isinstance(arguments, list):
        call = {"function": {"name": "find", "arguments": arguments}}
        found = reason({"prompt": [QUESTION], "chosen": [assistant(None, tool_calls=[call])], "rejected": "No"})
        assert found == "chosen: the arguments of a tool call must be an object, also as JSON in text"


def test_a_null_in_the_arguments_as_text_is_kept():
    call = {"function": {"name": "find", "arguments": '{"place": null}'}}
    row = parse({"prompt": [QUESTION], "chosen": [assistant(None, tool_calls=[call])], "rejected": "No"})
    assert row.responses[0][0]["tool_calls"][0]["function"]["arguments"] == {"place": None}


@pytest.mark.parametrize("content", [None, "absent"])
def test_a_message_without_content_and_calls_is_refused(content):
    message = {"role": "assistant"} if content else {"role": "assistant", "content": None}
    for calls in ({}, {"tool_calls": None}, {"tool_calls": []}):
        assert (
            reason({"prompt": [QUESTION], "chosen": [{**message, **calls}], "rejected": "No"})
            == "chosen: a message has no content"
        )


def test_keys_that_no_template_reads_do_not_part_equal_messages():
    for keys in ({"id": 1}, {"weight": 1.0}, {"timestamp": "t"}, {"mood": "sad"}):
        row = parse(
            {"chosen": [user("Where?", **keys), assistant("Here.")], "rejected": [QUESTION, assistant("There.")]}
        )
        assert shown(row) == ASKED
        twice = {"prompt": [user("Q", **keys)], "chosen": [assistant("A", **keys)], "rejected": [assistant("A")]}
        assert reason(twice) == "all responses are identical, so none is preferred"
    for keys in ({"name": "Ann"}, {"tool_call_id": "1"}, {"reasoning_content": "Hm"}):
        assert parse(
            {"prompt": [QUESTION], "chosen": [assistant("A", **keys)], "rejected": [assistant("A")]}
        ).ranks == [0, 1]


def test_a_key_that_only_some_template_may_read_is_noted():
    row = parse(
        {"prompt": [user("Where?", id=3, mood="sad")], "chosen": assistant("Here.", think="Hm"), "rejected": "There."}
    )
    assert sorted(notes(row)) == [
        f"the key '{key}' of messages counts only if the chat template reads it" for key in ("mood", "think")
    ]
    assert row.responses[0][0]["think"] == "Hm"


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ([[QUESTION]], "prompt has lists inside its list of messages; provide one list of messages with roles"),
        ([["Hi", "Yes"], ["And?", "No"]], "prompt has lists inside its list of messages; provide one list"),
        (["Hi", "Yes", "And?"], "prompt: expected a message, found str; a list of strings has no roles"),
        ([None], "prompt: expected a message, found null"),
        ({"text": "Hi"}, "prompt: a message needs role and content, or from and value; found text"),
        (
            [{"role": "user", "text": "Hi"}],
            "prompt: a message needs role and content, or from and value; found role, text",
        ),
        (True, "prompt must be text or messages, found bool"),
    ],
)
def test_lists_that_hold_no_messages_are_refused(prompt, message):
    assert reason({"prompt": prompt, **ANSWERS}).startswith(message)


@pytest.mark.parametrize(
    "prompt",
    [
        {"role": ["user"], "content": ["Where?"]},
        {"from": ["human"], "value": ["Where?"]},
        {"role": ["user"], "content": ["Where?"], "tool_calls": [None], "name": [None]},
        {"messages": [QUESTION]},
        QUESTION,
    ],
)
def test_columns_of_messages_single_messages_and_objects_with_messages(prompt):
    for value in (prompt, json.dumps(prompt), str(prompt)):
        assert shown(parse({"prompt": value, **ANSWERS})) == ASKED


ROWS = [
    {"prompt": [user("Where?", name=None)], "chosen": [assistant("Here.")], "rejected": [assistant("There.")]},
    {
        "prompt": [user([{"type": "text", "text": "Where?", "image": None}])],
        "chosen": [assistant("Here.")],
        "rejected": [assistant("There.")],
    },
    {"prompt": None, "messages": [QUESTION, assistant("Here.")], "rejected_response": "There.", "chosen": None},
    {"prompt": [QUESTION], "responses": [None, "There.", "Here."], "scores": [9.0, 1.0, 2.0], "system": None},
    {
        "conversations": [{"from": "human", "value": "Where?", "weight": None}],
        "chosen": {"from": "gpt", "value": "Here."},
        "rejected": {"from": "gpt", "value": "There."},
    },
]


@pytest.mark.parametrize("row", ROWS)
def test_nulls_are_absent_keys_in_json_and_tables(row, prepare, tmp_path):
    expected = (asked(("user", "Where?")), [answered("Here."), answered("There.")])
    assert prepare([row]).prepared.rows == [expected]
    parquet.write_table(Table.from_pylist([row]), tmp_path / "rows.parquet")
    assert prepare(tmp_path / "rows.parquet").prepared.rows == [expected]


def test_conversations_are_equal_whatever_the_order_and_the_nulls_of_their_keys(prepare):
    rows = [
        {
            "chosen": [{"content": "Where?", "role": "User", "name": None}, assistant("Here.")],
            "rejected": [QUESTION, assistant("There.")],
        }
    ]
    assert prepare(rows).prepared.rows == [(asked(("user", "Where?")), [answered("Here."), answered("There.")])]
